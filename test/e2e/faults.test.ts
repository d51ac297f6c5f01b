// Single faults heal without an operator and lose nothing. One Cluster of three on three nodes, written to
// through its primary Service all the time. (With the operator there: chaos.test.ts.)

import t, { type Test } from "tap";
import {
  type Database,
  getPods,
  manifest,
  primaryOf,
  secondariesOf,
  waitUntilRight,
} from "./database.ts";
import { deletePod, killServer, nodeOf, powerCycle } from "./faults.ts";
import { apply, kubectl } from "./kubectl.ts";
import { restrictedNamespace } from "./namespace.ts";
import { operatorIs } from "./operator.ts";
import { healedByItself, rightAsBefore } from "./healing.ts";
import { everyRowIsEverywhere, type Report, startWriter } from "./writer.ts";

t.test("a Cluster heals without the operator", async (t) => {
  const database: Database = { namespace: await restrictedNamespace(t, "faults"), name: "main" };
  await apply(manifest(database));
  await waitUntilRight(database, 3);

  await operatorIs(false);
  t.teardown(() => operatorIs(true));
  const reports = await everyFault(t, database);
  const before = await identities(database);
  await operatorIs(true);
  await waitUntilRight(database, 3);
  t.strictSame(await identities(database), before, "the operator's return restarted nothing");

  await readsThroughReplicas(t, database);
  for (const report of reports) await everyRowIsEverywhere(t, database, report);
});

/** One fault after the other under load; after each the Cluster is whole again within the limit. */
async function everyFault(t: Test, database: Database): Promise<Report[]> {
  const heal = async (name: string, fault: () => Promise<void>) => {
    const start = Date.now();
    await fault();
    await rightAsBefore(database, 3, { healed: healedByItself, limitMs: 180_000 });
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    t.pass(`${name}: whole again, and for 8 s, ${seconds} s after it began`);
  };
  const load = { hosts: ["main-primary"], clients: 2 };
  const writer = await startWriter(t, database, { ...load, number: 1 });
  const secondary = async () => (await secondariesOf(database))[0] ?? "";
  await heal("SIGKILL of a secondary", async () => killServer(database, await secondary()));
  await heal("SIGKILL of the primary", async () => killServer(database, await primaryOf(database)));
  const primary = await primaryOf(database);
  await heal(`deletion of ${primary}, the primary`, () => deletePod(database, primary));
  const first = await writer.stop();
  const node = await nodeOf(database, await primaryOf(database));
  const other = await startWriter(t, database, { ...load, number: 2, awayFrom: node });
  await heal(`power off and on of ${node}, where the primary runs`, () => powerCycle(node));
  return [first, await other.stop()];
}

/** Reads through NAME-replicas reach secondaries only. */
async function readsThroughReplicas(t: Test, database: Database): Promise<void> {
  const secondaries = await secondariesOf(database);
  const client = [
    "mysql",
    "--defaults-file=/run/mysql-operator/client.cnf",
    "-hmain-replicas",
    "-Ne",
  ];
  const query = "SELECT @@report_host, COUNT(*) FROM app.written";
  const seen = new Set<string>();
  for (let read = 0; read < 8; read++) {
    const row = await kubectl([
      "-n",
      database.namespace,
      "exec",
      "main-0",
      "-c",
      "mysql",
      "--",
      ...client,
      query,
    ]);
    seen.add(row.split(".")[0] ?? "");
  }
  t.ok(
    [...seen].every((pod) => secondaries.includes(pod)),
    `reads were answered by ${[...seen].join(", ")}`,
  );
}

/** What would change if anything had been restarted. */
async function identities(database: Database): Promise<string[]> {
  const pods = await getPods(database);
  return pods.flatMap((pod) => [
    pod.metadata.uid,
    ...(pod.status.containerStatuses ?? []).map(({ name, restartCount }) =>
      `${pod.metadata.name} ${name} ${restartCount}`
    ),
  ]);
}
