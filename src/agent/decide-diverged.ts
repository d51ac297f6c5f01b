// Pure: what becomes of a server whose data cannot be a part of the group's: it has transactions that the group has
// not, or other rows under the same ones. It stays out and read-only until somebody allows to discard that.

import { describeGtidSet } from "../mysql/gtid.ts";
import type { DataFacts, MetadataFacts } from "../mysql/queries.ts";
import { type AgentAction, wait } from "./actions.ts";
import { addressOf, type Facts, isRegistered, type UpView } from "./facts.ts";
import type { ExistingGroup } from "./group.ts";
import { approval, isApproved, planReclone } from "./plan.ts";

export type LocalWithData = UpView & { readonly data: DataFacts };

/** What it does about that; undefined when its data is a part of the group's, as far as is known. */
export function diverged(
  facts: Facts,
  local: LocalWithData,
  group: ExistingGroup,
): AgentAction | undefined {
  const { cluster, history, now, relation, self } = facts;
  const { conflict } = local.data;
  const errant = relation?.errant ?? "";
  if (errant === "" && conflict === "") return undefined;
  const registered = isRegistered(group.metadata, local.member.uuid);
  // A set is errant only against all that the group has, and that the primary has for certain.
  const primary = group.online.find(({ address }) => address === group.primary);
  if (primary === undefined) {
    return wait(
      "WaitingForPrimary",
      "this member holds what those who answer do not; the primary must answer first",
    );
  }
  const message = describe(errant, conflict);
  if (cluster?.bootstrap.at === undefined) return wait("Diverged", message);
  const plan = planReclone(facts, local, errant);
  // Other rows may be the right ones: the spec allows to discard transactions of its own and nothing else.
  const asked = cluster.recovery.diverged === "Report" || conflict !== "";
  if (asked && !isApproved(plan, cluster)) {
    const offer = `${message}. To save ${conflict === "" ? "them as a file" : "its logs"} on its ` +
      `volume and replace its data by the group's: ${approval(plan, facts)}`;
    return { ...wait("Diverged", offer), plan };
  }
  const old = waitForOldSelf(local, group, self.address);
  if (old !== undefined) return old;
  const via = primary.address;
  if (now < history.retryAt) return wait("ActionFailed", history.lastFailure);
  if (!registered && isStale(group.metadata, self.address)) return { type: "remove-instance", via };
  const how = { via, errant, conflict, registered, ...(asked ? { plan } : {}) };
  return { type: "reclone-instance", ...how };
}

function describe(errant: string, conflict: string): string {
  const own = `this member holds transactions that the group does not: ${describeGtidSet(errant)}`;
  const other = "this member has other rows than the group, although its transactions are the " +
    `group's: ${conflict}. Compare them with the other members'; once they are mended, ` +
    "restart mysqld here";
  const found = [errant === "" ? [] : own, conflict === "" ? [] : other].flat().join("; ");
  return `${found}; it stays out and read-only, and nothing is discarded`;
}

/** Whether the metadata has this address with another server: the volume was replaced. */
export function isStale(metadata: MetadataFacts | undefined, own: string): boolean {
  return metadata?.instances.some(({ address }) => address === own) === true;
}

/** Why it cannot do anything yet: the group still lists it. */
export function waitForOldSelf(
  { member: { uuid } }: UpView,
  { view }: ExistingGroup,
  own: string,
): AgentAction | undefined {
  const old = view.find((row) => row.uuid === uuid || addressOf(row) === own);
  return old && wait(
    "WaitingForView",
    `the group still lists this member as ${old.state}; it may return once it is expelled`,
  );
}
