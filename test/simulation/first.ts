// `node test/simulation/first.ts SEEDS [GUARD]`: runs the days of directed.ts that are of that guard, the cases of found.ts,
// a few seeds, the other days, and the other seeds, until one breaks a rule and prints that; nothing: none.

import process from "node:process";
import { directed } from "./directed.ts";
import { FOUND } from "./found.ts";
import { type Plan, planOf } from "./plan.ts";
import { simulate } from "./run.ts";

/** Cheaper than all days. */
const FEW = 40;
/** Of the days of other guards. */
const TRIES = 3;
const [seeds = "1000", wanted = ""] = process.argv.slice(2);

async function stopAtFirst(what: string, plan: Plan): Promise<void> {
  const { violations: [violation] } = await simulate(plan);
  if (violation === undefined) return;
  process.stdout.write(`${what}: ${violation.rule}: ${violation.what}\n`);
  process.exit(0);
}

const own = directed().filter(({ guards }) => guards.includes(wanted));
const others = directed(TRIES).filter(({ guards }) => !guards.includes(wanted));
for (const { guards, plan } of own) await stopAtFirst(`the day "${guards[0]}"`, plan);
for (const { name, plan } of FOUND) await stopAtFirst(`the case "${name}"`, plan);
const first = Math.min(FEW, Number(seeds));
for (let seed = 1; seed <= first; seed++) await stopAtFirst(`seed ${seed}`, planOf(seed));
for (const { guards, plan } of others) await stopAtFirst(`the day "${guards[0]}"`, plan);
for (let seed = first + 1; seed <= Number(seeds); seed++) {
  await stopAtFirst(`seed ${seed}`, planOf(seed));
}
