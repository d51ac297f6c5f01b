// Pure: the InstanceReport of one observation. Texts in it change only when their meaning does, because
// every change is a write to the API server: no counters, no durations.

import type { InstanceReport, InstanceState } from "../api/instance-report.ts";
import { type AgentAction, isEffect } from "./actions.ts";
import { waitForDisk } from "./decide-disk.ts";
import { type Facts, hasData, hasQuorum, type LocalView, ownRow, stateOf } from "./facts.ts";

export type ReportInput = {
  readonly facts: Facts;
  readonly decision: AgentAction;
  /** What is being done, since when (RFC 3339), and the how manieth time. */
  readonly running?: { readonly type: string; readonly since: string; readonly attempt: number };
  /** Of a clone into this server. */
  readonly progress?: string | undefined;
  /** The Lease is somebody else's. */
  readonly leaseHolder?: string | undefined;
  readonly mysqldRestarts: number;
  /** Whether data was ever seen; kept while the server is down. */
  readonly everHadData: boolean;
  /** RFC 3339. */
  readonly time: string;
  readonly before?: InstanceReport | undefined;
};

export function renderReport(input: ReportInput): InstanceReport {
  const { facts, running, time } = input;
  const { local } = facts;
  const waiting = waitingOf(input);
  return {
    observedAt: time,
    state: instanceState(local),
    ...identityOf(local, input.before),
    ...groupOf(local),
    ...clusterNameOf(facts),
    hasData: input.everHadData || (local.server === "up" && !!local.data && hasData(local.data)),
    mysqldRestarts: input.mysqldRestarts,
    ...(running === undefined ? {} : { action: running }),
    ...(input.progress === undefined ? {} : { progress: input.progress }),
    ...(waiting === undefined ? {} : { waiting: sinceBefore(waiting, input) }),
    ...planOf(input),
  };
}

/** The state word of the report. */
export function instanceState(local: LocalView): InstanceState {
  switch (local.server) {
    case "down":
      return "Down";
    case "starting":
      return "Starting";
    case "unusable":
      return "Unknown";
    case "up":
      break;
  }
  switch (stateOf(local.member)) {
    case "ONLINE":
      return hasQuorum(local.member) ? "Online" : "Unreachable";
    case "RECOVERING":
      return "Recovering";
    case "OFFLINE":
      return "Offline";
    case "ERROR":
      return "Error";
    case "UNREACHABLE":
      return "Unreachable";
    default:
      return "Unknown";
  }
}

function identityOf(local: LocalView, before: InstanceReport | undefined): Partial<InstanceReport> {
  if (local.server === "up") {
    return { serverUuid: local.member.uuid, serverVersion: local.member.version };
  }
  return {
    ...(before?.serverUuid === undefined ? {} : { serverUuid: before.serverUuid }),
    ...(before?.serverVersion === undefined ? {} : { serverVersion: before.serverVersion }),
  };
}

type GroupPart = Pick<InstanceReport, "quorum" | "members" | "role" | "viewId" | "groupName">;

function groupOf(local: LocalView): GroupPart {
  if (local.server !== "up" || stateOf(local.member) === "OFFLINE") {
    return { quorum: false, members: [] };
  }
  const { member, data } = local;
  const quorum = hasQuorum(member);
  const own = ownRow(member);
  const online = own?.state === "ONLINE" && quorum;
  return {
    quorum,
    members: member.members.map(({ host, uuid, state, role }) => ({
      host,
      serverUuid: uuid,
      state,
      role,
    })),
    ...(online ? { role: own.role === "PRIMARY" ? "primary" as const : "secondary" as const } : {}),
    ...(member.viewId === "" ? {} : { viewId: member.viewId }),
    ...(data === undefined || data.groupName === "" ? {} : { groupName: data.groupName }),
  };
}

function clusterNameOf({ local }: Facts): { clusterName?: string } {
  const name = local.server === "up" ? local.data?.metadata?.clusters[0]?.name : undefined;
  return name === undefined ? {} : { clusterName: name };
}

type Waiting = NonNullable<InstanceReport["waiting"]>;

function waitingOf(input: ReportInput): Omit<Waiting, "since"> | undefined {
  const { decision, facts: { disk }, leaseHolder, running } = input;
  const leaving = (running ?? decision).type === "leave-group";
  if (leaving && disk !== undefined) {
    const { reason, message } = waitForDisk(disk);
    return { reason, message };
  }
  if (running !== undefined) return undefined;
  if (decision.type === "wait") return { reason: decision.reason, message: decision.message };
  if (isEffect(decision) && leaseHolder !== undefined) {
    const message = `to ${decision.type}; at the moment ${leaseHolder} has the Lease`;
    return { reason: "WaitingForLease", message };
  }
  return undefined;
}

function planOf({ decision, running }: ReportInput): Pick<InstanceReport, "plan"> {
  if (running !== undefined || decision.type !== "wait" || decision.plan === undefined) return {};
  return { plan: decision.plan };
}

function sinceBefore(waiting: Omit<Waiting, "since">, input: ReportInput): Waiting {
  const before = input.before?.waiting;
  const same = before?.reason === waiting.reason;
  return { ...waiting, since: same ? before.since : input.time };
}
