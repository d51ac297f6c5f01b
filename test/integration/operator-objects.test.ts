// The operator against the real API server: the objects of a new Cluster, and that nothing is written when
// nothing has changed.

import t from "tap";
import { clusters } from "../../src/api/group.ts";
import { neededObjects } from "../../src/controllers/cluster/needs.ts";
import { parseClusterSpec } from "../../src/api/cluster.ts";
import { isControlledBy } from "../../src/kube/owner.ts";
import { pods } from "../../src/kube/resource.ts";
import { LIMIT, type RunningOperator, waitFor, World } from "./operator-world.ts";

const SECONDS = 60_000;

t.test("a Cluster's objects", async (t) => {
  const world = await World.start(t);
  const namespace = await world.namespace("objects");
  const operator = world.operator(t);
  const cluster = await world.create(namespace, {});

  await t.test("all of them appear, owned by the Cluster", async (t) => {
    await world.untilCondition(namespace, "Ready", "False Creating");
    const parsed = parseClusterSpec({});
    if (!parsed.ok) throw new Error("an empty spec is valid");
    for (const { type, name } of neededObjects("main", parsed.spec)) {
      const object = await world.client.get(type, { namespace, name }, LIMIT);
      t.ok(object && isControlledBy(object, cluster), `${type.kind} ${name}`);
    }
    await waitFor("three Pods", SECONDS, async () => {
      const { length } = await world.list(pods, namespace);
      return length === 3 || `${length} Pods`;
    });
  });

  await t.test("a look at a steady Cluster writes nothing", async (t) => {
    await operator.stop();
    const versions = await resourceVersions(world, namespace);
    const again = world.operator(t);
    // Passes over one key never overlap: when the second touch is looked at, the first pass has ended.
    for (const touch of ["1", "2"]) {
      const passes = changesSeen(again);
      const body = { metadata: { annotations: { touch } } };
      await waitFor("a first pass", SECONDS, async () => {
        return again.lines.some(({ msg }) => msg === "reconcile started") || "none";
      });
      await world.client.patch(clusters, { namespace, name: "main" }, { body }, LIMIT);
      await waitFor("a pass after the touch", SECONDS, async () => {
        return changesSeen(again) > passes || `${passes} passes`;
      });
    }
    t.strictSame(again.lines.filter(({ msg }) => msg === "applied"), []);
    t.strictSame(await resourceVersions(world, namespace), versions);
  });
});

function changesSeen({ lines }: RunningOperator): number {
  return lines.filter(({ msg, reason }) =>
    msg === "reconcile started" && reason === "Cluster changed"
  ).length;
}

async function resourceVersions(world: World, namespace: string): Promise<string[]> {
  const parsed = parseClusterSpec({});
  if (!parsed.ok) throw new Error("an empty spec is valid");
  const needed = neededObjects("main", parsed.spec);
  return await Promise.all(needed.map(async ({ type, name }) => {
    const object = await world.client.get(type, { namespace, name }, LIMIT);
    return `${type.kind} ${name} ${object?.metadata.resourceVersion}`;
  }));
}
