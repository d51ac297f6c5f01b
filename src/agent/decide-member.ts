// Pure: what a server does that is outside the group while the group has its majority: come back, join,
// or wait with a reason. The group's metadata says whether it belongs; GTID sets say whether it may
// (decide-diverged.ts).

import { countTransactions, normaliseGtidSet, ofSource } from "../mysql/gtid.ts";
import type { DataFacts } from "../mysql/queries.ts";
import { type AgentAction, wait } from "./actions.ts";
import { diverged, isStale, type LocalWithData, waitForOldSelf } from "./decide-diverged.ts";
import {
  addressOf,
  type DataRelation,
  type Facts,
  hasData,
  isRegistered,
  ownRow,
  primariesOf,
  stateOf,
  type UpView,
} from "./facts.ts";
import type { ExistingGroup } from "./group.ts";

/** More missing transactions than this are copied as files, clone: a server applies 200 to 2,000 of them in a second. */
const INCREMENTAL_LIMIT = 100_000;
/** An empty server lacks the whole history, which is no smaller than the files; it has nothing that a clone would copy again. */
const EMPTY_LIMIT = 10_000;
/** How long a server may try by itself to come back after an expulsion. */
export const AUTO_REJOIN_MS = 30_000;
const START_TRIES = 1;
const REJOIN_TRIES = 3;

/** The next step of a server outside an existing group. */
export function decideMember(
  facts: Facts,
  local: LocalWithData,
  group: ExistingGroup,
): AgentAction {
  return refuse(facts, local, group) ?? diverged(facts, local, group) ??
    route(facts, local, group);
}

function refuse(
  facts: Facts,
  local: LocalWithData,
  group: ExistingGroup,
): AgentAction | undefined {
  const { cluster, relation, self } = facts;
  // While the group is being created its metadata is not whole yet.
  if (group.metadata === undefined || group.metadata.clusters.length === 0) {
    return wait("WaitingForPrimary", "the group's metadata cannot be read yet");
  }
  const recorded = cluster?.bootstrap.groupName;
  if (recorded !== undefined && recorded !== group.groupName) {
    return wait(
      "SplitBrain",
      `the group that is running is ${group.groupName}, the one that this Cluster created is ` +
        `${recorded}; nothing is changed. Stop the servers of the wrong one`,
    );
  }
  const names = group.metadata.clusters.map(({ name }) => name);
  if (!names.includes(self.clusterName)) {
    return wait("ForeignData", `the group that is running belongs to cluster ${names.join(", ")}`);
  }
  if (local.data.executed === "" && local.data.userSchemas > 0) {
    return wait(
      "ForeignData",
      "the volume holds databases but no transaction of any group; nothing is overwritten. Give the " +
        "member an empty volume, or move that data away",
    );
  }
  if (relation === undefined) {
    return wait(
      "WaitingForPeers",
      "the transactions of the group cannot be compared with mine yet",
    );
  }
  return undefined;
}

function route(facts: Facts, local: LocalWithData, group: ExistingGroup): AgentAction {
  const { history, now, self } = facts;
  const old = waitForOldSelf(local, group, self.address);
  if (old !== undefined) return old;
  if (now < history.retryAt) return wait("ActionFailed", history.lastFailure);
  return isRegistered(group.metadata, local.member.uuid)
    ? comeBack(facts, local, group)
    : join(facts, local, group);
}

/** A member that the metadata knows. */
function comeBack(facts: Facts, local: LocalWithData, group: ExistingGroup): AgentAction {
  const { cluster, history, now, relation } = facts;
  // Not noted yet: it has only just begun.
  const { autoRejoinSince = now } = history;
  if (local.data.starting === "autoRejoin" && now - autoRejoinSince < AUTO_REJOIN_MS) {
    return wait("WaitingForView", "the server is trying to come back by itself after an expulsion");
  }
  const failed = (type: string): number => history.failures[type] ?? 0;
  const sameGroup = local.data.groupName === group.groupName;
  if (cluster === undefined && lacksRestart(facts, group)) {
    return wait(
      "ApiUnavailable",
      "the group was started again while this member was away: what that gave up is in the Cluster, " +
        "which cannot be read from the API server",
    );
  }
  const canStart = sameGroup && relation?.purged === "" && relation.accountsCurrent;
  // Without the API server there is no other way than to try again.
  const triedStart = failed("start-group-replication") >= START_TRIES && cluster !== undefined;
  if (canStart && !triedStart) {
    return { type: "start-group-replication" };
  }
  if (local.data.groupName !== "" && !sameGroup) {
    return wait(
      "SplitBrain",
      `this server was last in group ${local.data.groupName}, and the one that is running is ` +
        `${group.groupName}; nothing is changed`,
    );
  }
  if (cluster === undefined) return noApi();
  if (group.primary === undefined) return noPrimary();
  // Its data is a part of the group's, and no applier found other rows: a clone loses nothing.
  const clone = relation?.purged !== "" || failed("rejoin-instance") >= REJOIN_TRIES;
  return {
    type: "rejoin-instance",
    via: group.primary,
    ...(clone ? { method: "clone" as const } : {}),
  };
}

/** The group writes under its own name, and a server under its own only while it is in none: before it starts one again. */
function lacksRestart({ relation }: Facts, { groupName }: ExistingGroup): boolean {
  const missing = relation?.missing ?? "";
  return ofSource(missing, groupName) !== normaliseGtidSet(missing);
}

/** A server that the metadata does not know, or knows by the address of a volume that is gone. */
function join(facts: Facts, local: LocalWithData, group: ExistingGroup): AgentAction {
  const { cluster, relation, self } = facts;
  if (cluster === undefined || relation === undefined) return noApi();
  if (cluster.bootstrap.at === undefined) {
    return wait("WaitingForPrimary", "the group is there, but its creation is not recorded yet");
  }
  if (self.ordinal >= cluster.members) {
    return wait(
      "WaitingForPeers",
      `spec.members is ${cluster.members}: this instance is not wanted`,
    );
  }
  if (group.primary === undefined) return noPrimary();
  if (isStale(group.metadata, self.address)) return { type: "remove-instance", via: group.primary };
  return { type: "add-instance", via: group.primary, method: methodFor(relation, local.data) };
}

function methodFor(relation: DataRelation, own: DataFacts): "clone" | "incremental" {
  const most = hasData(own) ? INCREMENTAL_LIMIT : EMPTY_LIMIT;
  const much = countTransactions(relation.missing) > most;
  return relation.purged !== "" || much ? "clone" : "incremental";
}

/** ONLINE in the group and not in its metadata: an add that was interrupted after the join. */
export function decideUnregistered(facts: Facts): AgentAction {
  const { cluster, history, local, now, self } = facts;
  if (local.server !== "up") return { type: "idle" };
  if (cluster === undefined) return noApi();
  if (cluster.bootstrap.at === undefined) {
    return wait("WaitingForPrimary", "the group's creation is not recorded yet");
  }
  const primary = primariesOf(local.member)[0];
  // It was elected before it was written down: the Shell takes it in through any member that is.
  const elected = primary?.uuid === local.member.uuid;
  const asked = facts.peers.find((peer) =>
    peer.reachable && stateOf(peer.member) === "ONLINE" &&
    (elected || (primary && peer.address === addressOf(primary)))
  );
  if (primary === undefined || asked?.reachable !== true) return noPrimary();
  // My copy of the metadata may be behind the primary's.
  if (isRegistered(asked.data.metadata, local.member.uuid)) {
    return { type: "steady" };
  }
  if (asked.data.metadata?.clusters.some(({ name }) => name === self.clusterName) !== true) {
    return wait("ForeignData", "this server is in a group whose metadata is not this Cluster's");
  }
  if (now < history.retryAt) return wait("ActionFailed", history.lastFailure);
  // A rejoin of the new server was interrupted before it was written down. The Shell adds nobody beside that.
  if (isStale(asked.data.metadata, self.address)) {
    return { type: "remove-instance", via: asked.address };
  }
  // Only incremental is possible for a member that is running in the group.
  return { type: "add-instance", via: asked.address, method: "incremental" };
}

function noApi(): AgentAction {
  return wait("ApiUnavailable", "the Cluster cannot be read from the API server");
}

function noPrimary(): AgentAction {
  return wait("WaitingForPrimary", "the group has no primary that answers");
}

/** Whether the member is out of its group by an error and must be stopped before it can start. */
export function mustStopFirst(local: UpView): boolean {
  return stateOf(local.member) === "ERROR" || ownRow(local.member)?.state === "UNREACHABLE" ||
    local.data?.starting === "autoRejoin";
}
