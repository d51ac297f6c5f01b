// `node test/simulation/first.ts SEEDS`: runs the cases of found.ts, and then seeds, until one breaks a rule and
// prints that; nothing: none.

import process from "node:process";
import { FOUND } from "./found.ts";
import { type Plan, planOf } from "./plan.ts";
import { simulate } from "./run.ts";

async function stopAtFirst(what: string, plan: Plan): Promise<void> {
  const { violations: [violation] } = await simulate(plan);
  if (violation === undefined) return;
  process.stdout.write(`${what}: ${violation.rule}: ${violation.what}\n`);
  process.exit(0);
}

for (const { name, plan } of FOUND) await stopAtFirst(`the case "${name}"`, plan);
for (let seed = 1; seed <= Number(process.argv[2] ?? 1000); seed++) {
  await stopAtFirst(`seed ${seed}`, planOf(seed));
}
