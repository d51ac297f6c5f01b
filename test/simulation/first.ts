// `node test/simulation/first.ts SEEDS [GUARD]`: runs the days of directed.ts, those of that guard first, the cases of
// found.ts, and then seeds, until one breaks a rule and prints that; nothing: none.

import process from "node:process";
import { directed } from "./directed.ts";
import { FOUND } from "./found.ts";
import { type Plan, planOf } from "./plan.ts";
import { simulate } from "./run.ts";

const [seeds = "1000", wanted = ""] = process.argv.slice(2);

async function stopAtFirst(what: string, plan: Plan): Promise<void> {
  const { violations: [violation] } = await simulate(plan);
  if (violation === undefined) return;
  process.stdout.write(`${what}: ${violation.rule}: ${violation.what}\n`);
  process.exit(0);
}

const days = directed();
const own = days.filter(({ guards }) => guards.includes(wanted));
const others = days.filter(({ guards }) => !guards.includes(wanted));
for (const { guards, plan } of own) await stopAtFirst(`the day "${guards[0]}"`, plan);
for (const { name, plan } of FOUND) await stopAtFirst(`the case "${name}"`, plan);
for (const { guards, plan } of others) await stopAtFirst(`the day "${guards[0]}"`, plan);
for (let seed = 1; seed <= Number(seeds); seed++) await stopAtFirst(`seed ${seed}`, planOf(seed));
