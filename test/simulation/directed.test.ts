// The days of directed.ts: nothing is wrong in them while every guard is there. DIRECTED_TRIES sets how often each is
// tried, with other dice.

import process from "node:process";
import { directed } from "./directed.ts";
import { describePlan } from "./plan.ts";
import { simulate } from "./run.ts";

const wrong = new Map<string, string[]>();
const tries = Number(process.env.DIRECTED_TRIES ?? 5);
for (const { guards, plan } of directed(tries)) {
  const { violations } = await simulate(plan);
  const name = guards.join("; ");
  const seen = wrong.get(name) ?? [];
  wrong.set(name, seen);
  for (const { rule, what } of violations) {
    seen.push(`${rule}: ${what} (${plan.seed}: ${describePlan(plan)})`);
  }
}

// Only now, because tap follows every promise.
const { default: t } = await import("tap");

for (const [guard, seen] of wrong) {
  t.test(`it is not so: ${guard}`, async (t) => {
    t.same(seen, []);
  });
}
