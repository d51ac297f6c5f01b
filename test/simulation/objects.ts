// Names and paths of the objects that agents use.

import { clusters } from "../../src/api/group.ts";
import { persistentVolumeClaims, pods, services } from "../../src/api/kinds.ts";
import { leaseName, primaryServiceName } from "../../src/api/names.ts";
import { leases, resourcePath } from "../../src/kube/resource.ts";

export const CLUSTER = "main";
export const NAMESPACE = "db";
export const POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name";

const POD_PATHS = Array.from(
  { length: 10 },
  (_, ordinal) => resourcePath(pods, { namespace: NAMESPACE, name: `${CLUSTER}-${ordinal}` }),
);

export const PATHS = {
  cluster: resourcePath(clusters, { namespace: NAMESPACE, name: CLUSTER }),
  service: resourcePath(services, { namespace: NAMESPACE, name: primaryServiceName(CLUSTER) }),
  lease: resourcePath(leases, { namespace: NAMESPACE, name: leaseName(CLUSTER) }),
  pod: (ordinal: number) => POD_PATHS[ordinal] ?? "",
  claim: (ordinal: number) =>
    resourcePath(persistentVolumeClaims, {
      namespace: NAMESPACE,
      name: `data-${CLUSTER}-${ordinal}`,
    }),
};
