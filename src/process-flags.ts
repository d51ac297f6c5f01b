// Settings that both programs have: logging and how the Kubernetes API server is found.

import { oneOf, text, wholeNumber } from "./flags.ts";

export const processTable = {
  logLevel: {
    name: "log-level",
    type: "debug|info|warn|error",
    default: "info",
    description: "The least important lines that are logged.",
    schema: oneOf(["debug", "info", "warn", "error"]),
  },
  logFormat: {
    name: "log-format",
    type: "json|text",
    default: "json",
    description: "JSON objects, one per line, or text for reading in a terminal.",
    schema: oneOf(["json", "text"]),
  },
  verbosity: {
    name: "v",
    type: "0..10",
    default: "0",
    description:
      "Verbosity as the original's manifests give it: 4 and above means --log-level debug.",
    schema: wholeNumber(0, 10),
  },
  kubeconfig: {
    name: "kubeconfig",
    type: "path",
    file: "kubeconfig",
    description:
      "Kubeconfig to use; otherwise $KUBECONFIG, the Pod's ServiceAccount, ~/.kube/config.",
    schema: text.optional(),
  },
  master: {
    name: "master",
    type: "URL",
    file: "master",
    description: "Address of the Kubernetes API server; overrides the one in the kubeconfig.",
    schema: text.optional(),
  },
  clusterDomain: {
    name: "cluster-domain",
    type: "domain",
    default: "cluster.local",
    env: "CLUSTER_DOMAIN",
    description: "DNS domain of the Kubernetes cluster; members call each other by names in it.",
    schema: text.regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, "a DNS domain such as cluster.local"),
  },
} as const;
