// The smallest plan that still breaks the same rule: faults are left out as long as it does.

import type { Plan } from "./plan.ts";
import { simulate } from "./run.ts";

export async function shrink(plan: Plan, rule: string): Promise<Plan> {
  for (const fault of plan.faults) {
    const less = { ...plan, faults: plan.faults.filter((one) => one !== fault) };
    const { violations } = await simulate(less);
    if (violations.some((violation) => violation.rule === rule)) return await shrink(less, rule);
  }
  return plan;
}
