// What interrupts the agents: MySQL Shell killed at several moments, the API server away, binary logs
// purged. They finish, or wait and say why.

import t from "tap";
import { purgeBinaryLogs } from "../../fixtures/mysqld/mod.ts";
import { silentLogger } from "../../src/base/log.ts";
import { FORM_MS, HEAL_MS, onlineIn, startInstances, untilHealthy } from "./agent-cluster.ts";
import { waitFor, World } from "./operator-world.ts";

t.setTimeout(900_000);

t.test("a group forms although MySQL Shell is killed again and again", async (t) => {
  const world = await World.start(t);
  world.operator(t);
  const namespace = "faults";
  const instances = await startInstances(t, world, {
    namespace,
    members: 2,
    port: 15111,
    prepare: async (instance, ordinal) => {
      await instance.killShellAfter(...(ordinal === 0 ? [0.7, 1.4, 2] : [1.5, 3, 5]));
    },
  });
  const [first, second] = instances as [typeof instances[0] & object, typeof instances[0] & object];
  await untilHealthy(world, namespace, 2 * FORM_MS);
  const groups = await first.sql("SELECT cluster_name FROM mysql_innodb_cluster_metadata.clusters");
  t.same(groups, [{ cluster_name: "main" }], "one cluster, however often it was begun");
  const shells = instances.flatMap(({ lines }) => lines)
    .filter(({ msg }) => msg === "mysqlsh done" || msg === "mysqlsh failed");
  t.ok(shells.some(({ kind }) => kind === "interrupted"), "it was killed");

  await t.test("a new volume joins by clone, killed in the middle, when binary logs are purged", async (t) => {
    await first.sql("CREATE DATABASE app");
    await first.sql("CREATE TABLE app.t (id INT PRIMARY KEY)");
    await purgeBinaryLogs((sql) => first.sql(sql));
    await second.stopServer();
    await second.stopAgent();
    await second.loseVolume();
    await second.initialise(silentLogger);
    await second.killShellAfter(5);
    // Not earlier: a killed add may be finished only after the member is ONLINE.
    const before = second.lines.length;
    await second.startAgent();
    second.startServer();
    await untilHealthy(world, namespace, 2 * HEAL_MS);
    const added = second.lines.slice(before).find(({ type }) => type === "add-instance");
    t.equal(added?.method, "clone");
    t.same(await second.sql("SHOW TABLES IN app"), [{ Tables_in_app: "t" }]);
  });

  await t.test("without the API server a member comes back", async () => {
    await world.server.killApiServer();
    await second.stopServer();
    second.startServer();
    await waitFor("both are ONLINE", HEAL_MS, async () => {
      return await onlineIn(first) === 2 || `${await onlineIn(first)} ONLINE`;
    });
    await world.server.startApiServer();
    await untilHealthy(world, namespace, HEAL_MS);
  });
});
