// A Cluster that is deleted and made again over the volumes that were kept: new passwords, no status, and the
// data of before. It takes the data up and starts the old group again, not a new one.

import t from "tap";
import { clusters } from "../../src/api/group.ts";
import { configMaps, pods } from "../../src/api/kinds.ts";
import { silentLogger } from "../../src/base/log.ts";
import { leases } from "../../src/kube/resource.ts";
import { FORM_MS, HEAL_MS, startInstances, untilHealthy } from "./agent-cluster.ts";
import { LIMIT, waitFor, World } from "./operator-world.ts";

t.setTimeout(400_000);

t.test("a Cluster made again takes up its data", async (t) => {
  const world = await World.start(t);
  world.operator(t);
  const namespace = "again";
  const instances = await startInstances(t, world, { namespace, members: 2, port: 15151 });
  const primary = await untilHealthy(world, namespace, FORM_MS);
  const writer = instances.find(({ pod }) => pod === primary);
  await writer?.sql("CREATE DATABASE app");
  const ref = { namespace, name: "main" };
  const group = (await world.cluster(namespace)).status?.bootstrap?.groupName;
  for (const instance of instances) {
    await instance.stopServer();
    await instance.stopAgent();
  }
  await world.client.of(clusters).delete(ref, {}, LIMIT);
  await waitFor("everything of it is gone", 60_000, async () => {
    const left = [
      ...await world.list(pods, namespace),
      ...await world.list(leases, namespace),
      ...(await world.list(configMaps, namespace)).filter(({ metadata }) =>
        metadata.name === "main-config"
      ),
    ];
    return left.length === 0 || left.map(({ metadata }) => metadata.name).join(", ");
  });
  await world.create(namespace, { members: 2 });
  await waitFor("the operator has made the new one", 60_000, async () => {
    const found = await world.list(pods, namespace);
    const lease = await world.list(leases, namespace);
    const map = await world.client.of(configMaps).get({ namespace, name: "main-config" }, LIMIT);
    return (found.length === 2 && lease.length === 1 && map !== undefined) ||
      `${found.length} Pods`;
  });
  for (const instance of instances) {
    await instance.changeAgentPassword("another-agent-pw");
    await instance.initialise(silentLogger);
    await instance.startAgent();
    instance.startServer();
  }
  await untilHealthy(world, namespace, HEAL_MS);
  const { status } = await world.cluster(namespace);
  t.ok(group);
  t.equal(status?.bootstrap?.groupName, group, "the group of before");
  for (const instance of instances) {
    t.same(await instance.sql("SHOW DATABASES LIKE 'app'"), [{ "Database (app)": "app" }]);
    t.same(
      await instance.sql("SELECT cluster_name FROM mysql_innodb_cluster_metadata.clusters"),
      [{ cluster_name: "main" }],
    );
  }
});
