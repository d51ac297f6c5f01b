// Ten thousand lives of a watch and its store. MODEL_SEEDS sets another number; a run that fails prints its
// seed, and MODEL_SEED=n repeats just that one.

import process from "node:process";
import { runModel } from "./run.ts";

const { MODEL_SEED, MODEL_SEEDS } = process.env;
const first = Number(MODEL_SEED ?? 1);
const count = MODEL_SEED === undefined ? Number(MODEL_SEEDS ?? 10_000) : 1;
const MOST_FAILURES = 5;

const failures: { seed: number; faults: string[] }[] = [];
for (let seed = first; seed < first + count && failures.length < MOST_FAILURES; seed++) {
  const faults = await runModel(seed);
  if (faults.length > 0) failures.push({ seed, faults });
}

// Only now, because tap follows every promise, and that would double the time.
const { default: t } = await import("tap");

t.test(`a store is what its server is, whatever happens in between (${count} seeds)`, async (t) => {
  for (const { seed, faults } of failures) {
    t.fail(`MODEL_SEED=${seed} node test/model/watch.test.ts`, { faults });
  }
  t.same(failures, []);
});
