// The operator's settings: the original operator's flags under their names, and ours.
//
// A table only; how a flag is read is in flags.ts. The key is the field of OperatorConfig, with the
// unit in its name. Nothing here is a secret.

import { durationMs, flagBoolean, list, listenAddress, oneOf, text, wholeNumber } from "./flags.ts";
import { processTable } from "./process-flags.ts";

export const operatorTable = {
  namespace: {
    name: "namespace",
    type: "name",
    default: "",
    file: "namespace",
    description: "Watch this one namespace, as in the original; empty means all of them.",
    schema: list,
  },
  watchNamespaces: {
    name: "watch-namespaces",
    type: "name,name…",
    default: "",
    file: "watchNamespaces",
    description: "Watch these namespaces only; empty means all of them.",
    schema: list,
  },
  mysqlServerImage: {
    name: "mysql-server-image",
    type: "repository",
    default: "container-registry.oracle.com/mysql/community-server",
    file: "images.defaultMysqlServer",
    description: "Server image, without a tag, of Clusters that have no spec.repository.",
    schema: text,
  },
  mysqlAgentImage: {
    name: "mysql-agent-image",
    type: "image",
    env: "OPERATOR_IMAGE",
    file: "images.mysqlAgent",
    description: "Image of the agent; normally the operator's own.",
    schema: text,
  },
  imagePullPolicy: {
    name: "image-pull-policy",
    type: "Always|IfNotPresent|Never",
    default: "IfNotPresent",
    description: "When the kubelet pulls the server and agent images.",
    schema: oneOf(["Always", "IfNotPresent", "Never"]),
  },
  minResyncPeriodMs: {
    name: "min-resync-period",
    type: "duration",
    default: "10m",
    unit: "ms",
    file: "minResyncPeriod",
    description: "How often a Cluster is looked at although nothing that is watched has changed.",
    schema: durationMs,
  },
  workers: {
    name: "workers",
    type: "1..100",
    default: "5",
    description: "How many Clusters are reconciled at the same time.",
    schema: wholeNumber(1, 100),
  },
  leaderElect: {
    name: "leader-elect",
    type: "true|false",
    default: "true",
    description: "Only the replica that holds the Lease acts; needed with more than one replica.",
    schema: flagBoolean,
  },
  leaderElectionNamespace: {
    name: "leader-election-namespace",
    type: "name",
    env: "POD_NAMESPACE",
    description: "Namespace of the Lease; outside a Pod, the one of the kubeconfig's context.",
    schema: text.optional(),
  },
  hostname: {
    name: "hostname",
    type: "name",
    env: "POD_NAME",
    file: "hostname",
    description: "Name of this replica in the Lease, in Events and in metrics.",
    schema: text.optional(),
  },
  metricsAddress: {
    name: "metrics-address",
    type: "host:port",
    default: "0.0.0.0:8080",
    description: "Where /metrics is served.",
    schema: listenAddress,
  },
  healthAddress: {
    name: "health-address",
    type: "host:port",
    default: "0.0.0.0:8081",
    description: "Where /healthz and /readyz are served.",
    schema: listenAddress,
  },
  shutdownGraceMs: {
    name: "shutdown-grace-period",
    type: "duration",
    default: "20s",
    unit: "ms",
    description: "How long reconciles that are under way may take to finish after SIGTERM.",
    schema: durationMs,
  },
  ...processTable,
} as const;
