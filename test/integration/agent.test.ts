// The agents on real mysqld, the real API server and the operator's objects: they form a group, heal it,
// and keep roles, Service and reports right. What kubelet and network do is in test/e2e.

import t from "tap";
import { silentLogger } from "../../src/base/log.ts";
import { services } from "../../src/api/kinds.ts";
import {
  FORM_MS,
  HEAL_MS,
  membersOf,
  onlineIn,
  startInstances,
  untilHealthy,
} from "./agent-cluster.ts";
import { type Instance, PASSWORDS } from "./agent-instance.ts";
import { LIMIT, waitFor, World } from "./operator-world.ts";

t.setTimeout(900_000);

// The group suspects a member after 5 s; then unreachableMajorityTimeoutSeconds count, 10 by default. The
// rest is for a slow machine.
const FENCED_S = 5 + 10 + 10;

t.test("three instances form a group and heal", { timeout: 600_000 }, async (t) => {
  const world = await World.start(t);
  world.operator(t);
  const namespace = "agents";
  const instances = await startInstances(t, world, { namespace, members: 3, port: 15101 });
  const of = (pod: string): Instance => instances.find((instance) => instance.pod === pod)!;
  const primary = await untilHealthy(world, namespace, FORM_MS);
  t.equal(primary, "main-0", "the creator is the primary");
  const { status } = await world.cluster(namespace);
  t.ok(status?.bootstrap?.at, "the creation is recorded");
  t.match(status?.bootstrap, { instance: "main-0", groupName: /^[0-9a-f-]{36}$/ });
  await of("main-0").sql("CREATE DATABASE app");
  await of("main-0").sql("CREATE TABLE app.t (id INT PRIMARY KEY)");

  await t.test("a secondary that was killed comes back", async () => {
    await of("main-2").killServer();
    await waitFor("it is seen", 20_000, async () => {
      const members = await membersOf(world, namespace);
      return members[2]?.role === undefined || JSON.stringify(members);
    });
    await of("main-0").sql("INSERT INTO app.t VALUES (1)");
    await untilHealthy(world, namespace, HEAL_MS);
  });

  await t.test("a primary that was killed is replaced and comes back", async (t) => {
    await of("main-0").killServer();
    await waitFor("another primary has the Service", 30_000, async () => {
      const service = await world.client.of(services).get(
        { namespace, name: "main-primary" },
        LIMIT,
      );
      const to = service?.spec.selector?.["statefulset.kubernetes.io/pod-name"];
      return (to !== undefined && to !== "main-0") || `still ${to}`;
    });
    const next = await untilHealthy(world, namespace, HEAL_MS);
    t.not(next, "main-0");
    await of(next).sql("INSERT INTO app.t VALUES (2)");
  });

  await t.test("a secondary that stood still is expelled and comes back", async (t) => {
    const primary = await untilHealthy(world, namespace, HEAL_MS);
    const frozen = primary === "main-1" ? of("main-2") : of("main-1");
    const before = frozen.lines.length;
    await frozen.signalServer("SIGSTOP");
    await waitFor("it is expelled", 30_000, async () => {
      const rows = await of(primary).sql(
        "SELECT 1 FROM performance_schema.replication_group_members",
      );
      return rows.length === 2 || "still there";
    });
    await frozen.signalServer("SIGCONT");
    await waitFor("it is back", HEAL_MS, async () => await onlineIn(of(primary)) === 3 || "out");
    await untilHealthy(world, namespace, HEAL_MS);
    const started = frozen.lines.slice(before).some(({ type }) =>
      type === "start-group-replication"
    );
    t.notOk(started, "the server did that by itself");
  });

  await t.test("a primary that loses the majority steps down and comes back", async (t) => {
    const primary = await untilHealthy(world, namespace, HEAL_MS);
    const others = instances.filter(({ pod }) => pod !== primary);
    const account = { user: "app", password: "app-pw-0815" };
    await of(primary).sql(`CREATE USER app IDENTIFIED BY '${account.password}'`);
    await of(primary).sql("GRANT ALL ON app.* TO app");
    const [idle, busy] = await Promise.all([
      of(primary).connection(account),
      of(primary).connection(account),
    ]);
    await Promise.all(others.map((other) => other.signalServer("SIGSTOP")));
    const lostAt = performance.now();
    const write = busy.query("INSERT INTO app.t VALUES (99)").then(() => "acknowledged", String);
    await waitFor("it says so and has no role", 30_000, async () => {
      const members = await membersOf(world, namespace);
      const own = members.find(({ pod }) => pod === primary);
      return (own?.state.includes("NoQuorum") && own.role === undefined) || JSON.stringify(own);
    });
    t.equal((await fetch(await of(primary).url("/ready"))).status, 503);
    t.not(await write, "acknowledged", "a write waits for the majority, and fails without it");
    await idle.ended;
    await waitFor("it is out of write mode", 60_000, async () => {
      const [row] = await of(primary).sql("SELECT @@super_read_only ro");
      return row?.ro === 1 || JSON.stringify(row);
    });
    const seconds = (performance.now() - lostAt) / 1000;
    t.ok(seconds < FENCED_S, `it takes no writes and has no old clients after ${seconds} s`);
    for (const other of others) await other.signalServer("SIGCONT");
    await waitFor("all are back", HEAL_MS, async () => {
      const online = await Promise.all(instances.map(onlineIn));
      return online.every((count) => count === 3) || online.join(",");
    });
    await untilHealthy(world, namespace, HEAL_MS);
    for (const instance of instances) {
      t.same(await instance.sql("SELECT @@offline_mode off"), [{ off: 0 }], instance.pod);
    }
  });

  await t.test("drain hands the primary over and moves the Service", async (t) => {
    const before = await untilHealthy(world, namespace, HEAL_MS);
    const answer = await fetch(await of(before).url("/drain"));
    t.equal(answer.status, 200);
    t.match(await answer.json(), { result: /^handed over to main-/ });
    const service = await world.client.of(services).get({ namespace, name: "main-primary" }, LIMIT);
    t.not(service?.spec.selector?.["statefulset.kubernetes.io/pod-name"], before);
    await untilHealthy(world, namespace, HEAL_MS);
  });

  await t.test("a member with a new volume replaces its old self", async () => {
    const lost = of("main-2");
    if (await untilHealthy(world, namespace, HEAL_MS) === "main-2") {
      await fetch(await lost.url("/drain"));
    }
    await lost.stopServer();
    await lost.stopAgent();
    await lost.loseVolume();
    await lost.initialise(silentLogger);
    await lost.startAgent();
    lost.startServer();
    await untilHealthy(world, namespace, HEAL_MS);
  });

  const lines = JSON.stringify(instances.flatMap((instance) => instance.lines));
  for (const password of Object.values(PASSWORDS)) {
    t.notOk(lines.includes(JSON.stringify(password).slice(1, -1)), "no password in the logs");
  }
});
