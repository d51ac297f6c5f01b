// chaos.sh: a Cluster under a write checker, fault after fault from a seed, and what came of it as a table.

import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { approve, offerOf } from "../../test/e2e/approval.ts";
import { type Database, getPods, manifest, waitUntilRight } from "../../test/e2e/database.ts";
import { wholeAt } from "../../test/e2e/healing.ts";
import { apply, kubectl } from "../../test/e2e/kubectl.ts";
import { startWriterOutside } from "../../test/e2e/outside-writer.ts";
import { waitFor } from "../../test/e2e/wait.ts";
import { countOf, missingRows, type Report, rowsTwice } from "../../test/e2e/writer.ts";
import { inject } from "./inject.ts";
import { faultTable, type Outcome } from "./report.ts";
import { type Round, schedule } from "./schedule.ts";

const MEMBERS = 3;
/** Slow enough for a member that comes back to catch up with on a busy machine. */
const LOAD = { clients: 4, number: 1, pauseMs: 40 };
const HEAL_MS = 400_000;
const VOLUME = {
  metadata: { name: "data" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "4Gi" } } },
};

const seed = Number(process.argv[2] ?? Date.now() % 100_000);
const limit = process.argv[3] ?? "15";
const began = Date.now();

function say(text: string): void {
  const since = Math.round((Date.now() - began) / 1000);
  process.stdout.write(`${String(since).padStart(5)} s  ${text}\n`);
}

function isOver(faults: number): boolean {
  const minutes = /^(\d+)m$/.exec(limit)?.[1];
  if (minutes !== undefined) return Date.now() - began >= Number(minutes) * 60_000;
  return faults >= Number(limit);
}

async function main(): Promise<boolean> {
  if (!/^\d+m?$/.test(limit) || !Number.isInteger(seed)) {
    throw new Error("usage: chaos.sh [SEED] [FAULTS | MINUTESm]");
  }
  say(`seed ${seed}, ${limit.endsWith("m") ? limit : `${limit} faults`}`);
  const database: Database = { namespace: `chaos-${seed}`, name: "main" };
  await kubectl(["create", "namespace", database.namespace]);
  await apply(manifest(database, { volumeClaimTemplate: VOLUME }));
  await waitUntilRight(database, MEMBERS, 240_000);
  const ends: (() => Promise<void>)[] = [];
  try {
    const t = { teardown: (end: () => Promise<void>) => void ends.push(end) };
    const writer = await startWriterOutside(t, database, LOAD);
    const outcomes: Outcome[] = [];
    let faults = 0;
    for (const round of schedule(seed, MEMBERS)) {
      if (isOver(faults)) break;
      faults += round.length;
      say(round.map(({ kind, target }) => `${kind} (${target})`).join(" and "));
      await writer.lap();
      const healed = await play(database, round);
      const { lapGapMs } = await writer.lap();
      outcomes.push({ round, outageMs: lapGapMs, ...healed });
      say(
        `  whole ${(healed.recoveryMs / 1000).toFixed(1)} s after it, no write for ${lapGapMs} ms`,
      );
    }
    process.stdout.write(`\n${faultTable(outcomes)}\n`);
    return await verdict(database, await writer.stop(), faults);
  } finally {
    for (const end of ends) await end();
  }
}

/** One round, until the Cluster is whole again. What two faults at once keep each other from is said. */
async function play(
  database: Database,
  round: Round,
): Promise<Pick<Outcome, "recoveryMs" | "manual">> {
  const made = await Promise.allSettled(round.map((fault) => inject(database, fault)));
  for (const [index, one] of made.entries()) {
    if (one.status === "rejected") say(`  not made: ${round[index]?.kind}: ${one.reason}`);
  }
  const start = Date.now();
  const done = new AbortController();
  const person = approvePlans(database, done.signal);
  const whole = await wholeAt(database, MEMBERS, { healed: waitUntilRight, limitMs: HEAL_MS })
    .finally(() => done.abort());
  return { recoveryMs: Math.max(0, whole - start), manual: await person };
}

/** The person who approves every plan that is offered; returns how many. */
async function approvePlans(database: Database, signal: AbortSignal): Promise<number> {
  const approved = new Set<string>();
  while (!signal.aborted) {
    const offer = await offerOf(database).catch(() => undefined);
    if (offer !== undefined && !approved.has(offer.hash)) {
      say(`  approved: ${offer.message}`);
      await approve(offer).then(() => approved.add(offer.hash), () => {});
    }
    await pause(1000, undefined, { signal }).catch(() => {});
  }
  return approved.size;
}

/** Holds every member to what was acknowledged. */
async function verdict(database: Database, report: Report, faults: number): Promise<boolean> {
  const lost = new Set<number>();
  const twice = new Set<string>();
  for (const { metadata: { name } } of await getPods(database)) {
    let missing: number[] = [];
    await waitFor(`the rows on ${name}`, 30_000, async () => {
      missing = await missingRows(database, name, report);
      return missing.length === 0 || `${missing.length} are missing`;
    }).catch((error: unknown) => say(String(error)));
    for (const id of missing) lost.add(id);
    for (const row of await rowsTwice(database, name)) twice.add(row);
  }
  process.stdout.write(
    `seed ${seed}: ${faults} faults, ${countOf(report)} rows acknowledged, ${lost.size} lost, ` +
      `${twice.size} duplicated, ${report.failed} writes failed\n`,
  );
  return lost.size === 0 && twice.size === 0;
}

process.exitCode = await main() ? 0 : 1;
