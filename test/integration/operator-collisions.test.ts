// Objects of somebody else under names that a Cluster needs: refused, untouched, told once, and the
// Cluster proceeds by itself as soon as they are gone.

import t from "tap";
import { CLUSTER_LABEL } from "../../src/api/labels.ts";
import {
  type Secret,
  secrets,
  type Service,
  services,
  type StatefulSet,
  statefulSets,
} from "../../src/api/kinds.ts";
import { events } from "../../src/api/kinds.ts";
import type { KubeObject } from "../../src/kube/object.ts";
import { LIMIT, waitFor, World } from "./operator-world.ts";

const SECONDS = 60_000;
const LABELS = { app: "somebody-else" };

t.test("foreign objects", async (t) => {
  const world = await World.start(t);
  const namespace = await world.namespace("foreign");
  const metadata = (name: string, labels: Record<string, string> = LABELS) => ({
    name,
    namespace,
    labels,
  });
  const service: Service = {
    apiVersion: "v1",
    kind: "Service",
    // Labelled as if it were ours: the label is no proof.
    metadata: metadata("main-primary", { [CLUSTER_LABEL]: "main" }),
    spec: { selector: LABELS, ports: [{ port: 80 }] },
  };
  const statefulSet: StatefulSet = {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: metadata("main"),
    spec: {
      replicas: 0,
      serviceName: "x",
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: { containers: [{ name: "c", image: "localhost/pause:1" }] },
      },
    },
  };
  const secret: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: metadata("main-root-password"),
    stringData: { password: "not-for-a-database" },
  };
  const foreign: KubeObject[] = [
    await world.client.of(services).create(service, LIMIT),
    await world.client.of(statefulSets).create(statefulSet, LIMIT),
    await world.client.of(secrets).create(secret, LIMIT),
  ];
  const operator = world.operator(t);
  await world.create(namespace, {});

  const ready = await world.untilCondition(namespace, "Ready", "False ResourceExists");
  for (const { kind, metadata: { name } } of foreign) {
    t.match(ready.message, `${kind} ${namespace}/${name} already exists`, "the condition names it");
  }
  t.strictSame(operator.lines.filter(({ msg }) => msg === "applied"), [], "nothing half-made");

  for (const [index, type] of [services, statefulSets, secrets].entries()) {
    const { name, resourceVersion } = foreign[index]?.metadata ?? { name: "" };
    const ref = { namespace, name };
    const live = await world.client.of<KubeObject>(type).get(ref, LIMIT);
    t.equal(
      live?.metadata.labels?.["app"] ?? live?.metadata.labels?.[CLUSTER_LABEL],
      index === 0 ? "main" : "somebody-else",
      `${type.kind} has its labels`,
    );
    t.equal(live?.metadata.ownerReferences, undefined, `${type.kind} was not adopted`);
    if (type !== statefulSets) {
      // A StatefulSet's own controller writes its status.
      t.equal(live?.metadata.resourceVersion, resourceVersion, `${type.kind} is untouched`);
    }
    await world.client.of<KubeObject>(type).delete(ref, {}, LIMIT);
  }
  await world.untilCondition(namespace, "Ready", "False Creating");
  await waitFor("the Events", SECONDS, async () => {
    const told = (await world.list(events, namespace))
      .filter(({ reason }) => reason === "ErrResourceExists");
    const counts = told.map(({ message, count }) => `${message} ${count}`).sort().join("\n");
    return told.length === 3 && told.every(({ count }) => count === 1) || counts;
  });
});
