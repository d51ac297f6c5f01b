// What every renderer of this folder is given, and the metadata that every object of a Cluster has.
//
// Renderers are pure: the same Cluster gives the same objects, in the same order of keys, whatever the
// operator did before. Nothing here may depend on what is live, on time or on chance, except `members`,
// which the plan decides (a Cluster is never shrunk here) and which only replicas and roles may use.

import type { Cluster, ClusterSpec } from "../../../api/cluster.ts";
import { clusterLabels } from "../../../api/labels.ts";
import { controllerRef } from "../../../api/owner.ts";
import { apiVersion, type ResourceType } from "../../../kube/resource.ts";
import type { KubeObject, ObjectMeta } from "../../../kube/object.ts";

/** The operator's settings as far as they reach objects. */
export type RenderSettings = {
  /** Server image without a tag, for Clusters that have no spec.repository. */
  readonly serverRepository: string;
  readonly agentImage: string;
  readonly imagePullPolicy: string;
  /** DNS domain of the Kubernetes cluster. */
  readonly clusterDomain: string;
  readonly operatorVersion: string;
};

export type RenderContext = {
  readonly cluster: Cluster;
  /** The spec with its defaults. */
  readonly spec: ClusterSpec;
  /** Number of Pods: spec.members, or more while a smaller number is refused. */
  readonly members: number;
  /** The server's image, which an upgrade that is refused leaves as it is. */
  readonly serverImage: string;
  readonly settings: RenderSettings;
};

type Described = { readonly type: ResourceType<KubeObject>; readonly name: string };

/** apiVersion, kind and metadata of an object of this Cluster: labels and the controller reference. */
export function envelope(
  { cluster, settings }: Pick<RenderContext, "cluster" | "settings">,
  { type, name }: Described,
  annotations: Readonly<Record<string, string>> = {},
): KubeObject {
  const metadata: ObjectMeta = {
    name,
    labels: clusterLabels(cluster.metadata.name, settings.operatorVersion),
    ownerReferences: [controllerRef(cluster)],
  };
  if (cluster.metadata.namespace !== undefined) metadata.namespace = cluster.metadata.namespace;
  if (Object.keys(annotations).length > 0) metadata.annotations = { ...annotations };
  return { apiVersion: apiVersion(type), kind: type.kind, metadata };
}
