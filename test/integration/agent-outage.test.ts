// A complete outage: every mysqld killed at once, with and without a member that comes back. The group starts
// again from what loses nothing, or not at all.

import { readdir, readFile } from "node:fs/promises";
import t from "tap";
import { clusters } from "../../src/api/group.ts";
import { parseInstanceReport } from "../../src/api/instance-report.ts";
import { pods, services } from "../../src/api/kinds.ts";
import { APPROVE_PLAN_ANNOTATION, INSTANCE_ANNOTATION } from "../../src/api/labels.ts";
import type { RecoveryPlan } from "../../src/api/recovery-plan.ts";
import { FORM_MS, HEAL_MS, membersOf, startInstances, untilHealthy } from "./agent-cluster.ts";
import type { Instance } from "./agent-instance.ts";
import { LIMIT, waitFor, World } from "./operator-world.ts";

t.setTimeout(900_000);

/**
 * Without a majority a server needs 30 s to leave the group, and its automatic rejoin begins at once. Mostly MySQL Shell's
 * STOP GROUP_REPLICATION ends that; one time in a dozen it first waits for a view for 60 s, and nothing gets an answer.
 */
const LEFT_MS = 180_000;

/** Appends numbered rows to the member that the primary Service leads to, as long as it is ready. */
function startWriter(world: World, namespace: string, instances: readonly Instance[]) {
  const acknowledged: number[] = [];
  let stopped = false;
  const primary = async (): Promise<Instance | undefined> => {
    const service = await world.client.of(services).get({ namespace, name: "main-primary" }, LIMIT);
    const pod = service?.spec.selector?.["statefulset.kubernetes.io/pod-name"];
    const found = instances.find((instance) => instance.pod === pod);
    return found && (await fetch(await found.url("/ready"))).ok ? found : undefined;
  };
  const write = async (): Promise<void> => {
    for (let id = 1; !stopped; id++) {
      const written = await primary().then((one) => one?.sql(`INSERT INTO app.t VALUES (${id})`))
        .catch(() => undefined);
      if (written !== undefined) acknowledged.push(id);
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
  limitMs = HEAL_MS,
): Promise<void> {
  const { before, instances, namespace } = place;
  await waitFor("the group was started again", limitMs, async () => {
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

/** The plan that waits for approval, as an agent reports it. */
async function planOf(world: World, namespace: string): Promise<RecoveryPlan | undefined> {
  const found = await world.list(pods, namespace);
  return found.map((pod) =>
    parseInstanceReport(pod.metadata.annotations?.[INSTANCE_ANNOTATION])?.plan
  ).find((plan) => plan !== undefined);
}

async function untilPlan(
  world: World,
  namespace: string,
  fits: (plan: RecoveryPlan) => boolean,
): Promise<RecoveryPlan> {
  let plan: RecoveryPlan | undefined;
  await waitFor("a plan waits for approval", HEAL_MS, async () => {
    plan = await planOf(world, namespace);
    return (plan !== undefined && fits(plan)) ||
      JSON.stringify({ plan, members: await membersOf(world, namespace) });
  });
  return plan as RecoveryPlan;
}

async function approve(world: World, namespace: string, { hash }: RecoveryPlan): Promise<void> {
  const ref = { namespace, name: "main" };
  const body = { metadata: { annotations: { [APPROVE_PLAN_ANNOTATION]: hash } } };
  await world.client.of(clusters).patch(ref, { body }, LIMIT);
}

const rebootsOf = (instances: readonly Instance[]): number =>
  instances.flatMap((one) => actionsSince(one, 0)).filter((action) => action === "reboot-cluster")
    .length;

t.test("three members", async (t) => {
  const world = await World.start(t);
  const operator = world.operator(t);
  const namespace = "outage";
  const instances = await startInstances(t, world, { namespace, members: 3, port: 15131 });
  const [first, second, third] = instances as [Instance, Instance, Instance];
  await untilHealthy(world, namespace, FORM_MS);
  await first.sql("CREATE DATABASE app");
  await first.sql("CREATE TABLE app.t (id INT PRIMARY KEY)");

  await t.test("all killed at once under writes: back without help, nothing lost", async (t) => {
    const writer = startWriter(world, namespace, instances);
    t.teardown(async () => void await writer.stop());
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
    t.equal(rebootsOf(instances), 1, "the group was started once");
  });

  await t.test("the majority killed and back: healed without help, nothing lost", async (t) => {
    const primary = await untilHealthy(world, namespace, HEAL_MS);
    const left = instances.find(({ pod }) => pod === primary) as Instance;
    await left.sql("INSERT INTO app.t VALUES (-1)");
    const before = await groupStart(left);
    // It is in the group without a majority until it gives up.
    await killAll(instances.filter((instance) => instance !== left));
    await untilRestarted(world, { namespace, instances, before }, LEFT_MS);
    for (const instance of instances) t.ok((await rowsOf(instance)).has(-1), instance.pod);
  });

  await t.test("one is missing: nothing happens before proof and approval", async (t) => {
    const present = [first, second];
    await third.stopServer();
    await third.stopAgent();
    const before = await groupStart(first);
    await killAll(present);
    const early = await untilPlan(world, namespace, ({ action }) => action === "RestartGroup");
    t.match(early.members.find(({ name }) => name === third.pod), {
      fate: "Absent",
      stopped: false,
    });
    await waitFor("the status has it", HEAL_MS, async () => {
      const cluster = await world.client.of(clusters).get({ namespace, name: "main" }, LIMIT);
      const ready = cluster?.status?.conditions?.find(({ type }) => type === "Ready");
      const told = cluster?.status?.plans?.[0]?.hash === early.hash &&
        ready?.reason === "CompleteOutage";
      return told || JSON.stringify(cluster?.status);
    });
    await approve(world, namespace, early);
    // As the operator writes it once it has the proof.
    await operator.stop();
    const ref = { namespace, name: "main" };
    const stored = await world.client.of(clusters).get(ref, LIMIT);
    t.equal(rebootsOf(instances), 2, "the approval of a plan without proof changes nothing");
    const told = (stored?.status?.instances ?? []).map((one) =>
      one.name === third.pod ? { ...one, stopped: "its node is out of service" } : one
    );
    const body = { status: { instances: told } };
    await world.client.of(clusters).patch(ref, { subresource: "status", body }, LIMIT);
    const plan = await untilPlan(
      world,
      namespace,
      ({ members }) => members.some(({ stopped }) => stopped === true),
    );
    t.not(plan.hash, early.hash);
    t.equal(rebootsOf(instances), 2, "the old approval does not fit the new plan");
    await approve(world, namespace, plan);
    await waitFor("the two started the group again", HEAL_MS, async () => {
      const starts = await Promise.all(present.map(groupStart));
      return starts.every((start) => start !== "" && start !== before) || JSON.stringify(starts);
    });
    await waitFor("it is noted that the plan was carried out", HEAL_MS, async () => {
      const recovery = (await world.client.of(clusters).get(ref, LIMIT))?.status?.recovery;
      const noted = recovery?.plan === plan.hash && recovery.completedAt !== undefined;
      return noted || JSON.stringify(recovery);
    });
    await third.startAgent();
    third.startServer();
    await untilRestarted(world, { namespace, instances, before });
  });

  await t.test("a diverged member: fenced, saved and cloned by approval", async (t) => {
    await diverge(third, "errant");
    const plan = await untilPlan(world, namespace, ({ action }) => action === "Reclone");
    t.match(plan.members, [{ name: third.pod, fate: "Reclone", beyond: String }]);
    t.same(await third.sql("SELECT @@super_read_only ro"), [{ ro: 1 }], "it is fenced");
    await approve(world, namespace, plan);
    await untilHealthy(world, namespace, HEAL_MS);
    t.same(await third.sql("SHOW DATABASES LIKE 'errant'"), []);
    const { files, list } = await savedBy(third, 0);
    t.match(files, [/^binlog\./, /^transactions\.txt$/]);
    t.match(list, /CREATE DATABASE errant/);
    t.match(list, plan.members[0]?.beyond);
    t.notMatch(list, /CREATE DATABASE app/, "only its own");
  });

  await t.test("the same with recovery.diverged: Reclone: saved and cloned, nobody is asked", async (t) => {
    const ref = { namespace, name: "main" };
    const body = { spec: { recovery: { diverged: "Reclone" } } };
    await world.client.of(clusters).patch(ref, { body }, LIMIT);
    const since = third.lines.length;
    await diverge(third, "stray");
    const { list } = await savedBy(third, since);
    t.match(list, /CREATE DATABASE stray/);
    await untilHealthy(world, namespace, HEAL_MS);
    t.same(await third.sql("SHOW DATABASES LIKE 'stray'"), []);
    t.equal(await planOf(world, namespace), undefined);
  });

  await t.test("other rows under the same transactions: nothing is cloned over before approval", async (t) => {
    const primary = await untilHealthy(world, namespace, HEAL_MS);
    const [writes] = instances.filter(({ pod }) => pod === primary) as [Instance];
    const [other] = instances.filter(({ pod }) => pod !== primary) as [Instance];
    const since = other.lines.length;
    await apart(other, ["SET SESSION sql_log_bin = 0", "INSERT INTO app.t VALUES (-2)"]);
    await untilHealthy(world, namespace, HEAL_MS);
    await writes.sql("INSERT INTO app.t VALUES (-2)");
    const plan = await untilPlan(world, namespace, ({ members: [one] }) => one?.fate === "Differs");
    t.match(plan, { action: "Reclone", members: [{ name: other.pod }] });
    t.ok((await rowsOf(other)).has(-2));
    t.same(actionsSince(other, since), ["start-group-replication"], "it came back once, to fail");
    await approve(world, namespace, plan);
    const { files, list } = await savedBy(other, since);
    await untilHealthy(world, namespace, HEAL_MS);
    t.match(list, /error 1062: .*Duplicate entry '-2'/);
    for (const log of [/^binlog\./, /-group_replication_applier\./]) {
      t.ok(files.some((name) => log.test(name)), `${log} is saved`);
    }
  });
});

/** Makes a member leave its group and write something of its own. */
async function diverge(instance: Instance, database: string): Promise<void> {
  await apart(instance, [`CREATE DATABASE ${database}`]);
}

/** Runs statements on a member that has left its group, which its agent does not see. */
async function apart(instance: Instance, statements: string[]): Promise<void> {
  await instance.stopAgent();
  await instance.sql("STOP GROUP_REPLICATION");
  await instance.sql("SET GLOBAL super_read_only = OFF");
  await instance.session(statements);
  await instance.startAgent();
}

const actionsSince = ({ lines }: Instance, since: number): unknown[] =>
  lines.slice(since).filter(({ msg }) => msg === "instance action begins")
    .map(({ action }) => action);

/** What an agent saved of its diverged member, by its log from line `since` on. */
async function savedBy(
  instance: Instance,
  since: number,
): Promise<{ files: string[]; list: string }> {
  let folder = "";
  await waitFor(`${instance.pod} has saved its own transactions`, HEAL_MS, () => {
    const saved = instance.lines.slice(since).find(({ msg }) =>
      msg === "errant transactions saved"
    );
    folder = String(saved?.folder ?? "");
    return Promise.resolve(folder !== "" || "not yet");
  });
  const list = await readFile(`${folder}/transactions.txt`, "utf8");
  return { files: (await readdir(folder)).sort(), list };
}

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
