// What may be done with a Cluster in this pass: a ladder, the first rung that fits decides. Pure.
//
//   deleting   nothing: garbage collection removes what we made, the StatefulSet's policy the volumes
//   invalid    nothing: the spec (an older, looser schema may have let it in) or the name is refused
//   paused     nothing is changed
//   blocked    nothing: a name that we need is taken by an object that is not ours
//   waiting    everything but the StatefulSet: something that its Pods mount is not there
//   free       everything
// Why this matters: a Service or Secret of somebody else under our name would make the members talk to
// strangers or lock us out, so a collision stops every write, also those that would not collide.

import { type Cluster, clusterNameIssues, describeIssues } from "../../api/cluster.ts";
import type { Reason } from "../../api/conditions.ts";
import { CLUSTER_LABEL } from "../../api/labels.ts";
import { PASSWORD_KEY } from "../../api/names.ts";
import { isControlledBy } from "../../api/owner.ts";
import type { KubeObject } from "../../kube/object.ts";
import { generatedSecrets, idOf } from "./needs.ts";
import type { ClusterSnapshot } from "./snapshot.ts";

export type ClusterVerdict =
  | { readonly state: "free" }
  | {
    readonly state: "deleting" | "invalid" | "paused" | "blocked" | "waiting";
    readonly reason: Reason;
    readonly message: string;
    /** Blocked: the objects in the way, each as `Service db/main`. */
    readonly foreign?: readonly string[];
  };

export function classifyCluster(snapshot: ClusterSnapshot): ClusterVerdict {
  const { cluster, parsed } = snapshot;
  if (cluster.metadata.deletionTimestamp !== undefined) {
    return { state: "deleting", reason: "Deleting", message: "The Cluster is being deleted" };
  }
  const issues = [...clusterNameIssues(cluster.metadata.name), ...(parsed.ok ? [] : parsed.issues)];
  if (!parsed.ok || issues.length > 0) {
    const message = `Nothing was changed. ${describeIssues(issues)}`;
    return { state: "invalid", reason: "InvalidSpec", message };
  }
  if (parsed.spec.paused) {
    const message = "spec.paused is set: nothing is changed until it is removed";
    return { state: "paused", reason: "Paused", message };
  }
  return blocked(snapshot) ?? waiting(snapshot) ?? { state: "free" };
}

function blocked({ cluster, live }: ClusterSnapshot): ClusterVerdict | undefined {
  const taken = [...live.values()]
    .filter((object) => !isControlledBy(object, cluster) && !isRestored(object, cluster));
  const foreign = taken.filter((object) => !isLeftover(object, cluster)).map(describeObject);
  if (foreign.length > 0) {
    const message = `${foreign.map(alreadyExists).join("; ")}. Nothing is changed until ` +
      "they are renamed or deleted, or the Cluster gets another name";
    return { state: "blocked", reason: "ResourceExists", message, foreign };
  }
  if (taken.length === 0) return undefined;
  const message = `Waiting until ${taken.map(describeObject).join(", ")} of the deleted Cluster ` +
    "of the same name is removed by garbage collection";
  return { state: "blocked", reason: "Creating", message };
}

/** The sentence of the original operator's Event. */
export function alreadyExists(object: string): string {
  return `${object} already exists and is not managed by Cluster`;
}

/**
 * A Secret that somebody put back for a group that exists: nobody controls it and it has the label that
 * says whose it is. It is used and, like every Secret, never written.
 */
function isRestored({ kind, metadata }: KubeObject, cluster: Cluster): boolean {
  return kind === "Secret" && cluster.status?.bootstrap !== undefined &&
    metadata.labels?.[CLUSTER_LABEL] === cluster.metadata.name &&
    !metadata.ownerReferences?.some((reference) => reference.controller);
}

/** Of an earlier Cluster of the same name, soon removed by garbage collection. */
function isLeftover(object: KubeObject, cluster: KubeObject): boolean {
  const controller = object.metadata.ownerReferences?.find((reference) => reference.controller);
  return controller?.apiVersion === cluster.apiVersion && controller.kind === cluster.kind &&
    controller.name === cluster.metadata.name;
}

function describeObject({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}

function waiting(snapshot: ClusterSnapshot): ClusterVerdict | undefined {
  const sentences = [...snapshot.missingReferences, ...lostSecrets(snapshot)];
  if (sentences.length === 0) return undefined;
  return { state: "waiting", reason: "ReferenceMissing", message: sentences.join(". ") };
}

/**
 * Generated Secrets that are gone although the group exists: the passwords are in the members' data, so
 * making new ones would lock out the agents and everybody who knows the old.
 */
function lostSecrets({ cluster, parsed, live }: ClusterSnapshot): string[] {
  if (cluster.status?.bootstrap === undefined || !parsed.ok) return [];
  const { namespace, name } = cluster.metadata;
  return generatedSecrets(name, parsed.spec)
    .filter((secret) => !live.has(idOf("Secret", secret)))
    .map((secret) =>
      `Secret ${namespace}/${secret} is gone and is not generated anew, because its password is in the ` +
      `members' data: create it again with the old password under the key ${PASSWORD_KEY} and the ` +
      `label ${CLUSTER_LABEL}=${name}`
    );
}
