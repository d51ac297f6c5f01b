// Every name derived from a Cluster, and the limit on the Cluster's own name that follows from them.
//
// No other file builds one of these names from a template string.
//
// What limits the name N (the longest derived value must still be legal):
//   controller-revision-hash label   N-<hash of at most 10>   label value, 63      N <= 52   <- binding
//   Service N-replicas               N + 9                    DNS-1035 label, 63   N <= 54
//   Pod N-8, its host name and label N + 2                    DNS label, 63        N <= 61
//   AdminAPI cluster name            N                        63                   N <= 63
//   host N-8.N.NAMESPACE.svc.DOMAIN  2N + 72 + domain         DNS name, 253        N <= 84 with cluster.local
// MySQL accounts do not depend on it: `mysql_innodb_cluster_<server_id>` has at most 31 of 32 characters.

import type { ClusterSpecInput } from "./cluster.ts";

/** Longest metadata.name of a Cluster; test/unit/api/names.test.ts proves it against the table above. */
export const MAX_CLUSTER_NAME_LENGTH = 52;
/** Service names are DNS-1035 labels: they start with a letter and have no dots. */
export const CLUSTER_NAME_PATTERN = "^[a-z]([-a-z0-9]*[a-z0-9])?$";

/** MySQL account of the agents; its password is in the agent Secret. */
export const AGENT_USER = "mysqlagent";
/** Key of the password in the root-password and agent Secrets. */
export const PASSWORD_KEY = "password";
/** Name of the data volume when no volumeClaimTemplate names it. */
export const DEFAULT_DATA_VOLUME = "data";
/** Name of the backup volume when backupVolumeClaimTemplate does not name it. */
export const DEFAULT_BACKUP_VOLUME = "backup";
/** Volumes that the operator adds to every Pod; a claim template may not take their names. */
export const RESERVED_VOLUME_NAMES = [
  "run",
  "tmp",
  "config",
  "user-config",
  "root-password",
  "agent-password",
  "ssl",
  "api-token",
] as const;

export const statefulSetName = (clusterName: string): string => clusterName;
export const headlessServiceName = (clusterName: string): string => clusterName;
export const primaryServiceName = (clusterName: string): string => `${clusterName}-primary`;
export const replicasServiceName = (clusterName: string): string => `${clusterName}-replicas`;
export const agentSecretName = (clusterName: string): string => `${clusterName}-agent`;
export const configMapName = (clusterName: string): string => `${clusterName}-config`;
export const agentServiceAccountName = (clusterName: string): string => `${clusterName}-agent`;
export const agentRoleName = (clusterName: string): string => `${clusterName}-agent`;
export const agentRoleBindingName = (clusterName: string): string => `${clusterName}-agent`;
export const leaseName = (clusterName: string): string => `${clusterName}-agent`;
export const disruptionBudgetName = (clusterName: string): string => clusterName;
export const podName = (clusterName: string, ordinal: number): string =>
  `${clusterName}-${ordinal}`;

/** The Secret with root's password: the user's if the spec names one, else the one we generate. */
export function rootPasswordSecretName(
  clusterName: string,
  spec: Pick<ClusterSpecInput, "rootPasswordSecret"> = {},
): string {
  return spec.rootPasswordSecret?.name ?? `${clusterName}-root-password`;
}

export type InstanceAddress = {
  clusterName: string;
  ordinal: number;
  namespace: string;
  /** DNS domain of the Kubernetes cluster, such as `cluster.local`. */
  domain: string;
};

/** Fully qualified DNS name of an instance: its report_host, valid from every namespace. */
export function instanceHost(address: InstanceAddress): string {
  const { clusterName, ordinal, namespace, domain } = address;
  const pod = podName(clusterName, ordinal);
  return `${pod}.${headlessServiceName(clusterName)}.${namespace}.svc.${domain}`;
}

/** The PersistentVolumeClaim that the StatefulSet makes for a Pod; `volume` is the template's name. */
export function dataClaimName(volume: string | undefined, pod: string): string {
  return `${volume ?? DEFAULT_DATA_VOLUME}-${pod}`;
}

/** The ordinal at the end of a Pod's name, or undefined if it has none. */
export function ordinalOf(pod: string): number | undefined {
  const match = /-(0|[1-9][0-9]*)$/.exec(pod);
  return match === null ? undefined : Number(match[1]);
}

/** `REPOSITORY:VERSION`; a digest given with the repository stays at the end, where it belongs. */
export function serverImage(repository: string, version: string): string {
  const [name, digest] = repository.split("@");
  return digest === undefined ? `${name}:${version}` : `${name}:${version}@${digest}`;
}
