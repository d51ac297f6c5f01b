// What src/agent/decide-guard.ts builds on: a server in offline_mode serves no clients and is a member like any other,
// and nothing keeps a server from entering it.

import t from "tap";
import { keep, query, type Row } from "../../fixtures/mysqld/client.ts";
import { openStage } from "./mysqlsh-stage.ts";

t.setTimeout(500_000);

const STATE = "SELECT MEMBER_STATE state, @@global.offline_mode offline " +
  "FROM performance_schema.replication_group_members WHERE MEMBER_ID = @@server_uuid";

await t.test("offline_mode", async (t) => {
  const stage = await openStage(t, 12_410);
  await stage.formCluster([4101, 4102]);
  const [primary, joiner] = [stage.server(4101), stage.server(4102)];
  for (const port of [4101, 4102]) await stage.manualStart(port);
  await primary.query("CREATE DATABASE app");
  await primary.query("CREATE TABLE app.t (id INT PRIMARY KEY)");
  await primary.query("CREATE USER app IDENTIFIED BY 'app-pw-0815'");
  await primary.query("GRANT ALL ON app.* TO app");
  await stage.eventuallySome(4102, "mysql.user WHERE User = 'app'");
  const login = ({ host, port }: { host: string; port: number }) => ({
    host,
    port,
    user: "app",
    password: "app-pw-0815",
  });
  const ask = (): Promise<Row[] | number> =>
    query(login(joiner), "SELECT 1 one").catch(({ errno }: { errno: number }) => errno);

  await t.test("from the start, through a join, until it is ended", async (t) => {
    await joiner.restart({ options: { "offline-mode": "ON" } });
    const refused = await ask();
    t.ok([3032, 6400].includes(refused as number), `refused with ${refused}`);
    await joiner.query("START GROUP_REPLICATION");
    await stage.eventuallySome(
      4101,
      `performance_schema.replication_group_members WHERE MEMBER_STATE = 'ONLINE' AND MEMBER_PORT = ${joiner.port}`,
    );
    t.same(await joiner.query(STATE), [{ state: "ONLINE", offline: 1 }]);
    t.equal(await ask(), refused);
    await joiner.query("SET GLOBAL offline_mode = OFF");
    t.same(await ask(), [{ one: 1 }]);
  });

  await t.test("at once, although commits wait for the majority", async (t) => {
    const [busy, idle] = [await keep(login(primary)), await keep(login(primary))];
    t.teardown(() => busy.end());
    joiner.freeze();
    t.teardown(() => joiner.thaw());
    let acknowledged = false;
    busy.query("INSERT INTO app.t VALUES (1)").then(() => acknowledged = true, () => {});
    await stage.eventuallySome(
      4101,
      "performance_schema.replication_group_members WHERE MEMBER_STATE = 'UNREACHABLE'",
    );
    const before = performance.now();
    await primary.query("SET GLOBAL offline_mode = ON");
    t.ok(performance.now() - before < 3_000, "it waits for no commit");
    await idle.ended;
    t.notOk(acknowledged, "what waits for the majority goes on waiting");
  });
});

await t.test("MySQL Shell works on servers that start in offline_mode", async (t) => {
  const stage = await openStage(t, 12_610);
  const options = { "offline-mode": "ON" };
  const ports = [4101, 4102];
  await Promise.all(ports.map((port) => stage.start(port, { options })));
  const online = async (port: number): Promise<void> => {
    await stage.eventually(port, "MEMBER_STATE = 'ONLINE'", ports.length);
  };

  await t.test("create-cluster", async (t) => {
    await stage.shell(4101, "dba", "create-cluster", "c1");
    t.match(await stage.server(4101).query(STATE), [{ state: "ONLINE" }]);
  });

  await t.test("add-instance by clone, from a donor in offline_mode", async () => {
    await stage.server(4101).query("SET GLOBAL offline_mode = ON");
    await stage.shell(4101, "cluster", "add-instance", "127.0.0.1:4102", "--recoveryMethod=clone");
    await online(4102);
  });

  await t.test("rejoin-instance", async () => {
    await stage.manualStart(4102);
    await stage.server(4102).restart();
    await stage.shell(4101, "cluster", "rejoin-instance", "127.0.0.1:4102");
    await online(4102);
  });

  await t.test("reboot-cluster-from-complete-outage", async () => {
    await stage.eventuallyRegistered(4102);
    await stage.manualStart(4101);
    await Promise.all(ports.map((port) => stage.server(port).restart()));
    await stage.shell(4101, "dba", "reboot-cluster-from-complete-outage", "c1");
    await online(4101);
  });
});
