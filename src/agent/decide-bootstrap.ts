// Pure: what a server does while no group with a majority is to be seen and there never was one: ordinal 0
// creates it. If there was one, decide-outage.ts decides.
//
// Invariants: `status.bootstrap.at` set means the group exists, so nobody creates another. An intent
// without a result may be started over by the same ordinal, because no client was ever sent to that group
// and nobody joins it before its result is recorded.

import { describeGtidSet } from "../mysql/gtid.ts";
import type { DataFacts } from "../mysql/queries.ts";
import { type AgentAction, wait } from "./actions.ts";
import { decideOutage } from "./decide-outage.ts";
import {
  type ClusterFacts,
  type Facts,
  hasData,
  isRegistered,
  stateOf,
  type UpView,
} from "./facts.ts";

type LocalWithData = UpView & { readonly data: DataFacts };

/** The next step while no reachable member is ONLINE in a majority. */
export function decideWithoutGroup(facts: Facts, local: LocalWithData): AgentAction {
  const { cluster, history, now } = facts;
  if (cluster === undefined) {
    return wait(
      "ApiUnavailable",
      "no member with a quorum answers, and the Cluster cannot be read from the API server",
    );
  }
  if (cluster.bootstrap.at !== undefined) return decideOutage(facts, local, cluster);
  const kept = keptGroups(facts, local, cluster);
  if (kept.length > 0) return decideKept(facts, kept);
  if (facts.self.ordinal !== 0) return decideBeforeGroup(local);
  if (now < history.retryAt) return wait("ActionFailed", history.lastFailure);
  return decideCreate(facts, local, cluster);
}

// Groups of this Cluster's name that volumes hold although the Cluster is new: it was deleted and made again. With
// an intent it has begun a group of its own.
function keptGroups(facts: Facts, local: LocalWithData, cluster: ClusterFacts): string[] {
  if (cluster.bootstrap.serverUuid !== undefined) return [];
  const servers = [local, ...facts.peers.filter((peer) => peer.reachable)];
  const groups = servers.flatMap(({ data, member }) => {
    const { clusters = [] } = data.metadata ?? {};
    return isRegistered(data.metadata, member.uuid)
      ? clusters.filter(({ name }) => name === facts.self.clusterName)
      : [];
  });
  return [...new Set(groups.map(({ groupName }) => groupName))];
}

// Recording it only takes away the right to create another; how it starts again is decided as after any outage.
function decideKept({ self }: Facts, [groupName = "", ...others]: readonly string[]): AgentAction {
  if (others.length > 0) {
    return wait(
      "SplitBrain",
      `the volumes hold data of several groups of this name: ${
        [groupName, ...others].join(", ")
      }; ` +
        "nothing is changed. Remove the volumes of the wrong ones",
    );
  }
  if (self.ordinal === 0) return { type: "record-bootstrap", groupName };
  return wait(
    "WaitingForPrimary",
    "the volumes hold data of an earlier Cluster of this name; the first instance takes it up",
  );
}

function decideBeforeGroup(local: LocalWithData): AgentAction {
  if (hasData(local.data)) {
    return wait(
      "ForeignData",
      `the volume holds data (${
        describeGtidSet(local.data.executed)
      }) although this Cluster has no ` +
        "group yet; nothing is overwritten. Give the member an empty volume",
    );
  }
  return wait("WaitingForPrimary", "the first instance creates the group");
}

function decideCreate(facts: Facts, local: LocalWithData, cluster: ClusterFacts): AgentAction {
  const ours = cluster.bootstrap.serverUuid === local.member.uuid;
  if (hasData(local.data) && !ours) {
    return wait(
      "ForeignData",
      `the volume holds data (${describeGtidSet(local.data.executed)}) that this Cluster did not ` +
        "make, probably of an earlier Cluster of this name; nothing is created or overwritten",
    );
  }
  const blocking = facts.claims === undefined
    ? undefined
    : facts.claims.filter((claim) => claim.mayHoldData && !isKnownEmpty(facts, claim.address));
  if (blocking === undefined) {
    return wait("WaitingForPeers", "it is not known yet which other volumes may hold data");
  }
  if (blocking.length > 0) {
    const names = blocking.map(({ address }) => address).join(", ");
    return wait(
      "WaitingForPeers",
      `the volumes of ${names} may hold data of an earlier Cluster; the group is created when these ` +
        "instances answer and are empty",
    );
  }
  const touched = hasData(local.data) || local.data.creating || stateOf(local.member) !== "OFFLINE";
  return { type: "create-cluster", startOver: ours && touched };
}

function isKnownEmpty(facts: Facts, address: string): boolean {
  const peer = facts.peers.find((peer) => peer.address === address);
  return peer?.reachable === true && !hasData(peer.data);
}
