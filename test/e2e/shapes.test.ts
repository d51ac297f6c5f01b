// The shapes a Cluster may have, side by side: one, three and five members, several primaries, an
// empty spec, two Clusters in one namespace, one of the same name in another, and growth from one
// member to three without a restart.

import t, { type Test } from "tap";
import {
  condition,
  type Database,
  getCluster,
  getPods,
  manifest,
  sql,
  waitUntilRight,
} from "./database.ts";
import { apply, kubectl } from "./kubectl.ts";
import { restrictedNamespace } from "./namespace.ts";
import { waitFor } from "./wait.ts";
import { everyRowIsEverywhere, startWriter } from "./writer.ts";

t.test("two Clusters in one namespace and one of the same name in another", async (t) => {
  const [first, second] = [
    await restrictedNamespace(t, "shapes-a"),
    await restrictedNamespace(t, "shapes-b"),
  ];
  const one: Database = { namespace: first, name: "main" };
  const other: Database = { namespace: first, name: "other" };
  const sameName: Database = { namespace: second, name: "main" };
  await apply(
    manifest(one, { members: 1 }),
    manifest(other, { members: 3 }),
    manifest(sameName, { members: 1 }),
  );
  await Promise.all([
    waitUntilRight(one, 1, 240_000),
    waitUntilRight(other, 3, 240_000),
    waitUntilRight(sameName, 1, 240_000),
  ]);
  const groups = new Set<string | undefined>();
  for (const database of [one, other, sameName]) {
    groups.add((await getCluster(database)).status?.bootstrap?.groupName);
  }
  t.equal(groups.size, 3, "each Cluster is a group of its own");
  await growsWithoutRestart(t, one);
});

/** From one member to three: the first one's server and its data stay as they were. */
async function growsWithoutRestart(t: Test, database: Database): Promise<void> {
  const writer = await startWriter(t, database, { hosts: ["main-primary"], clients: 1 });
  const started =
    "SELECT variable_value FROM performance_schema.global_status WHERE variable_name='Uptime'";
  const before = Number((await sql(database, "main-0", started))[0]);
  const [pod] = await getPods(database);
  await kubectl(["-n", database.namespace, "scale", "mysqlcluster/main", "--replicas=3"]);
  await waitUntilRight(database, 3, 180_000);
  t.ok(
    Number((await sql(database, "main-0", started))[0]) > before,
    "the first server was never restarted",
  );
  t.equal(
    (await getPods(database)).find(({ metadata }) => metadata.name === "main-0")?.metadata.uid,
    pod?.metadata.uid,
  );
  await everyRowIsEverywhere(t, database, await writer.stop());
}

t.test("five members", async (t) => {
  const database: Database = {
    namespace: await restrictedNamespace(t, "shapes-five"),
    name: "main",
  };
  await apply(manifest(database, { members: 5 }));
  await waitUntilRight(database, 5, 240_000);
  t.equal((await getCluster(database)).status?.onlineMembers, 5);
});

t.test("three primaries take writes at once", async (t) => {
  const database: Database = {
    namespace: await restrictedNamespace(t, "shapes-multi"),
    name: "main",
  };
  await apply(manifest(database, { multiMaster: true }));
  await waitUntilRight(database, 3, 240_000);
  const hosts = ["main-0.main", "main-1.main", "main-2.main"];
  const writer = await startWriter(t, database, { hosts, clients: 3 });
  await waitFor("rows from each of the three", 60_000, async () => {
    const { acknowledged } = await writer.report();
    const clients = new Set(acknowledged.map(([from]) => Math.floor(from / 1e9)));
    return clients.size === 3 || `writers ${[...clients].join()} got rows in`;
  });
  await everyRowIsEverywhere(t, database, await writer.stop());
});

t.test("an empty spec is a valid Cluster", async (t) => {
  const database: Database = {
    namespace: await restrictedNamespace(t, "shapes-empty"),
    name: "main",
  };
  await apply({ ...manifest(database), spec: {} });
  await waitUntilRight(database, 3, 240_000);
  t.equal(condition(await getCluster(database), "Available")?.status, "True");
});
