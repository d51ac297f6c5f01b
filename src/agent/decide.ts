// Pure: from what is known to exactly one action. The ladder, first match wins; its steps are in
// decide-member.ts (there is a group) and decide-bootstrap.ts (there is none).
//
// Rules for every step: what is not known is waited for; nothing is done on an observation older than
// MAX_AGE_MS; no step discards a transaction. Why this matters: whatever is guessed here is data lost there.

import type { DataFacts } from "../mysql/queries.ts";
import { type AgentAction, wait } from "./actions.ts";
import { decideWithoutGroup } from "./decide-bootstrap.ts";
import { besideDisk } from "./decide-disk.ts";
import { decideMember, decideUnregistered } from "./decide-member.ts";
import {
  type Facts,
  hasQuorum,
  isRegistered,
  MAX_AGE_MS,
  ownRow,
  stateOf,
  type UpView,
} from "./facts.ts";
import { evaluateGroup } from "./group.ts";

/** The one thing to do about this instance now. */
export function decide(facts: Facts): AgentAction {
  return besideDisk(decideAlone(facts), facts);
}

function decideAlone(facts: Facts): AgentAction {
  const { local, cluster } = facts;
  if (facts.now - local.at > MAX_AGE_MS) {
    return wait("ServerDown", "mysqld has not answered lately; it is asked again");
  }
  if (local.server !== "up") return decideWithoutServer(local.server, local.detail);
  if (cluster?.paused === true || cluster?.deleting === true) return { type: "idle" };
  // MySQL Shell is given names: it would work on the other server, and clone it.
  if (facts.named !== undefined && facts.named !== local.member.uuid) {
    return wait(
      "Replaced",
      `${facts.self.address} leads to another server (${facts.named}): this Pod was replaced and must ` +
        "not act any more. Delete it",
    );
  }
  switch (stateOf(local.member)) {
    case "ONLINE":
      return decideOnline(facts, local);
    case "RECOVERING":
      return wait("Recovering", "the member is catching up with the group");
    case "UNREACHABLE":
      return wait("WaitingForView", "the group is deciding about this member");
    default: // OFFLINE, ERROR, or a word of a newer server
      return decideOutside(facts, local);
  }
}

function decideWithoutServer(
  server: "down" | "starting" | "unusable",
  detail: string,
): AgentAction {
  switch (server) {
    case "starting":
      return wait("ServerStarting", "mysqld is starting");
    case "down":
      return wait("ServerDown", "mysqld does not run; its container starts it again");
    case "unusable":
      return wait("IncompatibleServer", `mysqld answers, but the agent cannot log in: ${detail}`);
  }
}

function decideOnline(facts: Facts, local: UpView): AgentAction {
  const { expelledIn } = local.member;
  if (expelledIn !== undefined) {
    return wait(
      "WaitingForView",
      `the group went on without this member (view ${expelledIn}), which its server does not know yet; it lets ` +
        "no clients in, and comes back as soon as it has noticed",
    );
  }
  if (!hasQuorum(local.member)) {
    const lost = local.member.members.filter(({ state }) => state === "UNREACHABLE");
    return wait(
      "NoQuorum",
      `this member cannot reach the majority (${
        lost.map(({ host }) => host).join(", ")
      }); nothing ` +
        "is acknowledged until it is back, or until this member gives up and turns read-only",
    );
  }
  // Data is read again after every change of the view; until then nothing can be missing.
  if (local.data === undefined) return { type: "steady" };
  const registered = isRegistered(local.data.metadata, local.member.uuid);
  if (facts.self.ordinal === 0 && facts.cluster !== undefined) {
    const { bootstrap } = facts.cluster;
    if (bootstrap.at === undefined) return decideUnrecorded(facts, local.data, registered);
  }
  return registered ? { type: "steady" } : decideUnregistered(facts);
}

// ONLINE in a group whose creation is not recorded: it is ours to finish, or to take back.
function decideUnrecorded(facts: Facts, data: DataFacts, registered: boolean): AgentAction {
  const { clusterName } = facts.self;
  const complete = registered && !data.creating && data.groupName !== "" &&
    data.metadata?.clusters.some(({ name }) => name === clusterName) === true;
  if (complete) return { type: "record-bootstrap", groupName: data.groupName };
  if (facts.local.server !== "up") return { type: "idle" };
  const { uuid, members } = facts.local.member;
  const intended = facts.cluster?.bootstrap.serverUuid === uuid;
  const { history: { lastFailure, retryAt }, now } = facts;
  if (intended && members.length === 1) {
    if (now < retryAt) return wait("ActionFailed", lastFailure);
    return { type: "create-cluster", startOver: true };
  }
  return wait(
    "ForeignData",
    "this server is in a group that this Cluster did not record and that its metadata does not " +
      "describe; nothing is changed. Remove the server from that group, or give it an empty volume",
  );
}

function decideOutside(facts: Facts, local: UpView): AgentAction {
  const { data } = local;
  if (data === undefined) return wait("ServerStarting", "the server's data has not been read yet");
  if (data.starting === "atBoot") return wait("Recovering", "Group Replication is starting");
  const group = evaluateGroup(facts);
  switch (group.type) {
    case "split":
      return wait("SplitBrain", group.message);
    case "group":
      return decideMember(facts, { ...local, data }, group);
    case "none":
      return decideWithoutGroup(facts, { ...local, data });
  }
}

/** Whether the decision needs the peers and the Cluster; a steady member asks only its own server. */
export function needsMore(facts: Pick<Facts, "local">, recorded: boolean): boolean {
  const { local } = facts;
  if (local.server !== "up") return false;
  const own = ownRow(local.member);
  if (own?.state === "RECOVERING") return false;
  if (own?.state !== "ONLINE" || !recorded) return true;
  return local.data !== undefined && !isRegistered(local.data.metadata, local.member.uuid);
}
