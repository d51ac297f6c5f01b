// A day as a plan with room for chance: which faults, from when to when, and how often it is tried.

import { Chance } from "../model/chance.ts";
import type { Fault, FaultKind, Plan } from "./plan.ts";
import type { Recovery } from "./world.ts";

/** A number, or from the first to before the second. */
type Range = number | readonly [number, number];
type Step = {
  readonly at: Range;
  readonly forMs?: Range;
  readonly ordinal?: Range;
  readonly dice?: number;
  readonly step?: string;
};
export type Day = {
  readonly guards: readonly string[];
  readonly members?: number;
  /** The group is there at the start; if not said, it is. */
  readonly formed?: boolean;
  readonly recovery?: Recovery;
  readonly faults: readonly (readonly [FaultKind, Step])[];
  /** How often it is tried, with other dice. */
  readonly tries?: number;
};

/** One try. */
export type Directed = { readonly guards: readonly string[]; readonly plan: Plan };

/** Each of them as often as it takes, at most so often. */
export function triesOf(days: readonly Day[], most: number): readonly Directed[] {
  return days.flatMap((day) =>
    Array.from({ length: Math.min(most, day.tries ?? 3) }, (_, n) => ({
      guards: day.guards,
      plan: planOf(day, n + 1),
    }))
  );
}

function planOf({ faults, formed = true, members = 3, recovery }: Day, seed: number): Plan {
  const chance = new Chance(seed);
  const pick = (range: Range): number =>
    typeof range === "number" ? range : range[0] + chance.below(range[1] - range[0]);
  const all = faults.map(([kind, step]): Fault => ({
    kind,
    at: pick(step.at),
    forMs: pick(step.forMs ?? 5_000),
    ordinal: pick(step.ordinal ?? 0),
    other: 1,
    dice: step.dice ?? chance.next(),
    ...(step.step && { step: step.step }),
  }));
  const inOrder = all.toSorted((a, b) => a.at - b.at);
  return { seed, members, formed, ...(recovery && { recovery }), faults: inOrder };
}
