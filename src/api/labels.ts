// Label and annotation keys, and the label sets built of them.
//
// Invariants: a Pod's cluster label never changes; the role label is present only on a member that
// is ONLINE in the majority partition (agents write it). The selector of a StatefulSet, a Service or
// a watch is always `selectorLabels`: it must never gain a label that an upgrade would change,
// because a StatefulSet's selector is immutable.

/** Name of the Cluster that an object belongs to. */
export const CLUSTER_LABEL = "v1alpha1.mysql.oracle.com/cluster";
/** Version of the operator that last wrote the object. */
export const VERSION_LABEL = "v1alpha1.mysql.oracle.com/version";
/** `primary` or `secondary`; absent unless the member is ONLINE in the majority partition. */
export const ROLE_LABEL = "v1alpha1.mysql.oracle.com/role";

/** On a Pod: the agent's InstanceReport as JSON (instance-report.ts). */
export const INSTANCE_ANNOTATION = "mysql.oracle.com/instance";
/** On a Cluster, written by a person: the hash of the recovery plan that may be carried out. */
export const APPROVE_PLAN_ANNOTATION = "mysql.oracle.com/approve-plan";
/** On the primary Service: the group view after which its selector was last moved. */
export const PRIMARY_VIEW_ANNOTATION = "mysql.oracle.com/primary-view";
/** On the agents' Lease: the action that its holder is carrying out. */
export const ACTION_ANNOTATION = "mysql.oracle.com/action";

export const APP_NAME_LABEL = "app.kubernetes.io/name";
export const APP_INSTANCE_LABEL = "app.kubernetes.io/instance";
export const APP_COMPONENT_LABEL = "app.kubernetes.io/component";
export const APP_MANAGED_BY_LABEL = "app.kubernetes.io/managed-by";

/** Value of the managed-by label, and the field manager of everything that the operator applies. */
export const MANAGED_BY = "mysql-operator";

export type Role = "primary" | "secondary";

/** Key prefixes that belong to us or to Kubernetes; a user's Pod labels may not use them. */
export const RESERVED_LABEL_PREFIXES = [
  "v1alpha1.mysql.oracle.com/",
  "mysql.oracle.com/",
  "app.kubernetes.io/",
  "apps.kubernetes.io/",
  "statefulset.kubernetes.io/",
  "controller-revision-hash",
  "pod-template-hash",
] as const;

/** The labels by which everything of one Cluster is found, in its namespace. */
export function selectorLabels(clusterName: string): Record<string, string> {
  return { [CLUSTER_LABEL]: clusterName };
}

/** All labels of an object that the operator makes; `version` is the operator's own. */
export function clusterLabels(clusterName: string, version: string): Record<string, string> {
  return {
    ...selectorLabels(clusterName),
    [VERSION_LABEL]: version,
    [APP_NAME_LABEL]: "mysql",
    [APP_INSTANCE_LABEL]: clusterName,
    [APP_COMPONENT_LABEL]: "database",
    [APP_MANAGED_BY_LABEL]: MANAGED_BY,
  };
}

/** A label selector in the form of the `labelSelector` query parameter, keys sorted. */
export function formatSelector(labels: Record<string, string>): string {
  return Object.entries(labels).sort().map(([key, value]) => `${key}=${value}`).join(",");
}
