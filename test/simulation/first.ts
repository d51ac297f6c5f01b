// `node test/simulation/first.ts SEEDS`: runs seeds until one breaks a rule and prints that; nothing: none.

import process from "node:process";
import { planOf } from "./plan.ts";
import { simulate } from "./run.ts";

for (let seed = 1; seed <= Number(process.argv[2] ?? 1000); seed++) {
  const { violations: [violation] } = await simulate(planOf(seed));
  if (violation === undefined) continue;
  process.stdout.write(`seed ${seed}: ${violation.rule}: ${violation.what}\n`);
  process.exit(0);
}
