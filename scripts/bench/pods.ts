// The objects of `bench.sh watch`: Pods like those of a web service with a sidecar. With defaults, what admission
// adds and managedFields the server makes about 10 KB of JSON of each. Values differ from Pod to Pod as they
// do in life, so that no parser profits from sameness.

import type { Container, EnvVar, Pod, Probe } from "../../src/api/kinds.ts";

export const NAMESPACE = "bench";

/** The name of the n-th Pod. Pod 0 is the marker: it changes when a burst of changes is over. */
export const podName = (n: number): string =>
  `shop-frontend-7d9c5b6f4-${String(n).padStart(5, "0")}`;

/** The annotation that a change changes, and how long its value is, always. */
export const CHANGED = "change.example/number";
export const CHANGED_DIGITS = 8;

export function aPod(n: number): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: podName(n),
      namespace: NAMESPACE,
      labels: {
        "app.kubernetes.io/name": "shop-frontend",
        "app.kubernetes.io/instance": `shop-${n % 40}`,
        "app.kubernetes.io/part-of": "shop",
        "app.kubernetes.io/version": `3.14.${n % 25}`,
        "pod-template-hash": "7d9c5b6f4",
        "topology.example/zone": `zone-${n % 3}`,
      },
      annotations: {
        "checksum/config": `${n}`.repeat(64).slice(0, 64),
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9090",
        "sidecar.example/status": JSON.stringify({ revision: `r${n % 7}`, containers: ["proxy"] }),
        [CHANGED]: "0".repeat(CHANGED_DIGITS),
      },
      ownerReferences: [{
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        name: "shop-frontend-7d9c5b6f4",
        uid: "6f1c3c6e-9b8a-4d0e-8c36-1b1f3f0f5a11",
        controller: true,
        blockOwnerDeletion: true,
      }],
    },
    spec: {
      containers: [frontend(n), sidecar(n)],
      volumes: [
        { name: "config", configMap: { name: `shop-config-${n % 40}` } },
        { name: "certificates", secret: { secretName: `shop-certificates-${n % 40}` } },
        { name: "cache", emptyDir: { sizeLimit: "2Gi" } },
        { name: "proxy-state", emptyDir: { medium: "Memory" } },
      ],
      serviceAccountName: "default",
    },
  };
}

const probe = (path: string, port: number): Probe => ({
  httpGet: { path, port, scheme: "HTTP" },
  initialDelaySeconds: 5,
  periodSeconds: 10,
  timeoutSeconds: 2,
  failureThreshold: 3,
});

const variables = (values: Record<string, string>): EnvVar[] => [
  ...Object.entries(values).map(([name, value]) => ({ name, value })),
  { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
  { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
];

const frontend = (n: number): Container => ({
  name: "frontend",
  image: `registry.example/shop/frontend:3.14.${n % 25}`,
  args: ["--listen=:8080", "--metrics=:9090", `--shard=${n}`, "--config=/etc/shop/config.yaml"],
  env: [
    ...variables({
      DATABASE_URL: `mysql://shop-${n % 40}.databases.svc.cluster.local:3306/shop`,
      CACHE_URL: `redis://cache-${n % 40}.caches.svc.cluster.local:6379`,
      FEATURE_FLAGS: "checkout-v2,search-suggestions,recommendations",
      LOG_LEVEL: "info",
      SHARD: String(n),
    }),
    {
      name: "DATABASE_PASSWORD",
      valueFrom: { secretKeyRef: { name: `shop-database-${n % 40}`, key: "password" } },
    },
  ],
  ports: [{ name: "http", containerPort: 8080 }, { name: "metrics", containerPort: 9090 }],
  resources: { requests: { cpu: "250m", memory: "512Mi" }, limits: { memory: "1Gi" } },
  livenessProbe: probe("/healthz", 8080),
  readinessProbe: probe("/readyz", 8080),
  startupProbe: probe("/startedz", 8080),
  lifecycle: { preStop: { exec: { command: ["/bin/sh", "-c", "sleep 5; kill -TERM 1"] } } },
  securityContext: {
    runAsNonRoot: true,
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
  },
  volumeMounts: [
    { name: "config", mountPath: "/etc/shop", readOnly: true },
    { name: "certificates", mountPath: "/etc/certificates", readOnly: true },
    { name: "cache", mountPath: "/var/cache/shop" },
  ],
});

const sidecar = (n: number): Container => ({
  name: "proxy",
  image: "registry.example/mesh/proxy:1.29.2",
  args: ["proxy", "sidecar", "--domain=$(POD_NAMESPACE).svc.cluster.local", "--log-level=warning"],
  env: variables({
    MESH_CLUSTER: "shop-frontend",
    MESH_ID: `mesh-${n % 7}`,
    DISCOVERY_ADDRESS: "discovery.mesh-system.svc.cluster.local:15012",
    WORKLOAD: podName(n),
  }),
  ports: [{ name: "proxy-admin", containerPort: 15090 }],
  resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "128Mi" } },
  readinessProbe: probe("/healthz/ready", 15021),
  securityContext: { runAsUser: 1337, runAsGroup: 1337, capabilities: { drop: ["ALL"] } },
  volumeMounts: [{ name: "proxy-state", mountPath: "/var/lib/proxy" }],
});
