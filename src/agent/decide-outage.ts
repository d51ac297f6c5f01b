// Pure: what a server does when the group was created and nobody who answers is in it with a majority. The
// group starts again by itself only if that can lose nothing: every member is up and outside any group, and
// one of them holds all that any of them executed or received. In every other case a person decides, by
// approving exactly the plan that this agent publishes.

import { describeGtidSet, unionGtidSets } from "../mysql/gtid.ts";
import type { DataFacts } from "../mysql/queries.ts";
import { type AgentAction, wait } from "./actions.ts";
import { type ClusterFacts, type Facts, hasData, type UpView } from "./facts.ts";
import { judgeOutage, nameOf, type Outage, planRestart } from "./outage.ts";
import { approval, describePlan, isApproved } from "./plan.ts";

type LocalWithData = UpView & { readonly data: DataFacts };

/** The next step of a server whose group is gone. */
export function decideOutage(
  facts: Facts,
  local: LocalWithData,
  cluster: ClusterFacts,
): AgentAction {
  return waitForData(facts, local, cluster) ?? restartGroup(facts, local, cluster);
}

function waitForData(
  facts: Facts,
  local: LocalWithData,
  cluster: ClusterFacts,
): AgentAction | undefined {
  const silent = facts.peers.filter((peer) => !peer.reachable).map(({ address }) => address);
  const withData = facts.peers.filter((peer) => peer.reachable && hasData(peer.data));
  if (hasData(local.data)) return undefined;
  if (withData.length > 0) {
    return wait(
      "CompleteOutage",
      "no data here; a member that has data must start the group again",
    );
  }
  return silent.length > 0 || facts.peers.length < cluster.members - 1
    ? wait("WaitingForPeers", `no data here; ${silent.join(", ")} must answer first`)
    : wait(
      "DataLost",
      "the group was created, and every volume is new: restore from a backup, or delete the " +
        "Cluster and create it again to start with no data",
    );
}

function restartGroup(facts: Facts, local: LocalWithData, cluster: ClusterFacts): AgentAction {
  const outage = judgeOutage(facts, cluster);
  if (outage === undefined) {
    return wait("WaitingForPeers", "the members' transactions cannot be compared yet");
  }
  if (outage.unsettled.length > 0) {
    return wait(
      "NoQuorum",
      `${
        outage.unsettled.join(", ")
      } must first find the majority of the group, or leave or give up`,
    );
  }
  const seed = outage.seed === undefined ? undefined : outage.holdings[outage.seed];
  if (seed === undefined) {
    const silent = outage.absent.map(({ address }) => nameOf(facts, address));
    if (silent.length > 0) {
      return wait(
        "WaitingForPeers",
        `no server that answers is a member of the group; ${silent.join(", ")} must answer first`,
      );
    }
    return wait(
      "ForeignData",
      `no server that answers belongs to the recorded group ${cluster.bootstrap.groupName}; nothing ` +
        `is changed. This one has ${held(local)}`,
    );
  }
  const doubt = doubtsOf(facts, outage, cluster);
  const mine = seed.address === facts.self.address;
  if (doubt !== undefined) return restartByPlan(facts, { outage, cluster, doubt, mine });
  if (!mine) {
    return wait(
      "CompleteOutage",
      `every member is up and none is in the group; ${nameOf(facts, seed.address)} holds ` +
        "everything and starts it again",
    );
  }
  if (facts.now < facts.history.retryAt) return wait("ActionFailed", facts.history.lastFailure);
  return { type: "reboot-cluster" };
}

/** Why the group must not start again by itself; undefined when nothing can be lost. */
function doubtsOf(facts: Facts, outage: Outage, cluster: ClusterFacts): string | undefined {
  const names = outage.absent.map(({ address, why }) =>
    `${nameOf(facts, address)} ${why === "silent" ? "does not answer" : "has a new volume"}`
  );
  if (names.length > 0) {
    return `no member is in the group, and ${names.join(", ")}: it may hold acknowledged ` +
      "transactions that the others do not";
  }
  if (!outage.complete) return "no member holds everything: their transactions have diverged";
  if (cluster.recovery.completeOutage === "Manual") {
    return "no member is in the group, and spec.recovery.completeOutage is Manual";
  }
  return undefined;
}

function restartByPlan(
  facts: Facts,
  { outage, cluster, doubt, mine }: {
    outage: Outage;
    cluster: ClusterFacts;
    doubt: string;
    mine: boolean;
  },
): AgentAction {
  const plan = planRestart(facts, outage, cluster);
  if (!mine) return wait("CompleteOutage", `${doubt}. ${plan.seed} has the plan to approve`);
  const running = plan.members.filter(({ stopped }) => stopped === false).map(({ name }) => name);
  if (running.length > 0) {
    const message =
      `${doubt}. ${describePlan(plan)}. Bring ${running.join(", ")} back. If it is gone ` +
      "for good, delete its volume claim and Pod so that it starts anew: then a plan can be approved";
    return { ...wait("CompleteOutage", message), plan };
  }
  if (!isApproved(plan, cluster)) {
    const message = `${doubt}. To start the group again: ${approval(plan, facts)} ` +
      `(${describePlan(plan)})`;
    return { ...wait("CompleteOutage", message), plan };
  }
  if (facts.now < facts.history.retryAt) return wait("ActionFailed", facts.history.lastFailure);
  return { type: "reboot-cluster", plan };
}

function held(local: LocalWithData): string {
  return describeGtidSet(unionGtidSets(local.data.executed, local.data.received));
}
