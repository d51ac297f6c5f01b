// The condition types and the closed set of reasons of a Cluster, and how one is set.
//
// A reason appears in `kubectl get` (column STATUS is the reason of Ready) and in alerts, so it is an
// API: never renamed, and only from this table. The meaning beside each is the text of README.md,
// which a test holds to this file. Pure: the time is a parameter.

import { formatTime } from "../base/clock.ts";
import type { Condition } from "./kinds.ts";

/** Each condition type with what its status True means. */
export const CONDITION_TYPES = {
  Ready: "every member is ONLINE and everything in the spec has been applied",
  Available: "the group has a quorum and a primary that accepts writes",
  Progressing: "something is under way: creating, joining, recovering; the message says how far",
  Degraded: "a member or the redundancy is missing; the message says which and why",
  Upgradeable: "the version may be changed now",
} as const;

export type ConditionType = keyof typeof CONDITION_TYPES;

/**
 * Why an agent waits or refuses. The agent reports them (instance-report.ts), the operator copies the
 * gravest into the Cluster's conditions with the agent's message, which says what unblocks it.
 */
export const WAIT_REASONS = {
  ServerDown: "mysqld does not answer; the kubelet or the restart loop starts it again",
  ServerStarting: "mysqld is starting or initialising its data directory",
  WaitingForLease: "another member is being created, added or moved; one such action at a time",
  WaitingForPrimary: "the group has no primary that could admit this member yet",
  WaitingForPeers: "other members must report or answer before it is safe to act",
  WaitingForView:
    "the group still holds this member's previous incarnation, or went on without it and its server does not know yet",
  Recovering: "the member is catching up with the group: incremental recovery or clone",
  NoQuorum: "the reachable members are no majority; nothing is acknowledged until one is back",
  CompleteOutage: "no member is in a group any more; the one that holds everything starts it again",
  Diverged:
    "the member holds transactions that the group does not, or other rows; nothing is discarded unasked",
  DataLost:
    "the group was created once and no volume holds its data; restore, or allow a new group",
  ForeignData: "the volume holds data that this Cluster did not make",
  Replaced: "another server answers under this instance's name; this one must not act any more",
  SplitBrain: "several groups with a quorum claim this Cluster; a person must choose one",
  DiskFull: "the volume of the data has no room left: commits wait until it has",
  DiskStalled: "the disk of the data takes no writes: commits wait until it does",
  ApiUnavailable: "the agent cannot reach the Kubernetes API server",
  ActionFailed: "an action failed and is tried again later; the message has the cause",
  IncompatibleServer: "the server's version or configuration cannot join this group",
} as const;

export type WaitReason = keyof typeof WAIT_REASONS;

/** The reasons that the operator itself gives. */
const OPERATOR_REASONS = {
  AllMembersOnline: "every desired member is ONLINE",
  PrimaryOnline: "a primary with a quorum accepts writes",
  Stable: "nothing is under way",
  AsExpected: "nothing to report",
  Creating: "objects and Pods are being made; there is no group yet",
  Joining: "the group runs; members that were never in it are joining",
  Rejoining: "the group runs; a member is coming back into it",
  MembersNotOnline: "fewer members are ONLINE than the spec asks for",
  MemberDown: "a member that belongs to the group is not ONLINE",
  NoGroup: "the group has not been created yet",
  NoPrimary: "the group has no ONLINE primary",
  NoReport: "no agent has reported yet, or the reports are too old to judge by",
  PodPending: "a Pod cannot be scheduled or started; the message repeats Kubernetes' reason",
  InvalidSpec:
    "the spec is refused; the message lists path, problem and remedy; nothing was changed",
  ChangeRefused:
    "this change of a running Cluster is not possible; the message says what is instead",
  ResourceExists: "an object with a name we need exists and is not ours; it is left alone",
  ReferenceMissing: "a Secret or ConfigMap that the spec names, or a key in it, is not there",
  ReconcileFailed: "a request to the API server failed; it is tried again",
  Paused: "spec.paused is set: nothing is changed, the status is still kept",
  Deleting: "the Cluster is being deleted",
  EvenMembers: "an even number of members tolerates no more failures than one member less",
  SingleMember: "one member tolerates no failure",
  EphemeralStorage: "without a volumeClaimTemplate the data is lost with the Pod",
  MixedVersions: "the members run different versions",
} as const;

/** Every reason that a condition of a Cluster can have, with its meaning. */
export const REASONS = { ...OPERATOR_REASONS, ...WAIT_REASONS } as const;

export type Reason = keyof typeof REASONS;

export type NewCondition = {
  type: ConditionType;
  status: Condition["status"];
  reason: Reason;
  message: string;
  observedGeneration?: number;
};

/**
 * The conditions with `next` in place of the one of its type, in the order of CONDITION_TYPES.
 * `now` (milliseconds since 1970) becomes the transition time only if the status changes. The API's limit on a
 * message's length is kept by cutting.
 */
export function setCondition(
  conditions: readonly Condition[],
  next: NewCondition,
  now: number,
): Condition[] {
  const before = findCondition(conditions, next.type);
  const lastTransitionTime = before?.status === next.status
    ? before.lastTransitionTime
    : formatTime(now);
  const message = cut(next.message);
  const others = conditions.filter((condition) => condition.type !== next.type);
  return [...others, { ...next, message, lastTransitionTime }].sort(byType);
}

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: ConditionType,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isTrue(conditions: readonly Condition[] | undefined, type: ConditionType): boolean {
  return findCondition(conditions, type)?.status === "True";
}

/** Kubernetes' own limit for the message of a condition. */
export const MAX_MESSAGE_LENGTH = 32768;

function cut(message: string): string {
  return message.length <= MAX_MESSAGE_LENGTH
    ? message
    : `${message.slice(0, MAX_MESSAGE_LENGTH - 1)}…`;
}

const ORDER = Object.keys(CONDITION_TYPES);

function byType(a: Condition, b: Condition): number {
  return ORDER.indexOf(a.type) - ORDER.indexOf(b.type);
}
