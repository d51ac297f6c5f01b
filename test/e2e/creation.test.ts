// Operator and agents may die at any moment while a Cluster is being created: it always completes.
// The moments are drawn from a seed that the test prints. CREATION_SEEDS is how many (default 1).

import t, { type Test } from "tap";
import { type Database, getPods, manifest, sql, waitUntilRight } from "./database.ts";
import { killAgent } from "./faults.ts";
import { apply, kubectl } from "./kubectl.ts";
import { restrictedNamespace } from "./namespace.ts";
import { killOperator, leader } from "./operator.ts";
import { waitFor } from "./wait.ts";
import { setTimeout as pause } from "node:timers/promises";

const SEEDS = Number(process.env["CREATION_SEEDS"] ?? 1);
const FIRST = Number(process.env["CREATION_FIRST_SEED"] ?? 1);

/** A small generator with a seed (mulberry32): the same seed draws the same moments. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
  t.test(`seed ${seed}: the operator is killed while it creates`, async (t) => {
    const random = randomFrom(seed);
    const database: Database = {
      namespace: await restrictedNamespace(t, `operator-dies-${seed}`),
      name: "main",
    };
    await apply(manifest(database));
    const moments = [random() * 1500, random() * 15_000];
    for (const moment of moments) {
      await pause(moment);
      await waitFor("a leader to kill", 60_000, async () => {
        const pod = await leader();
        if (!pod) return "nobody leads";
        await killOperator(pod);
        return true;
      });
    }
    await waitUntilRight(database, 3, 180_000);
    await oneGroupOnly(t, database);
    t.pass(`killed ${moments.map((ms) => Math.round(ms)).join(" and ")} ms into it`);
  });

  t.test(`seed ${seed}: agents are killed while they form the group`, async (t) => {
    const random = randomFrom(1000 + seed);
    const database: Database = {
      namespace: await restrictedNamespace(t, `agent-dies-${seed}`),
      name: "main",
    };
    await apply(manifest(database));
    await waitFor("running agents", 90_000, async () => {
      const logs = await kubectl(["-n", database.namespace, "logs", "main-0", "-c", "agent"]);
      return logs.includes("create") || "main-0 has not begun to create";
    });
    const kills: string[] = [];
    for (let kill = 0; kill < 3; kill++) {
      await pause(random() * 5000);
      const pod = `main-${kill === 0 ? 0 : Math.floor(random() * 3)}`;
      await killAgent(database, pod);
      kills.push(pod);
    }
    await waitUntilRight(database, 3, 240_000);
    await oneGroupOnly(t, database);
    t.pass(`killed the agents of ${kills.join(", ")}`);
  });
}

/** Whatever was repeated, the members are members of one and the same group. */
async function oneGroupOnly(t: Test, database: Database): Promise<void> {
  const names = new Set<string | undefined>();
  for (const pod of await getPods(database)) {
    names.add((await sql(database, pod.metadata.name, "SELECT @@group_replication_group_name"))[0]);
  }
  t.equal(names.size, 1, "one group");
}
