// The state of each instance, from its agent's report, its Pod, and what the others see of it. Pure.
//
// A report is the last thing an agent said, not the present: the agent may have died since, its node may
// be gone. So an instance counts as Online only if its report says so, its Pod is Ready, and no other such
// instance with the same or a later view of the group has it unreachable or expelled.
// Why this matters: clients, budgets and people act on `onlineMembers`; a dead primary must not count.

import type { InstanceStatus } from "../../api/cluster.ts";
import {
  type InstanceReport,
  type InstanceState,
  parseInstanceReport,
} from "../../api/instance-report.ts";
import { INSTANCE_ANNOTATION } from "../../api/labels.ts";
import { ordinalOf, podName } from "../../api/names.ts";
import { formatTime } from "../../base/clock.ts";
import type { Node, Pod } from "../../api/kinds.ts";
import {
  containersWereReady,
  isReady,
  isRunning,
  podProblem,
  readyCondition,
} from "./pod-problem.ts";
import type { ClusterSnapshot } from "./snapshot.ts";
import { leftBehind, stoppedBy } from "./stopped.ts";

/** One instance with the facts that conditions are derived from. */
export type Instance = {
  readonly name: string;
  readonly ordinal: number;
  readonly state: InstanceState;
  readonly message?: string;
  readonly pod?: Pod;
  readonly report?: InstanceReport;
  /** Kubernetes' reason why the Pod does not run. */
  readonly problem?: string;
  /** How it is known that its mysqld has ended; looked for only when a plan would leave it behind. */
  readonly stopped?: string;
};

/** What the Pod's agent reported last. */
export function reportOf(pod: Pod): InstanceReport | undefined {
  return parseInstanceReport(pod.metadata.annotations?.[INSTANCE_ANNOTATION]);
}

type Told = { readonly state: InstanceState; readonly message?: string };

/** Every ordinal below `members`, and every further Pod that exists, by ordinal. */
export function deriveInstances(
  clusterName: string,
  members: number,
  { pods, nodes }: Pick<ClusterSnapshot, "pods" | "nodes">,
): Instance[] {
  const byOrdinal = new Map(pods.flatMap((pod) => {
    const ordinal = ordinalOf(pod.metadata.name);
    const isOurs = ordinal !== undefined && podName(clusterName, ordinal) === pod.metadata.name;
    return isOurs ? [[ordinal, pod] as const] : [];
  }));
  const wanted = Array.from({ length: members }, (_, ordinal) => ordinal);
  const ordinals = [...new Set([...wanted, ...byOrdinal.keys()])];
  const drafts = ordinals.map((ordinal) =>
    draft(podName(clusterName, ordinal), ordinal, byOrdinal.get(ordinal))
  );
  const left = leftBehind(drafts.map(({ report }) => report));
  return drafts
    .map((instance) => contradicted(instance, drafts))
    .map((instance) => left.has(instance.name) ? withProof(instance, nodes) : instance)
    .sort((a, b) => a.ordinal - b.ordinal);
}

function withProof(instance: Instance, nodes: ReadonlyMap<string, Node>): Instance {
  const { pod } = instance;
  const stopped = stoppedBy(pod, nodes.get(pod?.spec.nodeName ?? ""));
  return stopped === undefined ? instance : { ...instance, stopped };
}

/** As stored in the status: `since` is kept while the state is the same. */
export function instanceStatus(
  { name, ordinal, state, message, report, stopped }: Instance,
  previous: readonly InstanceStatus[] | undefined,
  now: number,
): InstanceStatus {
  const before = previous?.find((instance) => instance.name === name);
  const since = before?.state === state && before.since || formatTime(now);
  const role = state === "Online" ? report?.role : undefined;
  return {
    name,
    ordinal,
    state,
    ...(role !== undefined && { role }),
    ...(report?.serverVersion !== undefined && { version: report.serverVersion }),
    since,
    ...(message !== undefined && { message }),
    ...(state !== "Unknown" && report?.waiting && { waiting: report.waiting.reason }),
    ...(stopped !== undefined && { stopped }),
    ...(report !== undefined && report.mysqldRestarts > 0 && { restarts: report.mysqldRestarts }),
  };
}

function draft(name: string, ordinal: number, pod: Pod | undefined): Instance {
  if (pod === undefined) return { name, ordinal, state: "Down", message: "its Pod does not exist" };
  const report = reportOf(pod);
  const problem = podProblem(pod);
  const { state, message } = report === undefined
    ? { state: "Starting" as const, message: problem ?? "its agent has not reported yet" }
    : told(pod, report, problem);
  return {
    name,
    ordinal,
    state,
    pod,
    ...(message !== undefined && { message }),
    ...(report !== undefined && { report }),
    ...(problem !== undefined && { problem }),
  };
}

function told(pod: Pod, report: InstanceReport, problem: string | undefined): Told {
  if (!isRunning(pod, "agent")) {
    return { state: "Unknown", message: problem ?? "its agent does not run" };
  }
  if (report.state !== "Online") return withMessage(report.state, describe(report) ?? problem);
  if (!isReady(pod)) return onlineButNotReady(pod, report);
  if (!report.quorum) return withMessage("Unreachable", "it is cut off from the majority");
  const leaving = pod.metadata.deletionTimestamp !== undefined;
  return withMessage("Online", describe(report) ?? (leaving ? "its Pod is stopping" : undefined));
}

/** Either the kubelet is about to ask (the report is newer), or the report is of a lost agent or node. */
function onlineButNotReady(pod: Pod, report: InstanceReport): Told {
  const unreadyAt = readyCondition(pod)?.lastTransitionTime ?? "";
  // Both are RFC 3339 in UTC; Kubernetes' time has no fractions of a second.
  const isNews = report.observedAt.slice(0, 19) >= unreadyAt.slice(0, 19);
  if (isNews && !containersWereReady(pod)) {
    return { state: "Recovering", message: "it is in the group; its Pod is not Ready yet" };
  }
  return { state: "Unknown", message: "it was Online, but its Pod is no longer Ready" };
}

function describe({ waiting, action, progress }: InstanceReport): string | undefined {
  const what = waiting !== undefined
    ? `${waiting.reason}: ${waiting.message}`
    : action && (action.attempt > 1 ? `${action.type}, attempt ${action.attempt}` : action.type);
  return progress === undefined ? what : what === undefined ? progress : `${what}; ${progress}`;
}

function withMessage(state: InstanceState, message: string | undefined): Told {
  return message === undefined ? { state } : { state, message };
}

/** An instance that says Online although others, who know at least as much, do not see it. */
function contradicted(instance: Instance, all: readonly Instance[]): Instance {
  const { name, state, report } = instance;
  if (state !== "Online" || report === undefined) return instance;
  for (const other of all) {
    if (other === instance || other.state !== "Online" || other.report === undefined) continue;
    const order = compareViews(other.report.viewId, report.viewId);
    const seen = other.report.members.find(({ host }) => host.split(".")[0] === name);
    const expelled = seen === undefined && order > 0;
    if (expelled || (seen?.state === "UNREACHABLE" && order >= 0)) {
      const message = `${other.name} ${expelled ? "sees it outside the group" : "cannot reach it"}`;
      return { ...instance, state: "Unreachable", message };
    }
  }
  return instance;
}

/**
 * Negative, zero or positive like a - b. A view id is `PREFIX:COUNTER`: the prefix is new for each start
 * of a group (a time), the counter goes up with each change of membership.
 */
function compareViews(a: string | undefined, b: string | undefined): number {
  const [prefixA = 0, counterA = 0] = (a ?? "").split(":").map(Number);
  const [prefixB = 0, counterB = 0] = (b ?? "").split(":").map(Number);
  return prefixA === prefixB ? counterA - counterB : prefixA - prefixB;
}
