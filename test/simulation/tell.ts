// Tells one run: `node test/simulation/tell.ts SEED [agents]`, with what the agents log; `tell.ts GUARD TRY [agents]` that
// try of the guard's day.

import process from "node:process";
import { createLogger } from "../../src/base/log.ts";
import { directed } from "./directed.ts";
import { describePlan, planOf } from "./plan.ts";
import { simulate } from "./run.ts";

const [what = "1", ...rest] = process.argv.slice(2);
const days = directed().filter(({ guards }) => guards.includes(what));
const plan = days[Number(rest[0]) - 1]?.plan ?? planOf(Number(what));
process.stdout.write(`${describePlan(plan)}\n`);
const result = await simulate(plan, {
  notes: true,
  ...(!rest.includes("agents") ? {} : {
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
