// What a server still holds of a history that an approved restart of the group gave up. The group has given the same
// GTIDs to other transactions since, so a comparison of sets calls it a part of the group's: the member would come back
// with rows that nobody else has.
//
// Before MySQL Shell starts the group again it makes an account on the seed, with the binary log on: transactions of
// the seed's own server_uuid, which whoever has anything of the group since then has as well.

import type { RestartRecord } from "../api/cluster.ts";
import { countTransactions, ofSource, unionGtidSets } from "../mysql/gtid.ts";
import { subtractGtids } from "../mysql/queries.ts";
import type { Session } from "../mysql/session.ts";

/** The part of `mine` that was given up, given all that the group, or any of the others, has; empty: none. @throws SqlError */
export async function abandoned(
  session: Session,
  { mine, theirs }: { readonly mine: string; readonly theirs: string },
  restarts: readonly RestartRecord[],
): Promise<string> {
  const parts: string[] = [];
  for (const { gtids, serverUuid } of restarts) {
    const mark = ofSource(await subtractGtids(session, theirs, gtids), serverUuid);
    const lacked = await subtractGtids(session, mark, mine);
    const isFromBefore = mark !== "" && countTransactions(lacked) === countTransactions(mark);
    if (isFromBefore) parts.push(await subtractGtids(session, mine, gtids));
  }
  return unionGtidSets(...parts);
}
