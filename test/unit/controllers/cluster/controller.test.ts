// Which Clusters a watched object concerns, what is counted, and what passwords look like.

import t from "tap";
import { CLUSTER_LABEL } from "../../../../src/api/labels.ts";
import { createLogger } from "../../../../src/base/log.ts";
import { MetricRegistry } from "../../../../src/base/metrics.ts";
import {
  ClusterCensus,
  type ClusterControllerOptions,
  clusterSources,
  concernedClusters,
  createClusterController,
} from "../../../../src/controllers/cluster/controller.ts";
import { drawPassword } from "../../../../src/controllers/cluster/passwords.ts";
import { FakeClock, settle } from "../../base/fake-clock.ts";
import { Streams } from "../../runtime/streams.ts";
import { aCluster, bootstrapped } from "./builders.ts";

const owner = (kind: string, apiVersion: string, controller = true) => ({
  ownerReferences: [{ apiVersion, kind, name: "owner", uid: "u", controller }],
});
const ours = "mysql.oracle.com/v1alpha1";

const rows: [string, object, string[]][] = [
  ["the label", { labels: { [CLUSTER_LABEL]: "main" } }, ["db/main"]],
  ["the controller", owner("Cluster", ours), ["db/owner"]],
  ["both, when they differ", { labels: { [CLUSTER_LABEL]: "main" }, ...owner("Cluster", ours) }, [
    "db/main",
    "db/owner",
  ]],
  ["an owner that does not control", owner("Cluster", ours, false), []],
  ["a Cluster of another group", owner("Cluster", "example.com/v1"), []],
  ["neither", {}, []],
];

for (const [name, metadata, expected] of rows) {
  t.test(`concernedClusters() by ${name}`, async (t) => {
    const object = {
      apiVersion: "v1",
      kind: "X",
      metadata: { name: "x", namespace: "db", ...metadata },
    };
    t.strictSame(concernedClusters(object), expected);
  });
}

t.test("clusterSources() watches no Secrets, and nothing but Clusters without the label", async (t) => {
  for (const namespaces of [[], ["db", "other"]]) {
    for (const source of clusterSources(namespaces)) {
      t.not(source.type.kind, "Secret");
      t.strictSame(source.namespaces, namespaces);
      t.equal(source.labelSelector, source.type.kind === "Cluster" ? undefined : CLUSTER_LABEL);
    }
  }
});

t.test("a Cluster whose newest state cannot be read is left alone, and said so", async (t) => {
  const streams = new Streams();
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const clock = new FakeClock();
  const log = createLogger({ level: "warn", format: "text", write, clock });
  const metrics = new MetricRegistry();
  const controller = createClusterController({
    client: streams.client(), // a pass would ask it for what it does not know, and fail differently
    ...{ clock, log, metrics, workers: 1, namespaces: [], mayBegin: Promise.resolve() },
    ...{ census: new ClusterCensus(metrics, "op"), recorder: { emit() {} } },
    plan: {} as ClusterControllerOptions["plan"],
  });
  const stop = new AbortController();
  const ended = controller.run(stop.signal);
  await settle();
  const [path = "", ...others] = streams.paths;
  for (const other of others) await streams.whole(other);
  await streams.whole(path);
  await streams.garble(path, "db/main");
  stop.abort();
  await ended;
  t.match(
    lines.join("\n"),
    /Cluster db\/main cannot be read \(malformed spec or status\): nothing is/,
  );
});

t.test("ClusterCensus counts under the original names", async (t) => {
  const metrics = new MetricRegistry();
  const census = new ClusterCensus(metrics, "op");
  const values = () =>
    Object.fromEntries(
      [...metrics.render().matchAll(/^mysql_operator_cluster_(\w+)\{podName="op"\} (\d+)$/gm)]
        .map(([, name, value]) => [name, Number(value)]),
    );
  t.strictSame(values(), { clusters: 0, clusters_created: 0, clusters_deleted: 0 });
  census.seen(aCluster());
  census.seen(aCluster({}, bootstrapped()));
  census.seen(aCluster({}, bootstrapped()));
  t.strictSame(values(), { clusters: 1, clusters_created: 1, clusters_deleted: 0 });
  census.gone("db/main");
  census.gone("db/main");
  t.strictSame(values(), { clusters: 0, clusters_created: 1, clusters_deleted: 1 });
});

t.test("drawPassword() is long, without characters that need quoting, and new each time", async (t) => {
  const drawn = Array.from({ length: 100 }, () => drawPassword());
  for (const password of drawn) t.match(password.reveal(), /^[A-Za-z0-9]{24}$/);
  t.equal(new Set(drawn.map((password) => password.reveal())).size, drawn.length);
  t.equal(JSON.stringify(drawn[0]), '"[redacted]"');
});
