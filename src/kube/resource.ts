// Pure: which kinds there are and where they live in the API. A ResourceType is a value that carries the
// object's type, so that client.get(pods, …) gives a Pod. Other kinds (our own) are described the same way.

import type * as kube from "./types.ts";

export interface ResourceType<T extends kube.KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set: only ties the object's type to the value. */
  readonly object?: T;
}

export type ObjectRef = { namespace?: string; name: string };

function define<T extends kube.KubeObject>(
  [group, version]: readonly [string, string],
  kind: string,
  plural: string,
): ResourceType<T> {
  return { group, version, kind, plural, namespaced: !CLUSTER_SCOPED.has(kind) };
}

const CLUSTER_SCOPED = new Set(["PersistentVolume", "Node", "StorageClass", "Namespace"]);
const CORE = ["", "v1"] as const;
const APPS = ["apps", "v1"] as const;
const RBAC = ["rbac.authorization.k8s.io", "v1"] as const;

export const pods = define<kube.Pod>(CORE, "Pod", "pods");
export const services = define<kube.Service>(CORE, "Service", "services");
export const secrets = define<kube.Secret>(CORE, "Secret", "secrets");
export const configMaps = define<kube.ConfigMap>(CORE, "ConfigMap", "configmaps");
export const serviceAccounts = define<kube.ServiceAccount>(
  CORE,
  "ServiceAccount",
  "serviceaccounts",
);
export const persistentVolumeClaims = define<kube.PersistentVolumeClaim>(
  CORE,
  "PersistentVolumeClaim",
  "persistentvolumeclaims",
);
export const persistentVolumes = define<kube.PersistentVolume>(
  CORE,
  "PersistentVolume",
  "persistentvolumes",
);
export const nodes = define<kube.Node>(CORE, "Node", "nodes");
export const events = define<kube.Event>(CORE, "Event", "events");
export const namespaces = define<kube.Namespace>(CORE, "Namespace", "namespaces");
export const statefulSets = define<kube.StatefulSet>(APPS, "StatefulSet", "statefulsets");
export const deployments = define<kube.Deployment>(APPS, "Deployment", "deployments");
export const roles = define<kube.Role>(RBAC, "Role", "roles");
export const roleBindings = define<kube.RoleBinding>(RBAC, "RoleBinding", "rolebindings");
export const podDisruptionBudgets = define<kube.PodDisruptionBudget>(
  ["policy", "v1"],
  "PodDisruptionBudget",
  "poddisruptionbudgets",
);
export const leases = define<kube.Lease>(["coordination.k8s.io", "v1"], "Lease", "leases");
export const storageClasses = define<kube.StorageClass>(
  ["storage.k8s.io", "v1"],
  "StorageClass",
  "storageclasses",
);

/** "v1" or "apps/v1", as an object's apiVersion field has it. */
export function apiVersion(type: ResourceType<kube.KubeObject>): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** "StatefulSet db/main": how messages name an object. */
export function describeRef(type: ResourceType<kube.KubeObject>, ref: Partial<ObjectRef>): string {
  const name = [ref.namespace, ref.name].filter((part) => part !== undefined).join("/");
  return name === "" ? type.kind : `${type.kind} ${name}`;
}

/**
 * Path of a collection (no name) or of one object, optionally of its subresource.
 * Throws when the scope does not fit or a part could leave its place in the path.
 */
export function resourcePath(
  type: ResourceType<kube.KubeObject>,
  ref: {
    namespace?: string | undefined;
    name?: string | undefined;
    subresource?: string | undefined;
  } = {},
): string {
  const parts = type.group === "" ? ["api", type.version] : ["apis", type.group, type.version];
  if (type.namespaced && ref.namespace !== undefined) parts.push("namespaces", ref.namespace);
  else if (type.namespaced && ref.name !== undefined) {
    throw new Error(`${type.kind} ${ref.name} is namespaced and no namespace was given`);
  }
  parts.push(type.plural);
  if (ref.name !== undefined) parts.push(ref.name);
  if (ref.subresource !== undefined) parts.push(ref.subresource);
  return "/" + parts.map(pathSegment).join("/");
}

function pathSegment(text: string): string {
  if (text === "" || text === "." || text === ".." || /[/%]/.test(text)) {
    throw new Error(`${JSON.stringify(text)} cannot be part of an API path`);
  }
  return encodeURIComponent(text);
}
