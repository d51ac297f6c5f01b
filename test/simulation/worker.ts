// One thread of the simulation: runs the seeds that it is given.

import { parentPort } from "node:worker_threads";
import { planOf } from "./plan.ts";
import { simulate } from "./run.ts";
import type { Violation } from "./world.ts";

/** From the first seed to before the last one. */
export type Order = { readonly first: number; readonly end: number };
export type Report = {
  readonly healed: number;
  readonly person: number;
  readonly acknowledged: number;
  readonly failures: readonly { seed: number; violations: readonly Violation[] }[];
};

// Nobody reads the stacks of the refusals that agents are there to meet.
Error.stackTraceLimit = 0;

parentPort?.on("message", async ({ end, first }: Order) => {
  const count = { healed: 0, person: 0, violated: 0 };
  let acknowledged = 0;
  const failures: { seed: number; violations: readonly Violation[] }[] = [];
  for (let seed = first; seed < end; seed++) {
    const result = await simulate(planOf(seed));
    count[result.outcome]++;
    acknowledged += result.acknowledged;
    if (result.violations.length > 0) failures.push({ seed, violations: result.violations });
  }
  const report: Report = { healed: count.healed, person: count.person, acknowledged, failures };
  parentPort?.postMessage(report);
});
