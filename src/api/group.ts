// The API group and its resource types: what the Kubernetes client needs to address our objects.
//
// Knows group, version, kinds and plurals (the ones of the original operator, so that its manifests
// apply unchanged). Does not know fields: those are in cluster.ts.

import type { ResourceType } from "../kube/resource.ts";
import type { Cluster } from "./cluster.ts";

export const GROUP = "mysql.oracle.com";
export const VERSION = "v1alpha1";

/** The Cluster kind; `kubectl get mysqlclusters`. */
export const clusters: ResourceType<Cluster> = {
  group: GROUP,
  version: VERSION,
  kind: "Cluster",
  plural: "mysqlclusters",
  namespaced: true,
};
