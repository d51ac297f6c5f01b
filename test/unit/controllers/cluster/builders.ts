// Objects for table tests: a Cluster, its live objects, its Pods as kubelet and agent would show them.
// Every builder gives something consistent by default and refuses what cannot be.

import type { Cluster, ClusterSpecInput, ClusterStatus } from "../../../../src/api/cluster.ts";
import { parseClusterSpec } from "../../../../src/api/cluster.ts";
import { type InstanceReport, renderInstanceReport } from "../../../../src/api/instance-report.ts";
import { INSTANCE_ANNOTATION, selectorLabels } from "../../../../src/api/labels.ts";
import { Secret } from "../../../../src/base/secret.ts";
import { idOf, objectId } from "../../../../src/controllers/cluster/needs.ts";
import { planCluster, type PlanOptions } from "../../../../src/controllers/cluster/plan.ts";
import type { ClusterSnapshot } from "../../../../src/controllers/cluster/snapshot.ts";
import type { ContainerStatus, Pod } from "../../../../src/api/kinds.ts";
import type { KubeObject } from "../../../../src/kube/object.ts";

export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
export const SETTINGS = {
  serverRepository: "registry.example/mysql-server",
  agentImage: "registry.example/mysql-operator:1",
  imagePullPolicy: "IfNotPresent",
  clusterDomain: "cluster.local",
  operatorVersion: "0.1.0",
};
export const OPTIONS: PlanOptions = {
  settings: SETTINGS,
  passwords: { root: new Secret("root-password"), agent: new Secret("agent-password") },
  resyncMs: 600_000,
};

export function aCluster(spec: Cluster["spec"] & object = {}, status?: ClusterStatus): Cluster {
  return {
    apiVersion: "mysql.oracle.com/v1alpha1",
    kind: "Cluster",
    metadata: { name: "main", namespace: "db", uid: "uid-of-main", generation: 2 },
    spec,
    ...(status !== undefined && { status }),
  };
}

/** The status of a Cluster whose group exists. */
export function bootstrapped(status: ClusterStatus = {}): ClusterStatus {
  const at = "2026-01-01T00:00:00Z";
  return {
    bootstrap: { instance: "main-0", serverUuid: "u", intentAt: at, groupName: "g", at },
    ...status,
  };
}

type SnapshotOptions = Partial<Omit<ClusterSnapshot, "live">> & {
  readonly live?: readonly KubeObject[];
};

export function aSnapshot(options: SnapshotOptions = {}): ClusterSnapshot {
  const cluster = options.cluster ?? aCluster();
  const live = new Map((options.live ?? []).map((object) => [objectId(object), object]));
  return {
    cluster,
    parsed: parseClusterSpec(cluster.spec),
    missingReferences: [],
    nodes: new Map(),
    pods: [],
    ...options,
    live,
  };
}

/** Everything that a Cluster needs as it is after its plan was carried out, with uids as a server gives. */
export function liveObjects(cluster: Cluster): KubeObject[] {
  const fresh = { ...cluster };
  delete fresh.status;
  const { actions } = planCluster(aSnapshot({ cluster: fresh }), OPTIONS);
  return actions.map(({ object }) => ({
    ...structuredClone(object),
    metadata: { ...structuredClone(object.metadata), uid: `uid-of-${objectId(object)}` },
  }));
}

export const SERVICE_ID = idOf("Service", "main");

type PodOptions = {
  /** What the agent says; none if it has not reported. */
  readonly report?: Partial<InstanceReport>;
  readonly ready?: boolean;
  /** When the Ready condition last changed. */
  readonly readySince?: string;
  /** What the kubelet says of both containers. */
  readonly containers?: Partial<ContainerStatus>;
  readonly agent?: Partial<ContainerStatus>;
  readonly conditions?: NonNullable<Pod["status"]>["conditions"];
  readonly leaving?: boolean;
};

export function aPod(ordinal: number, options: PodOptions = {}): Pod {
  const { report, ready = false, readySince = "2026-01-01T00:00:00Z" } = options;
  if (ready && options.conditions) throw new Error("a Pod that is ready has the usual conditions");
  const status = (name: string, more: Partial<ContainerStatus> = {}): ContainerStatus => ({
    name,
    ready,
    restartCount: 0,
    image: "",
    state: { running: {} },
    ...options.containers,
    ...more,
  });
  const name = `main-${ordinal}`;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "db",
      labels: selectorLabels("main"),
      ...(options.leaving && { deletionTimestamp: "2026-01-02T00:00:00Z" }),
      ...(report &&
        { annotations: { [INSTANCE_ANNOTATION]: renderInstanceReport(aReport(report)) } }),
    },
    spec: { containers: [] },
    status: {
      phase: "Running",
      conditions: options.conditions ??
        [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: readySince }],
      initContainerStatuses: [status("agent", options.agent)],
      containerStatuses: [status("mysql")],
    },
  };
}

export function aReport(report: Partial<InstanceReport> = {}): InstanceReport {
  return {
    observedAt: "2026-01-01T12:00:00Z",
    serverVersion: "9.7.4",
    state: "Online",
    quorum: true,
    members: [],
    hasData: true,
    mysqldRestarts: 0,
    ...report,
  };
}

/** A member of a group of `size` that is ONLINE and whose Pod is Ready; the first one is the primary. */
export function anOnlinePod(ordinal: number, size = 3, report: Partial<InstanceReport> = {}): Pod {
  return aPod(ordinal, {
    ready: true,
    report: {
      role: ordinal === 0 ? "primary" : "secondary",
      viewId: `1:${size}`,
      members: Array.from({ length: size }, (_, index) => aMember(index)),
      ...report,
    },
  });
}

export function aMember(ordinal: number, state = "ONLINE") {
  return {
    host: `main-${ordinal}.main.db.svc.cluster.local`,
    serverUuid: `uuid-${ordinal}`,
    state,
    role: ordinal === 0 ? "PRIMARY" : "SECONDARY",
  };
}

/** Every field that reaches an object. */
export const EVERYTHING: ClusterSpecInput = {
  version: "8.4",
  repository: "registry.example:5000/mysql",
  imagePullSecret: [{ name: "pull" }],
  members: 5,
  baseServerId: 2000,
  nodeSelector: { disk: "fast" },
  affinity: { nodeAffinity: {} },
  volumeClaimTemplate: {
    metadata: { name: "mysqldata", labels: { team: "a" } },
    spec: { storageClassName: "fast", resources: { requests: { storage: "10Gi" } } },
  },
  backupVolumeClaimTemplate: {
    metadata: { name: "staging" },
    spec: { resources: { requests: { storage: "1Gi" } } },
  },
  rootPasswordSecret: { name: "given-root" },
  config: { name: "given-config" },
  sslSecret: { name: "given-tls" },
  securityContext: { runAsUser: 999, fsGroup: 999 },
  tolerations: [{ key: "dedicated", operator: "Exists" }],
  resources: {
    server: { requests: { cpu: 2, memory: "4Gi" }, limits: { memory: "4Gi" } },
    agent: { requests: { cpu: "50m" } },
  },
  mysqld: { max_connections: 500, innodb_io_capacity: 2000 },
  podMetadata: { labels: { team: "a" }, annotations: { "prometheus.io/scrape": "false" } },
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" },
  ],
  priorityClassName: "database",
  terminationGracePeriodSeconds: 300,
  services: {
    primary: { type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.0/8"] },
    replicas: { annotations: { lb: "internal" } },
  },
  recovery: { completeOutage: "Manual", diverged: "Reclone" },
  groupReplication: { expelTimeoutSeconds: 5, consistency: "AFTER" },
  deletionPolicy: "Delete",
};
