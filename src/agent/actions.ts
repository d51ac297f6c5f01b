// What an agent can decide to do: a closed union, with what each needs. The README's table names each of
// them, and a test holds it to this list.

import type { WaitReason } from "../api/instance-report.ts";
import type { RecoveryPlan } from "../api/recovery-plan.ts";
import type { RecoveryMethod } from "../mysql/shell-request.ts";

export type AgentAction =
  /** Nothing to do: ONLINE in the majority, known to the metadata. */
  | { readonly type: "steady" }
  /** spec.paused, or the Cluster is being deleted: nothing but observing and answering. */
  | { readonly type: "idle" }
  | {
    readonly type: "wait";
    readonly reason: WaitReason;
    readonly message: string;
    /** What a person has to approve before it can go on. */
    readonly plan?: RecoveryPlan;
  }
  /** Create the group here; `startOver` takes back what an interrupted attempt did. */
  | { readonly type: "create-cluster"; readonly startOver: boolean }
  /** The group is there and complete: record that, so that nobody ever makes a second one. */
  | { readonly type: "record-bootstrap"; readonly groupName: string }
  | { readonly type: "add-instance"; readonly via: string; readonly method: RecoveryMethod }
  | { readonly type: "start-group-replication" }
  /** A primary whose disk takes no writes: leave the group, so that it elects another. */
  | { readonly type: "leave-group" }
  | {
    readonly type: "rejoin-instance";
    readonly via: string;
    readonly method?: RecoveryMethod | undefined;
  }
  /** No member is in a group: start it again from this one, which holds everything, or by an approved plan. */
  | { readonly type: "reboot-cluster"; readonly plan?: RecoveryPlan }
  /** Save what the group does not have, then replace the own data by a copy of the group's. */
  | {
    readonly type: "reclone-instance";
    readonly via: string;
    readonly errant: string;
    /** Not empty: its rows are not the group's, nobody knows which. */
    readonly conflict: string;
    /** Whether the metadata knows this server: it comes back, or is added. */
    readonly registered: boolean;
    /** Unset: spec.recovery.diverged allows it. */
    readonly plan?: RecoveryPlan;
  }
  /** Take the entry of a volume that is gone out of the metadata. */
  | { readonly type: "remove-instance"; readonly via: string };

export type ActionType = AgentAction["type"];

export const ACTION_TYPES = [
  "steady",
  "idle",
  "wait",
  "create-cluster",
  "record-bootstrap",
  "add-instance",
  "start-group-replication",
  "leave-group",
  "rejoin-instance",
  "remove-instance",
  "reboot-cluster",
  "reclone-instance",
] as const satisfies readonly ActionType[];

/** Whether an action does something. */
export function isEffect(action: AgentAction): boolean {
  return action.type !== "steady" && action.type !== "idle" && action.type !== "wait";
}

export function wait(
  reason: WaitReason,
  message: string,
): Extract<AgentAction, { type: "wait" }> {
  return { type: "wait", reason, message };
}
