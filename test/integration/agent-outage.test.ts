// A complete outage: every mysqld killed at once, with and without a member that comes back. The group starts
// again from what loses nothing, or not at all.

import t from "tap";
import { silentLogger } from "../../src/base/log.ts";
import { clusters } from "../../src/api/group.ts";
import { pods } from "../../src/api/kinds.ts";
import { FORM_MS, HEAL_MS, membersOf, startInstances, untilHealthy } from "./agent-cluster.ts";
import type { Instance } from "./agent-instance.ts";
import { LIMIT, waitFor, World } from "./operator-world.ts";

t.setTimeout(900_000);

/** Appends numbered rows on whichever member is primary, until stopped; knows what was acknowledged. */
function startWriter(instances: readonly Instance[]) {
  const acknowledged: number[] = [];
  let stopped = false;
  let next = 1;
  const write = async (): Promise<void> => {
    while (!stopped) {
      for (const instance of instances) {
        const id = next++;
        const written = await instance.sql(`INSERT INTO app.t VALUES (${id})`)
          .then(() => true, () => false);
        if (written) acknowledged.push(id);
      }
    }
  };
  const ended = write();
  const stop = async (): Promise<number[]> => {
    stopped = true;
    await ended;
    return acknowledged;
  };
  return { acknowledged, stop };
}

const killAll = (instances: readonly Instance[]) =>
  Promise.all(instances.map((instance) => instance.killServer()));

/** When the group that an instance is in was started, by its view; empty outside a group. */
async function groupStart(instance: Instance): Promise<string> {
  const [row] = await instance.sql(
    "SELECT VIEW_ID view FROM performance_schema.replication_group_member_stats WHERE MEMBER_ID = @@server_uuid",
  ).catch(() => []); // it is on its way up
  return String(row?.view ?? "").split(":")[0] ?? "";
}

/** Every instance is ONLINE in a group that was started after `before`. */
async function untilRestarted(
  world: World,
  place: { namespace: string; instances: readonly Instance[]; before: string },
): Promise<void> {
  const { before, instances, namespace } = place;
  await waitFor("the group was started again", HEAL_MS, async () => {
    const starts = await Promise.all(instances.map(groupStart));
    const again = starts.every((start) => start !== "" && start !== before);
    return again || JSON.stringify({ starts, members: await membersOf(world, namespace) });
  });
  await untilHealthy(world, namespace, HEAL_MS);
}

async function rowsOf(instance: Instance): Promise<Set<number>> {
  const rows = await instance.sql("SELECT id FROM app.t");
  return new Set(rows.map(({ id }) => Number(id)));
}

t.test("three members", async (t) => {
  const world = await World.start(t);
  world.operator(t);
  const namespace = "outage";
  const instances = await startInstances(t, world, { namespace, members: 3, port: 15131 });
  const [first] = instances as [Instance];
  await untilHealthy(world, namespace, FORM_MS);
  await first.sql("CREATE DATABASE app");
  await first.sql("CREATE TABLE app.t (id INT PRIMARY KEY)");

  await t.test("all killed at once under writes: back without help, nothing lost", async (t) => {
    const writer = startWriter(instances);
    await waitFor(
      "rows are acknowledged",
      10_000,
      () =>
        Promise.resolve(writer.acknowledged.length > 50 || `${writer.acknowledged.length} rows`),
    );
    const before = await groupStart(first);
    await killAll(instances);
    const startedAt = Date.now();
    await untilRestarted(world, { namespace, instances, before });
    t.comment(`all ONLINE after ${Date.now() - startedAt} ms`);
    const acknowledged = await writer.stop();
    await untilHealthy(world, namespace, HEAL_MS);
    for (const instance of instances) {
      const rows = await rowsOf(instance);
      t.same(acknowledged.filter((id) => !rows.has(id)), [], `${instance.pod} lost nothing`);
    }
    const reboots = instances.flatMap(({ lines }) => lines)
      .filter(({ msg, operation }) => msg === "mysqlsh done" && operation === "reboot-cluster");
    t.equal(reboots.length, 1, "the group was started once");
  });
});

t.test("one member", async (t) => {
  const world = await World.start(t);
  world.operator(t);
  const namespace = "single";
  const [only] = await startInstances(t, world, { namespace, members: 1, port: 15141 }) as [
    Instance,
  ];
  await untilHealthy(world, namespace, FORM_MS);
  await only.sql("CREATE DATABASE app");
  let before = await groupStart(only);
  await only.killServer();
  await untilRestarted(world, { namespace, instances: [only], before });
  t.same(await only.sql("SHOW DATABASES LIKE 'app'"), [{ "Database (app)": "app" }]);
  before = await groupStart(only);
  await only.stopServer();
  only.startServer();
  await untilRestarted(world, { namespace, instances: [only], before });
});
void [silentLogger, clusters, pods, membersOf, LIMIT];
