// What the simulation has found, each as the fewest faults that it took.

import { FOUND } from "./found.ts";
import { simulate } from "./run.ts";

const results: { name: string; violations: readonly unknown[] }[] = [];
for (const { name, plan } of FOUND) {
  results.push({ name, violations: (await simulate(plan)).violations });
}

// Only now, because tap follows every promise.
const { default: t } = await import("tap");

for (const { name, violations } of results) {
  t.test(name, async (t) => {
    t.same(violations, []);
  });
}
