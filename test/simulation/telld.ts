import process from "node:process";
import { createLogger } from "../../src/base/log.ts";
import { directed } from "./directed.ts";
import { describePlan } from "./plan.ts";
import { simulate } from "./run.ts";
const [guard = "", n = "1"] = process.argv.slice(2);
const plan = directed(20).filter(({ guards }) => guards.includes(guard))[Number(n) - 1]!.plan;
process.stdout.write(`${describePlan(plan)}\n`);
const result = await simulate(
  plan,
  {
    notes: true,
    logOf: (world: any) => (home: any) =>
      createLogger({
        level: "info",
        format: "text",
        clock: world.clock,
        write: (line: string) => world.note(`  ${home.ordinal}: ${line.replace(/^\S+ /, "")}`),
      }),
  } as any,
);
process.stdout.write(`${result.notes.join("\n")}\n`);
console.log(result.outcome, result.seconds, JSON.stringify(result.violations));
