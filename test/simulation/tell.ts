// Tells one run: `node test/simulation/tell.ts SEED [agents]`, with what the agents log.

import process from "node:process";
import { createLogger } from "../../src/base/log.ts";
import { describePlan, planOf } from "./plan.ts";
import { simulate } from "./run.ts";

const [seed = "1", agents] = process.argv.slice(2);
const plan = planOf(Number(seed));
process.stdout.write(`${describePlan(plan)}\n`);
const result = await simulate(plan, {
  notes: true,
  ...(agents === undefined ? {} : {
    logOf: (world) => (home) =>
      createLogger({
        level: "info",
        format: "text",
        clock: world.clock,
        write: (line) => world.note(`  ${home.ordinal}: ${line.replace(/^\S+ /, "")}`),
      }),
  }),
});
process.stdout.write(`${result.notes.join("\n")}\n`);
const { acknowledged, outcome, seconds } = result;
process.stdout.write(`${outcome} after ${seconds} s, ${acknowledged} rows\n`);
