// Every single fault heals by itself and loses nothing, with the operator there and without it.
// One Cluster of three on three nodes, written to through its primary Service all the time.

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
import { everyRowIsEverywhere, startWriter } from "./writer.ts";

t.test("a Cluster heals after every single fault", async (t) => {
  const database: Database = { namespace: await restrictedNamespace(t, "faults"), name: "main" };
  await apply(manifest(database));
  await waitUntilRight(database, 3);
  const writer = await startWriter(t, database, { hosts: ["main-primary"], clients: 2 });

  await readsThroughReplicas(t, database);
  await everyFault(t, database, waitUntilRight);

  await operatorIs(false);
  t.teardown(() => operatorIs(true));
  await everyFault(t, database, healedByItself);
  const before = await identities(database);
  await operatorIs(true);
  await waitUntilRight(database, 3);
  t.strictSame(await identities(database), before, "the operator's return restarted nothing");

  await everyRowIsEverywhere(t, database, await writer.stop());
});

type Healed = (database: Database, members: number, limitMs?: number) => Promise<void>;

/** One fault after the other; after each the Cluster is whole again within the limit. */
async function everyFault(t: Test, database: Database, healed: Healed): Promise<void> {
  const faults: [string, () => Promise<void>][] = [
    [
      "SIGKILL of a secondary's server",
      async () => killServer(database, (await secondariesOf(database))[0] ?? ""),
    ],
    [
      "SIGKILL of the primary's server",
      async () => killServer(database, await primaryOf(database)),
    ],
    ["deletion of main-0", () => deletePod(database, "main-0")],
    ["deletion of main-1", () => deletePod(database, "main-1")],
    ["deletion of main-2", () => deletePod(database, "main-2")],
    [
      "power cycle of the primary's node",
      async () => powerCycle(await nodeOf(database, await primaryOf(database))),
    ],
  ];
  for (const [name, fault] of faults) {
    const start = Date.now();
    await fault();
    await rightAsBefore(database, 3, { healed, limitMs: 180_000 });
    t.pass(`${name}: whole again ${((Date.now() - start) / 1000).toFixed(1)} s after it began`);
  }
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
