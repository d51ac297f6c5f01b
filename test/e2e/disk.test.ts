// Disks that are full or frozen, one row of the table in src/agent/README.md after the other. A second Cluster's disk
// is frozen for five minutes meanwhile.

import { setTimeout as pause } from "node:timers/promises";
import t, { type Test } from "tap";
import {
  condition,
  type Database,
  getCluster,
  getPods,
  manifest,
  primaryOf,
  secondariesOf,
  waitUntilRight,
} from "./database.ts";
import { type End, fillDisk, freezeDisk } from "./disk.ts";
import { wholeAt } from "./healing.ts";
import { apply, kubectlJson } from "./kubectl.ts";
import { restrictedNamespace } from "./namespace.ts";
import { waitFor } from "./wait.ts";
import { countOf, everyRowIsEverywhere, startWriter, type Writer } from "./writer.ts";

/** A server that waits for room looks again once a minute. */
const HEAL_MS = 180_000;
const LONG_SECONDS = Number(process.env.DISK_FROZEN_SECONDS ?? 300);

t.test("disks", { jobs: 2 }, async (t) => {
  t.test("full and frozen", { buffered: true }, async (t) => {
    const { database, writer } = await written(t, "disk");
    await t.test("full under a secondary", (t) => fullSecondary(t, database, writer));
    await t.test("full under the primary", (t) => fullPrimary(t, database, writer));
    await t.test("full under all", (t) => fullEverywhere(t, database, writer));
    await t.test("frozen under the primary for 5 s", (t) => frozen(t, database, writer, 5));
    await t.test("frozen under the primary for 30 s", (t) => frozen(t, database, writer, 30));
    await everyRowIsEverywhere(t, database, await writer.stop());
  });
  t.test(`frozen for ${LONG_SECONDS} s`, { buffered: true }, async (t) => {
    const { database, writer } = await written(t, "frozen");
    const pod = await primaryOf(database);
    await frozen(t, database, writer, LONG_SECONDS);
    await saysInEvent(database, pod, "DiskStalled");
    await everyRowIsEverywhere(t, database, await writer.stop());
  });
});

/** A Cluster of three that is written to through its primary Service. */
async function written(t: Test, namespace: string) {
  const database: Database = { namespace: await restrictedNamespace(t, namespace), name: "main" };
  await apply(manifest(database));
  await waitUntilRight(database, 3, 240_000);
  const writer = await startWriter(t, database, {
    hosts: ["main-primary"],
    clients: 2,
    pauseMs: 40,
  });
  return { database, writer };
}

async function fullSecondary(t: Test, database: Database, writer: Writer): Promise<void> {
  const [pod = ""] = await secondariesOf(database);
  const free = held(t, await fillDisk(database, pod));
  await says(database, pod, "DiskFull");
  await saysInEvent(database, pod, "DiskFull");
  await writesGoOn(writer, 30_000);
  t.equal(
    condition(await getCluster(database), "Available")?.status,
    "True",
    "others are written to",
  );
  await free();
  await heals(t, database);
}

async function fullPrimary(t: Test, database: Database, writer: Writer): Promise<void> {
  const pod = await primaryOf(database);
  const free = held(t, await fillDisk(database, pod));
  await says(database, pod, "DiskFull");
  await anotherIsPrimary(t, { database, pod, writer });
  await free();
  await heals(t, database);
}

async function fullEverywhere(t: Test, database: Database, writer: Writer): Promise<void> {
  const pods = (await getPods(database)).map(({ metadata }) => metadata.name);
  const ends = await Promise.all(pods.map(async (pod) => held(t, await fillDisk(database, pod))));
  for (const pod of pods) await says(database, pod, "DiskFull");
  await waitFor("Available=False DiskFull", 60_000, async () => {
    const available = condition(await getCluster(database), "Available");
    return available?.status === "False" && available.reason === "DiskFull" ||
      `${available?.status} ${available?.reason}: ${available?.message}`;
  });
  await Promise.all(ends.map((end) => end()));
  await heals(t, database);
  await writesGoOn(writer, 60_000);
}

async function frozen(t: Test, database: Database, writer: Writer, seconds: number): Promise<void> {
  const pod = await primaryOf(database);
  const restarts = await restartsOf(database);
  const thaw = held(t, await freezeDisk(database, pod));
  const until = pause(seconds * 1000); // the fault itself lasts so long
  if (seconds >= 30) {
    await anotherIsPrimary(t, { database, pod, writer });
    await says(database, pod, "DiskStalled");
  }
  await until;
  await thaw();
  await heals(t, database);
  await writesGoOn(writer, 30_000);
  if (seconds < 15) t.equal(await primaryOf(database), pod, "the primary stays");
  t.strictSame(await restartsOf(database), restarts, "nothing was restarted");
}

/** Ends the fault once, by the test or after it. */
function held(t: Test, end: End): End {
  let over = false;
  const once = async () => {
    if (!over) await end();
    over = true;
  };
  t.teardown(once);
  return once;
}

/** The condition Ready names the member and the reason. */
async function says(database: Database, pod: string, reason: string): Promise<void> {
  await waitFor(`Ready says that ${pod} has ${reason}`, 90_000, async () => {
    const ready = condition(await getCluster(database), "Ready");
    const said = ready?.message.includes(`${pod} is `) && ready.message.includes(`(${reason}: `);
    return said && ready?.status === "False" && ready.reason === reason ||
      `${ready?.status} ${ready?.reason}: ${ready?.message}`;
  });
}

/** So does an Event; not asked for every time, as the API's clients send few of one object in a short time. */
async function saysInEvent(database: Database, pod: string, reason: string): Promise<void> {
  type Events = { items: { reason: string; message: string }[] };
  await waitFor(`an Event of ${pod} with ${reason}`, 30_000, async () => {
    const { items } = await kubectlJson<Events>(["-n", database.namespace, "get", "events"]);
    const found = items.some((event) =>
      event.reason === "InstanceStuck" && event.message.startsWith(`${pod} is `) &&
      event.message.includes(`${reason}: `)
    );
    return found || `${items.length} others`;
  });
}

async function anotherIsPrimary(
  t: Test,
  { database, pod, writer }: { database: Database; pod: string; writer: Writer },
): Promise<void> {
  const start = Date.now();
  await waitFor(`another primary than ${pod}`, 60_000, async () => {
    const now = await primaryOf(database);
    return now !== pod || `${now} still is`;
  });
  await writesGoOn(writer, 30_000);
  t.pass(`written to another ${((Date.now() - start) / 1000).toFixed(1)} s later`);
}

async function writesGoOn(writer: Writer, limitMs: number): Promise<void> {
  const before = countOf(await writer.report());
  await waitFor("a row acknowledged", limitMs, async () => {
    const now = countOf(await writer.report());
    return now > before || `${now} rows, as many as before`;
  });
}

async function heals(t: Test, database: Database): Promise<void> {
  const start = Date.now();
  const whole = await wholeAt(database, 3, { healed: waitUntilRight, limitMs: HEAL_MS });
  t.pass(`whole again ${((whole - start) / 1000).toFixed(1)} s after the disk`);
}

async function restartsOf(database: Database): Promise<string[]> {
  return (await getPods(database)).map(({ metadata, status }) =>
    `${metadata.uid} ${status.containerStatuses?.map(({ restartCount }) => restartCount)}`
  );
}
