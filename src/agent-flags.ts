// The agent's settings: the original agent's flags under their names, and where its files are.
//
// A table only; how a flag is read is in flags.ts. What depends on the Cluster is not here: the agent
// reads that from its ConfigMap. Passwords come from mounted files, so only their paths are settings.

import { anyText, durationMs, text, wholeNumber } from "./flags.ts";
import { processTable } from "./process-flags.ts";

export const agentTable = {
  clusterName: {
    name: "cluster-name",
    type: "name",
    env: "MYSQL_CLUSTER_NAME",
    description: "Name of the Cluster that this instance belongs to.",
    schema: text,
  },
  podNamespace: {
    name: "namespace",
    type: "name",
    env: "POD_NAMESPACE",
    description: "Namespace of the Cluster and of this Pod.",
    schema: text,
  },
  podName: {
    name: "hostname",
    type: "name",
    env: "POD_NAME",
    description: "Name of this Pod, which ends in the instance's ordinal.",
    schema: text.regex(/-\d+$/, "a Pod name that ends in an ordinal, such as main-0"),
  },
  podUid: {
    name: "pod-uid",
    type: "uid",
    env: "POD_UID",
    default: "",
    description: "UID of this Pod; tells one incarnation of it from the next.",
    schema: anyText,
  },
  healthAddress: {
    name: "address",
    type: "address",
    default: "0.0.0.0",
    description: "Address that the probes and /metrics are served on.",
    schema: text,
  },
  healthPort: {
    name: "healthcheck-port",
    type: "0..65535",
    default: "10512",
    description: "Port that the probes and /metrics are served on.",
    schema: wholeNumber(0, 65_535),
  },
  port: {
    name: "mysql-port",
    type: "1..65535",
    default: "3306",
    description: "Port on which mysqld listens.",
    schema: wholeNumber(1, 65_535),
  },
  runDirectory: path(
    "run-directory",
    "/run/mysql-operator",
    "Memory volume that the containers share: option files, scripts, socket.",
  ),
  volumeDirectory: path(
    "volume-directory",
    "/var/lib/mysql",
    "Where the data volume is mounted; mysqld's own directory is below it.",
  ),
  configDirectory: path(
    "config-directory",
    "/etc/mysql-operator/config",
    "Where the operator's ConfigMap is mounted.",
  ),
  userConfigFile: path(
    "user-config-file",
    "/etc/mysql-operator/user/my.cnf",
    "The user's own server settings; may be missing.",
  ),
  rootPasswordFile: path(
    "root-password-file",
    "/etc/mysql-operator/root/password",
    "Where the root password's Secret is mounted.",
  ),
  agentPasswordFile: path(
    "agent-password-file",
    "/etc/mysql-operator/agent/password",
    "Where the Secret of the agent's own account is mounted.",
  ),
  tlsDirectory: path(
    "tls-directory",
    "/etc/ssl/mysql",
    "Where spec.sslSecret is mounted; may be missing.",
  ),
  shellFile: path("mysqlsh", "mysqlsh", "MySQL Shell, looked up on the PATH."),
  adminFile: path("mysqladmin", "mysqladmin", "The mysqladmin program, looked up on the PATH."),
  minResyncPeriodMs: {
    name: "min-resync-period",
    type: "duration",
    default: "10m",
    unit: "ms",
    description:
      "Accepted for the original's manifests; the agent looks at everything each second.",
    schema: durationMs,
  },
  ...processTable,
} as const;

function path<const N extends string>(name: N, value: string, description: string) {
  return { name, type: "path", default: value, description, schema: text } as const;
}
