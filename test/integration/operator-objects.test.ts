// The operator against the real API server: the objects of a new Cluster, and that nothing is written when
// nothing has changed, for the smallest and the largest spec.

import t from "tap";
import {
  type ClusterSpec,
  type ClusterSpecInput,
  parseClusterSpec,
} from "../../src/api/cluster.ts";
import { clusters } from "../../src/api/group.ts";
import { neededObjects } from "../../src/controllers/cluster/needs.ts";
import { isControlledBy } from "../../src/api/owner.ts";
import { configMaps, pods, secrets } from "../../src/api/kinds.ts";
import { events } from "../../src/api/kinds.ts";
import { EVERYTHING } from "../unit/controllers/cluster/builders.ts";
import { LIMIT, type RunningOperator, waitFor, World } from "./operator-world.ts";

const SECONDS = 60_000;

t.test("a Cluster's objects", async (t) => {
  const world = await World.start(t);
  const specs: [string, ClusterSpecInput][] = [["smallest", {}], ["largest", EVERYTHING]];
  for (const [namespace, input] of specs) {
    await t.test(`the ${namespace} spec`, async (t) => {
      await world.namespace(namespace);
      await createReferences(world, namespace);
      const spec = parse(input);
      const operator = world.operator(t, [`--namespace=${namespace}`]);
      const cluster = await world.create(namespace, input);
      await world.untilCondition(namespace, "Ready", "False Creating");
      for (const { type, name } of neededObjects("main", spec)) {
        const object = await world.client.of(type).get({ namespace, name }, LIMIT);
        t.ok(object && isControlledBy(object, cluster), `${type.kind} ${name} is the Cluster's`);
      }
      if (input !== EVERYTHING) {
        // The largest one names a PriorityClass that is not there.
        await waitFor("three Pods", SECONDS, async () => {
          const { length } = await world.list(pods, namespace);
          return length === 3 || `${length} Pods`;
        });
      }
      await operator.stop();
      const versions = await resourceVersions(world, namespace, spec);
      const again = world.operator(t, [`--namespace=${namespace}`]);
      await twoPasses(world, namespace, again);
      t.strictSame(again.lines.filter(({ msg }) => msg === "applied"), [], "nothing is applied");
      t.strictSame(await resourceVersions(world, namespace, spec), versions, "nothing was written");
      await again.stop();
      const told = (await world.list(events, namespace)).filter(({ reason }) =>
        reason === "Synced"
      );
      t.strictSame(told.map(({ count }) => count), [1], "told once");
    });
  }

  await t.test("only the namespaces that are watched", async (t) => {
    for (const namespace of ["watched-a", "watched-b", "unwatched"]) {
      await world.namespace(namespace);
      await world.create(namespace, { members: 1 });
    }
    world.operator(t, ["--watch-namespaces=watched-a,watched-b"]);
    await world.untilCondition("watched-a", "Ready", "False Creating");
    await world.untilCondition("watched-b", "Ready", "False Creating");
    t.equal((await world.cluster("unwatched")).status, undefined);
  });
});

function parse(input: ClusterSpecInput): ClusterSpec {
  const parsed = parseClusterSpec(input);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.spec;
}

/** What EVERYTHING names. */
async function createReferences(world: World, namespace: string): Promise<void> {
  const metadata = (name: string) => ({ name, namespace });
  const secret = (name: string, stringData: Record<string, string>) =>
    world.client.of(secrets).create(
      { apiVersion: "v1", kind: "Secret", metadata: metadata(name), stringData },
      LIMIT,
    );
  await secret("given-root", { password: "x" });
  await secret("given-tls", { "ca.crt": "x", "tls.crt": "x", "tls.key": "x" });
  const config = { apiVersion: "v1", kind: "ConfigMap", metadata: metadata("given-config") };
  await world.client.of(configMaps).create({ ...config, data: { "my.cnf": "" } }, LIMIT);
}

/** Passes over one key never overlap: when the second touch is looked at, the first pass has ended. */
async function twoPasses(
  world: World,
  namespace: string,
  operator: RunningOperator,
): Promise<void> {
  await waitFor("a first pass", SECONDS, async () => {
    return operator.lines.some(({ msg }) => msg === "reconcile started") || "none";
  });
  for (const touch of ["1", "2"]) {
    const passes = changesSeen(operator);
    const body = { metadata: { annotations: { touch } } };
    await world.client.of(clusters).patch({ namespace, name: "main" }, { body }, LIMIT);
    await waitFor("a pass after the touch", SECONDS, async () => {
      return changesSeen(operator) > passes || `${passes} passes`;
    });
  }
}

function changesSeen({ lines }: RunningOperator): number {
  return lines.filter(({ msg, reason }) =>
    msg === "reconcile started" && reason === "Cluster changed"
  ).length;
}

async function resourceVersions(
  world: World,
  namespace: string,
  spec: ClusterSpec,
): Promise<string[]> {
  return await Promise.all(
    neededObjects("main", spec).map(async ({ type, name }) => {
      const object = await world.client.of(type).get({ namespace, name }, LIMIT);
      return `${type.kind} ${name} ${
        object?.metadata.generation ?? object?.metadata.resourceVersion
      }`;
    }),
  );
}
