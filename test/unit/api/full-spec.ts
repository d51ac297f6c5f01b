// A valid Cluster.spec with every field set: the ground from which the tables of bad input start, so that
// each row is wrong in one place only. `imagePullSecret` and `multiMaster` are other names of fields that
// are here, and `initFrom.clone` excludes `initFrom.backup`.

import type { ClusterSpecInput } from "../../../src/api/cluster.ts";

const claim = (name: string) => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name, labels: { tier: "fast" }, annotations: { "example.com/note": "text" } },
  spec: {
    accessModes: ["ReadWriteOnce" as const],
    resources: { requests: { storage: "10Gi" }, limits: { storage: "20Gi" } },
    storageClassName: "standard",
    volumeMode: "Filesystem" as const,
    volumeName: "made-beforehand",
    selector: { matchLabels: { disk: "ssd" } },
    volumeAttributesClassName: "gold",
  },
});

/** Fields whose behaviour does not exist yet: valid for the API server, refused by parseClusterSpec. */
export const unavailable = {
  ipAllowlist: ["10.0.0.0/8", "2001:db8::1"],
  initFrom: { backup: { name: "nightly" } },
  metrics: { exporterImage: "example.com/exporter:1", serviceMonitor: true },
} satisfies ClusterSpecInput;

export const available = {
  version: "9.7.4-2",
  repository: "registry.example.com:5000/mysql/community-server",
  members: 5,
  baseServerId: 2000,
  nodeSelector: { "kubernetes.io/os": "linux" },
  affinity: { nodeAffinity: {}, podAffinity: {}, podAntiAffinity: {} },
  volumeClaimTemplate: claim("data"),
  backupVolumeClaimTemplate: claim("backup"),
  rootPasswordSecret: { name: "root" },
  config: { name: "tuning" },
  sslSecret: { name: "tls" },
  securityContext: {
    runAsUser: 999,
    runAsGroup: 999,
    fsGroup: 999,
    runAsNonRoot: true,
    seccompProfile: { type: "Localhost", localhostProfile: "a.json" },
  },
  tolerations: [{
    key: "dedicated",
    operator: "Equal",
    value: "mysql",
    effect: "NoExecute",
    tolerationSeconds: 60,
  }],
  resources: {
    server: { requests: { cpu: 2, memory: "4Gi" }, limits: { cpu: "2500m", memory: "4Gi" } },
    agent: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "128Mi" } },
  },
  imagePullSecrets: [{ name: "registry" }],
  multiPrimary: true,
  mysqld: { max_connections: 500, "validate_password.policy": "STRONG" },
  podMetadata: { labels: { team: "a" }, annotations: { "example.com/a": "b" } },
  topologySpreadConstraints: [{
    maxSkew: 1,
    topologyKey: "topology.kubernetes.io/zone",
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: { app: "x" } },
    minDomains: 2,
  }],
  priorityClassName: "database",
  terminationGracePeriodSeconds: 300,
  services: {
    primary: {
      type: "LoadBalancer",
      annotations: { "example.com/lb": "internal" },
      loadBalancerSourceRanges: ["10.0.0.0/8"],
    },
    replicas: { type: "NodePort", annotations: { a: "b" }, loadBalancerSourceRanges: ["::/0"] },
  },
  recovery: { completeOutage: "Manual", diverged: "Reclone" },
  groupReplication: {
    expelTimeoutSeconds: 5,
    unreachableMajorityTimeoutSeconds: 20,
    consistency: "AFTER",
    autoRejoinTries: 5,
  },
  deletionPolicy: "Delete",
  paused: true,
} satisfies ClusterSpecInput;

export const fullSpec = { ...available, ...unavailable } satisfies ClusterSpecInput;
