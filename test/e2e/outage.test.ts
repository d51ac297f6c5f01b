// The worst days of a Cluster: every server at once, every machine at once, the majority for good, and a member
// that went its own way. What can heal without loss heals alone; the rest waits for a person, who gets a plan.

import t, { type Test } from "tap";
import {
  type Database,
  getPods,
  manifest,
  secondariesOf,
  sql,
  waitUntilRight,
} from "./database.ts";
import { approve, approveSomethingElse, changesNothing, errantFile, planFor } from "./approval.ts";
import { writeByHand } from "./by-hand.ts";
import { killServer, loseVolume, nodeOf, powerCycle, powerOff, powerOn } from "./faults.ts";
import { healedByItself, wholeAt } from "./healing.ts";
import { apply } from "./kubectl.ts";
import { restrictedNamespace } from "./namespace.ts";
import { operatorIs, operatorPods } from "./operator.ts";
import { startWriterOutside } from "./outside-writer.ts";
import { waitFor } from "./wait.ts";
import { countOf, everyRowIsEverywhere, type Report, startWriter, type Writer } from "./writer.ts";

const NODES = ["node1", "node2", "node3"];
/** The bar; mostly it is half a minute. */
const BACK_MS = 90_000;
const ALL_IDS = "SELECT id FROM app.written ORDER BY id";

t.test("a Cluster after a complete outage", async (t) => {
  const database: Database = { namespace: await restrictedNamespace(t, "outage"), name: "main" };
  await apply(manifest(database));
  await waitUntilRight(database, 3);

  await t.test("all servers killed", (t) => allServersKilled(t, database));
  await t.test("all nodes without power", (t) => allNodesOff(t, database));
  await t.test("a member that diverged", (t) => diverged(t, database));
  await t.test("the majority lost for good", (t) => majorityLost(t, database));
});

async function allServersKilled(t: Test, database: Database): Promise<void> {
  const writer = await startWriter(t, database, {
    hosts: ["main-primary"],
    clients: 2,
    number: 1,
  });
  const start = Date.now();
  const pods = (await getPods(database)).map(({ metadata }) => metadata.name);
  await Promise.all(pods.map((pod) => killServer(database, pod)));
  const report = await writesUntilBack(writer);
  const back = await wholeAt(database, 3, { healed: waitUntilRight, limitMs: BACK_MS });
  const took = `SIGKILL of all servers: whole again ${seconds(back - start)} s after it began`;
  t.ok(back - start <= BACK_MS, took);
  await everyRowIsEverywhere(t, database, report);
}

async function allNodesOff(t: Test, database: Database): Promise<void> {
  t.teardown(() => operatorIs(true));
  await operatorIs(false);
  const writer = await startWriterOutside(t, database, { clients: 2, number: 2 });
  await powerCycle(...NODES);
  const start = Date.now();
  const report = await writesUntilBack(writer);
  const back = await wholeAt(database, 3, { healed: healedByItself, limitMs: BACK_MS });
  const took = `all nodes off and on: whole again ${seconds(back - start)} s after they were Ready`;
  t.ok(back - start <= BACK_MS, took);
  await everyRowIsEverywhere(t, database, report);
}

async function diverged(t: Test, database: Database): Promise<void> {
  const [pod = ""] = await secondariesOf(database);
  const errant = await writeByHand(database, pod, "INSERT INTO app.written (id) VALUES (-1)");
  const offered = await planFor(database, { reason: "Diverged" });
  t.match(offered.plans, [{
    action: "Reclone",
    members: [{ name: pod, fate: "Reclone", beyond: errant }],
  }]);
  t.ok(offered.message.includes(errant), `the condition names ${errant}`);
  await isFenced(database, pod);
  await changesNothing(t, database, pod);

  await approve(offered);
  await waitUntilRight(database, 3);
  t.strictSame(await sql(database, pod, "SELECT id FROM app.written WHERE id = -1"), []);
  const file = await errantFile(database, pod);
  t.ok(file.includes(errant), "the file on the volume names the transaction");
  t.match(file, /@2=-1/, "and mysqlbinlog shows its row");
}

/** Clients are out at once; for administrators it stays writable for seconds: MySQL Shell might be bringing it back. */
async function isFenced(database: Database, pod: string): Promise<void> {
  await waitFor(`${pod} is closed and read-only`, 10_000, async () => {
    const [fenced] = await sql(database, pod, "SELECT @@offline_mode, @@super_read_only");
    return fenced === "1\t1" || `offline_mode and super_read_only are ${fenced}`;
  });
}

async function majorityLost(t: Test, database: Database): Promise<void> {
  const { survivor, lost } = await survivorAndLost(database);
  await powerOff(...lost.map(({ node }) => node));
  let off = true;
  const on = async () => {
    if (off) await powerOn(...lost.map(({ node }) => node));
    off = false;
  };
  t.teardown(on);
  const stuck = await planFor(database, { reason: "CompleteOutage", message: /Bring main-/ });
  t.match(stuck.plans, [{ action: "RestartGroup", seed: survivor }], "it shows what is known");
  const before = await sql(database, survivor, ALL_IDS);
  await approveSomethingElse(database, stuck.hash);
  await changesNothing(t, database, survivor);

  for (const { pod } of lost) await loseVolume(database, pod);
  const offered = await planFor(database, { reason: "CompleteOutage" });
  const fates = {
    [survivor]: "Seed",
    ...Object.fromEntries(lost.map(({ pod }) => [pod, "Absent"])),
  };
  t.strictSame(
    Object.fromEntries(offered.plans[0]?.members.map(({ name, fate }) => [name, fate]) ?? []),
    fates,
  );
  await changesNothing(t, database, survivor);
  await approveSomethingElse(database, "0123456789abcdef");
  await changesNothing(t, database, survivor);

  const start = Date.now();
  await approve(offered);
  await waitUntilRight(database, 3, 180_000);
  t.pass(`approved: whole again after ${seconds(Date.now() - start)} s`);
  for (const { metadata: { name } } of await getPods(database)) {
    t.strictSame(
      await sql(database, name, ALL_IDS),
      before,
      `${name} has every row of the survivor`,
    );
  }
  await on();
}

/** The survivor is where the operator runs: Kubernetes would move that only after five minutes. */
async function survivorAndLost(database: Database) {
  const home = (await operatorPods())[0]?.spec.nodeName;
  const places = await Promise.all(
    (await getPods(database)).map(async ({ metadata: { name } }) => ({
      pod: name,
      node: await nodeOf(database, name),
    })),
  );
  const survivor = places.find(({ node }) => node === home)?.pod ?? "";
  const lost = places.filter(({ pod }) => pod !== survivor);
  return { survivor, lost };
}

/**
 * Ends the writer after the first row that is acknowledged since the fault: a member that comes back catches up with
 * what is written meanwhile, and how fast it does is the machine's business.
 */
async function writesUntilBack(writer: Writer): Promise<Report> {
  const before = countOf(await writer.report());
  await waitFor("a row acknowledged after the fault", 150_000, async () => {
    const now = countOf(await writer.report());
    return now > before || `${now} rows, as many as before`;
  });
  return await writer.stop();
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
