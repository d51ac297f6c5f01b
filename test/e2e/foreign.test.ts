// Objects that somebody else made under a name that a Cluster needs: refused, left alone, reported;
// once they are gone the Cluster proceeds by itself.

import t from "tap";
import { condition, type Database, getCluster, manifest, waitUntilRight } from "./database.ts";
import { apply, kubectl, kubectlJson } from "./kubectl.ts";
import { restrictedNamespace } from "./namespace.ts";
import { waitFor } from "./wait.ts";

const LABELS = { app: "somebody-else" };
const container = { name: "c", image: "localhost/pause:1" };
const FOREIGN: [string, (namespace: string) => object][] = [
  ["Service/main", (namespace) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "main", namespace },
    spec: { selector: LABELS, ports: [{ port: 80 }] },
  })],
  ["StatefulSet/main", (namespace) => ({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "main", namespace },
    spec: {
      replicas: 0,
      serviceName: "x",
      selector: { matchLabels: LABELS },
      template: { metadata: { labels: LABELS }, spec: { containers: [container] } },
    },
  })],
  ["Secret/main-root-password", (namespace) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "main-root-password", namespace },
    stringData: { password: "not-for-a-database" },
  })],
];

t.test("a foreign object of the right name", async (t) => {
  const namespace = await restrictedNamespace(t, "foreign");
  const database: Database = { namespace, name: "main" };
  for (const [, object] of FOREIGN) await apply(object(namespace));
  const before = await snapshots(namespace);
  await apply(manifest(database, { members: 1 }));

  for (const [reference] of FOREIGN) {
    await waitFor(`a condition that names ${reference}`, 60_000, async () => {
      const ready = condition(await getCluster(database), "Ready");
      const named = ready?.status === "False" &&
        ready.message.includes(reference.split("/")[1] ?? "");
      return named && ready.message.includes(reference.split("/")[0] ?? "") ||
        `${ready?.status} ${ready?.message}`;
    });
    await waitFor(`an Event about ${reference}`, 30_000, async () => {
      const events = await kubectl([
        "-n",
        namespace,
        "get",
        "events",
        "--field-selector=reason=ErrResourceExists",
      ]);
      return events.includes(reference.split("/")[0] ?? "") || events;
    });
    t.strictSame(await snapshots(namespace), before, `${reference} and its like were not touched`);
    await kubectl(["-n", namespace, "delete", reference.toLowerCase()]);
    delete before[reference];
  }
  await waitUntilRight(database, 1, 120_000);
});

/** The foreign objects that are still there, as the API server shows them. */
async function snapshots(namespace: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const [reference] of FOREIGN) {
    const object = await kubectlJson<Record<string, unknown>>([
      "-n",
      namespace,
      "get",
      reference.toLowerCase(),
    ])
      .catch(() => undefined);
    if (!object) continue;
    const { status: _, metadata, ...rest } = object as {
      status: unknown;
      metadata: Record<string, unknown>;
    };
    found[reference] = {
      ...rest,
      uid: metadata["uid"],
      labels: metadata["labels"],
      annotations: metadata["annotations"],
      owners: metadata["ownerReferences"],
    };
  }
  return found;
}
