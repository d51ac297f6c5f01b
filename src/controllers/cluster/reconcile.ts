// One pass over one Cluster, as a story: observe → plan → act → status.
//
// Level-triggered and stateless: everything is looked at anew, and a pass that was cut off anywhere is
// completed by the next one. What may be done is decided in plan.ts, how it looks in status.ts; this file
// only puts the steps in their order and is the only one that writes the status.

import type { Cluster } from "../../api/cluster.ts";
import { clusters } from "../../api/group.ts";
import type { Clock } from "../../base/clock.ts";
import { describeError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../../kube/api-error.ts";
import type { EventRecorder } from "../recorder.ts";
import type { ReconcileResult } from "../../runtime/controller.ts";
import { FIELD_MANAGER, perform, type Performed } from "../apply.ts";
import { eventsOf } from "./events.ts";
import { observeCluster, type Observer } from "./observe.ts";
import { drawPassword } from "./passwords.ts";
import { planCluster, type PlanOptions } from "./plan.ts";
import { deriveClusterStatus, type OwnStatus, statusDiffers } from "./status.ts";

export type ClusterReconciler = Observer & {
  readonly clock: Clock;
  readonly recorder: Pick<EventRecorder, "emit">;
  readonly options: Omit<PlanOptions, "passwords">;
};

export async function reconcileCluster(
  reconciler: ClusterReconciler,
  { stored, log }: { readonly stored: Cluster; readonly log: Logger },
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { client, clock, options, recent } = reconciler;
  const cluster = recent.latest(stored);
  const snapshot = await observeCluster(reconciler, cluster, signal);
  const passwords = { root: drawPassword(), agent: drawPassword() };
  const plan = planCluster(snapshot, { ...options, passwords });
  const performed = await perform(plan.actions, { client, recent, log }, signal);
  const failure = failureOf(performed);
  const status = deriveClusterStatus({
    snapshot,
    plan,
    ...(failure !== undefined && { failure }),
    now: clock.now(),
  });
  if (statusDiffers(cluster, status)) {
    await writeStatus(reconciler, { cluster, status, log }, signal);
  }
  for (
    const event of eventsOf({
      before: cluster.status,
      after: status,
      verdict: plan.verdict,
      performed,
    })
  ) {
    reconciler.recorder.emit(cluster, event);
  }
  if (performed.failure !== undefined) throw performed.failure.error;
  return plan.recheckAfterMs === undefined ? {} : { requeueAfterMs: plan.recheckAfterMs };
}

/** For people; undefined also for a lost race, which the next pass settles at once. */
function failureOf({ failure }: Performed): string | undefined {
  if (failure === undefined || isConflict(failure.error) || isAlreadyExists(failure.error)) {
    return undefined;
  }
  return describeError(failure.error);
}

type StatusWrite = { readonly cluster: Cluster; readonly status: OwnStatus; readonly log: Logger };

async function writeStatus(
  { client, recent }: ClusterReconciler,
  { cluster, status, log }: StatusWrite,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, uid } = cluster.metadata;
  const object: Cluster = {
    apiVersion: cluster.apiVersion,
    kind: cluster.kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      // Refused if the Cluster was deleted and made again meanwhile.
      ...(uid !== undefined && { uid }),
    },
    status,
  };
  const options = { fieldManager: FIELD_MANAGER, subresource: "status" };
  try {
    recent.note(await client.of(clusters).apply(object, options, signal));
  } catch (error) {
    if (isNotFound(error)) return; // deleted meanwhile: its watch event is on the way
    throw error;
  }
  logTransitions(cluster, status, log);
}

function logTransitions(cluster: Cluster, status: OwnStatus, log: Logger): void {
  for (const { type, status: to, reason, message } of status.conditions) {
    const before = cluster.status?.conditions?.find((condition) => condition.type === type);
    if (before?.status === to && before.reason === reason) continue;
    const from = before === undefined ? "none" : `${before.status} ${before.reason}`;
    log.info("status changed", { condition: type, from, to: `${to} ${reason}`, message });
  }
}
