// What a server still holds of a history that an approved restart of the group gave up. The group has given the same
// GTIDs to other transactions since, so a comparison of sets calls it a part of the group's: the member would come back
// with rows that nobody else has.
//
// Before MySQL Shell starts the group again it makes an account on the seed, with the binary log on: transactions of
// the seed's own server_uuid. Of the members that were left out, whoever lacks these is from before.

import type { RestartRecord } from "../api/cluster.ts";
import { countTransactions, ofSource, unionGtidSets } from "../mysql/gtid.ts";
import { subtractGtids } from "../mysql/queries.ts";
import type { Session } from "../mysql/session.ts";

/** What the server of this uuid holds, and all that the group, or any of the others, has. */
export type Holding = { readonly uuid: string; readonly mine: string; readonly theirs: string };

/** The part of `mine` that was given up; empty: none. @throws SqlError */
export async function abandoned(
  session: Session,
  { mine, theirs, uuid }: Holding,
  restarts: readonly RestartRecord[],
): Promise<string> {
  const parts: string[] = [];
  for (const { gtids, serverUuid, without } of restarts) {
    // Any other that joins has new transactions, received, before it has the older ones.
    if (!without.includes(uuid)) continue;
    const mark = ofSource(await subtractGtids(session, theirs, gtids), serverUuid);
    const lacked = await subtractGtids(session, mark, mine);
    const isFromBefore = mark !== "" && countTransactions(lacked) === countTransactions(mark);
    if (isFromBefore) parts.push(await subtractGtids(session, mine, gtids));
  }
  return unionGtidSets(...parts);
}
