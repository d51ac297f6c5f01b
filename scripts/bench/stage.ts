// What the benches of a whole Cluster share: a Cluster of three under load on a cluster of its own, one fault after
// another, each waited for until all is right again, and at the end every acknowledged row looked for on every member.

import { cpus } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Database, manifest, waitUntilRight } from "../../test/e2e/database.ts";
import { wholeAt } from "../../test/e2e/healing.ts";
import { apply, kubectl } from "../../test/e2e/kubectl.ts";
import { startWriterOutside } from "../../test/e2e/outside-writer.ts";
import { countOf, type Writer, wrongRows } from "../../test/e2e/writer.ts";
import { type Figure, figureTable, isMet } from "./figures.ts";

export const MEMBERS = 3;
const LOAD = { clients: 4, number: 1, pauseMs: 20 };
const HEAL_MS = 300_000;

/** One run: makes the fault and notes what it measures; what it returns is called once all is right again. */
export type Play = (stage: Stage, run: number) => Promise<(healed: Healed) => Promise<void>>;
export type Stage = { readonly database: Database; readonly writer: Writer };
export type Healed = {
  /** When the Cluster was seen whole and then stayed so; milliseconds since 1970. */
  readonly wholeAt: number;
  /** The longest time without an acknowledged row since the fault, seconds. */
  readonly gapS: number;
};

/** Runs a bench as the flags say, prints its figures; the exit code says whether every bar is met. */
export async function bench(
  name: string,
  defaultRuns: number,
  prepare: () => { play: Play; figures: () => readonly Figure[] },
): Promise<void> {
  const options = { runs: { type: "string", default: String(defaultRuns) } } as const;
  const runs = Number(parseArgs({ options }).values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error("--runs must be a number from 1 on");
  const { play, figures } = prepare();
  const database: Database = { namespace: `bench-${name}`, name: "main" };
  const ends: (() => Promise<void>)[] = [() => remove(database)];
  try {
    const stage = await begin(database, ends);
    for (let run = 1; run <= runs; run++) await oneRun(stage, run, play);
    const report = await stage.writer.stop();
    const say = (text: string): void => void process.stdout.write(`${text}\n`);
    const { lost, twice } = await wrongRows(database, report, { limitMs: 60_000, say });
    const wrong = lost.size + twice.size;
    const [processor] = cpus();
    process.stdout.write(
      `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${processor?.model}, ` +
        `${runs} runs, ${countOf(report)} rows acknowledged\n\n${figureTable(figures(), wrong)}\n`,
    );
    process.exitCode = wrong === 0 && figures().every(isMet) ? 0 : 1;
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

async function begin(database: Database, ends: (() => Promise<void>)[]): Promise<Stage> {
  await kubectl(["create", "namespace", database.namespace]);
  await apply(manifest(database));
  await waitUntilRight(database, MEMBERS, 240_000);
  const t = { teardown: (end: () => Promise<void>) => void ends.push(end) };
  return { database, writer: await startWriterOutside(t, database, LOAD) };
}

async function oneRun(stage: Stage, run: number, play: Play): Promise<void> {
  const { database, writer } = stage;
  await writer.lap();
  const began = Date.now();
  const measured = await play(stage, run);
  const at = await wholeAt(database, MEMBERS, { healed: waitUntilRight, limitMs: HEAL_MS });
  const { lapGapAtMs, lapGapMs } = await writer.lap();
  const gapS = lapGapMs / 1000;
  await measured({ wholeAt: at, gapS });
  const [from, whole] = [lapGapAtMs, at - began].map((ms) => (ms / 1000).toFixed(1));
  process.stdout.write(
    `run ${run}: no write for ${gapS.toFixed(2)} s from ${from} s on, whole after ${whole} s\n`,
  );
}

/** So that the next crash counts as the first in a while: mysqld is started again at once for five in ten minutes. */
export async function forgetRestarts({ namespace }: Database, pod: string): Promise<void> {
  const script = ": > /run/mysql-operator/restarts";
  await kubectl(["-n", namespace, "exec", pod, "-c", "mysql", "--", "/bin/sh", "-c", script]);
}

async function remove({ namespace }: Database): Promise<void> {
  await kubectl(["-n", namespace, "delete", "mysqlclusters", "--all"]);
  await kubectl(["delete", "namespace", namespace], { limitMs: 120_000 }); // the next bench makes it again
}
