// The status of a Cluster, derived from nothing but this pass: the snapshot, the plan, what failed. Pure.
//
// Only transition times (and an instance's `since`) are carried over from the stored status.
// `bootstrap` and `recovery` are not here: the agents write them, and server-side apply leaves them alone because
// we never send them.

import type { Cluster, ClusterStatus } from "../../api/cluster.ts";
import { type NewCondition, setCondition } from "../../api/conditions.ts";
import { formatSelector, selectorLabels } from "../../api/labels.ts";
import type { Condition } from "../../api/kinds.ts";
import { deriveConditions } from "./conditions.ts";
import { historyOf } from "./history.ts";
import { deriveInstances, type Instance, instanceStatus } from "./instances.ts";
import type { ClusterPlan } from "./plan.ts";
import type { ClusterSnapshot } from "./snapshot.ts";

export type Pass = {
  readonly snapshot: ClusterSnapshot;
  readonly plan: ClusterPlan;
  /** What went wrong in carrying out the plan, for people. */
  readonly failure?: string;
  /** Milliseconds since 1970. */
  readonly now: number;
};

/** The part of the status that the operator owns. */
export type OwnStatus = Omit<ClusterStatus, "bootstrap" | "recovery"> & { conditions: Condition[] };

export function deriveClusterStatus(pass: Pass): OwnStatus {
  const { snapshot: { cluster, nodes, pods }, plan, now } = pass;
  const { name, generation } = cluster.metadata;
  const members = plan.settled?.context.members ?? pods.length;
  const instances = deriveInstances(name, members, { pods, nodes });
  const online = instances.filter(({ state }) => state === "Online");
  const primaries = online.filter(({ report }) => report?.role === "primary");
  const version = runningVersion(instances);
  const image = plan.settled?.context.serverImage;
  const told = instances.map((one) => instanceStatus(one, cluster.status?.instances, now));
  const history = historyOf(cluster.status, told, now);
  const plans = instances.flatMap(({ report }) => report?.plan ?? []);
  const conditions = deriveConditions(pass, { members, instances, online, primaries });
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    members,
    onlineMembers: online.length,
    membersSummary: `${online.length}/${members}`,
    ...(primaries.length > 0 && { primary: primaries.map((one) => one.name).join(",") }),
    ...(version !== undefined && { version }),
    ...(image !== undefined && { image }),
    labelSelector: formatSelector(selectorLabels(name)),
    instances: told,
    ...(history.length > 0 && { history }),
    ...(plans.length > 0 && { plans }),
    conditions: withTimes(cluster, conditions, now),
  };
}

/** What every reporting member runs, or `mixed`. */
export function runningVersion(instances: readonly Instance[]): string | undefined {
  const versions = new Set(instances.flatMap(({ report }) => report?.serverVersion ?? []));
  return versions.size > 1 ? "mixed" : [...versions][0];
}

function withTimes(cluster: Cluster, next: readonly NewCondition[], now: number): Condition[] {
  const before = (cluster.status?.conditions ?? []) as Condition[];
  const known = before.filter(({ type }) => next.some((one) => one.type === type));
  return next.reduce((all, condition) => setCondition(all, condition, now), known);
}

/** Whether writing `next` would change anything; the order of keys does not count. */
export function statusDiffers(cluster: Cluster, next: OwnStatus): boolean {
  const { bootstrap: _agents, recovery: _theirs, ...stored } = cluster.status ?? {};
  return canonical(stored) !== canonical(next);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => a < b ? -1 : 1));
  });
}
