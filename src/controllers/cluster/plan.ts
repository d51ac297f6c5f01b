// What a pass does: the verdict, then the writes in the order in which they must happen, each with its
// reason. Pure; apply.ts carries it out.
//
// A steady Cluster gives an empty plan. Passwords are handed in, because drawing them is not pure; they are
// used only for Secrets that do not exist yet. The StatefulSet is last and depends on everything before it.

import type { ClusterSpec } from "../../api/cluster.ts";
import { agentSecretName } from "../../api/names.ts";
import type { Secret } from "../../base/secret.ts";
import type { KubeObject } from "../../kube/object.ts";
import type { ApplyAction } from "../apply.ts";
import { firstDifference } from "../difference.ts";
import { withFingerprint } from "../fingerprint.ts";
import { classifyCluster, type ClusterVerdict } from "./classify.ts";
import { reportOf } from "./instances.ts";
import { generatedSecrets, idOf, objectId, typeOf } from "./needs.ts";
import { renderAccess } from "./render/access.ts";
import { renderConfigMap } from "./render/config-map.ts";
import type { RenderContext, RenderSettings } from "./render/context.ts";
import { renderDisruptionBudget } from "./render/disruption-budget.ts";
import { renderLease } from "./render/lease.ts";
import { renderPasswordSecret } from "./render/secrets.ts";
import {
  renderHeadlessService,
  renderPrimaryService,
  renderReplicasService,
} from "./render/services.ts";
import { type Settled, settleSpec } from "./settle.ts";
import type { ClusterSnapshot } from "./snapshot.ts";
import { leftBehind } from "./stopped.ts";

export type ClusterPlan = {
  readonly verdict: ClusterVerdict;
  readonly actions: readonly ApplyAction[];
  /** What was settled, if the spec is valid: members and image that are wanted, changes that are refused. */
  readonly settled?: Settled;
  /** Look again after this time, because what we wait for is not watched. */
  readonly recheckAfterMs?: number;
};

export type PlanOptions = {
  readonly settings: RenderSettings;
  /** Fresh ones: for root and for the agents. */
  readonly passwords: { readonly root: Secret; readonly agent: Secret };
  /** How often a Cluster is looked at although nothing happens. */
  readonly resyncMs: number;
};

/** Foreign objects without our label, what the spec names, and Nodes are not watched. */
const BLOCKED_RECHECK_MS = 5_000;

export function planCluster(snapshot: ClusterSnapshot, options: PlanOptions): ClusterPlan {
  const verdict = classifyCluster(snapshot);
  const { parsed } = snapshot;
  if (!parsed.ok) return { verdict, actions: [] };
  const settled = settleSpec(snapshot, parsed.spec, options.settings);
  switch (verdict.state) {
    case "deleting":
    case "invalid":
    case "paused":
      return { verdict, actions: [], settled, recheckAfterMs: options.resyncMs };
    case "blocked":
      return { verdict, actions: [], settled, recheckAfterMs: BLOCKED_RECHECK_MS };
    case "waiting":
      return {
        verdict,
        actions: groundActions(snapshot, settled.context, options),
        settled,
        recheckAfterMs: BLOCKED_RECHECK_MS,
      };
    case "free": {
      const ground = groundActions(snapshot, settled.context, options);
      const last = applyIfDifferent(snapshot, settled.statefulSet)
        .map((action) => ({ ...action, needsAll: true }));
      return {
        verdict,
        actions: [...ground, ...last],
        settled,
        recheckAfterMs: leftBehind(snapshot.pods.map(reportOf)).size > 0
          ? BLOCKED_RECHECK_MS
          : options.resyncMs,
      };
    }
  }
}

/** Everything that we want is there, but we once applied more than that. */
function stale(object: KubeObject, live: KubeObject): string | undefined {
  return firstDifference(object, live) && "a field is no longer wanted";
}

/** Everything that the StatefulSet's Pods need. */
function groundActions(
  snapshot: ClusterSnapshot,
  context: RenderContext,
  options: PlanOptions,
): ApplyAction[] {
  const desired = [
    ...renderAccess(context),
    renderConfigMap(context),
    renderHeadlessService(context),
    renderPrimaryService(context),
    renderReplicasService(context),
    renderDisruptionBudget(context),
    renderLease(context),
  ];
  return [
    ...missingSecrets(snapshot, context.spec, options),
    ...desired.flatMap((object) => applyIfDifferent(snapshot, object)),
  ];
}

function missingSecrets(
  { cluster, live }: ClusterSnapshot,
  spec: ClusterSpec,
  { settings, passwords }: PlanOptions,
): ApplyAction[] {
  if (cluster.status?.bootstrap !== undefined) return [];
  return generatedSecrets(cluster.metadata.name, spec)
    .filter((name) => !live.has(idOf("Secret", name)))
    .map((name) => {
      const isAgents = name === agentSecretName(cluster.metadata.name);
      const password = isAgents ? passwords.agent : passwords.root;
      const object = renderPasswordSecret({ cluster, settings }, name, password);
      return { type: "create", resource: typeOf(object), object, reason: "missing" };
    });
}

function applyIfDifferent(snapshot: ClusterSnapshot, desired: KubeObject): ApplyAction[] {
  const object = withFingerprint(desired);
  const live = snapshot.live.get(objectId(desired));
  const reason = live === undefined
    ? "missing"
    : firstDifference(desired, live) ?? stale(object, live);
  if (reason === undefined) return [];
  const resource = typeOf(object);
  if (live === undefined) return [{ type: "apply", resource, object, reason }];
  // With the live object's uid the API server refuses to write to another one of the same name.
  const { uid } = live.metadata;
  const metadata = { ...object.metadata, ...(uid !== undefined && { uid }) };
  return [{ type: "apply", resource, object: { ...object, metadata }, reason }];
}
