// Pure: which faults a seed gives. At first every kind once, alone, in an order of its own; then one or two at once.

import { Chance } from "../../test/model/chance.ts";

/** Each kind with the seconds that it lasts, shortest and longest; 0 where it is over as soon as it has begun. */
export const KINDS = {
  "kill mysqld": [0, 0],
  "kill agent": [0, 0],
  "delete Pod": [0, 0],
  "delete Pod by force": [0, 0],
  "delete Pod with its volume": [0, 0],
  "freeze mysqld (SIGSTOP)": [3, 30],
  "node without power": [20, 30],
  "cut off from another node": [5, 30],
  "cut off from another node, one way": [5, 30],
  "cut off from the API server": [10, 40],
  "API server frozen": [10, 40],
  "full disk": [10, 30],
  "frozen disk": [3, 30],
  "operator deleted": [5, 30],
  "all mysqld at once": [0, 0],
} as const;

export type Kind = keyof typeof KINDS;
export type Fault = {
  readonly kind: Kind;
  /** Whom it hits: the ordinal of a Pod. */
  readonly target: number;
  readonly holdMs: number;
};
/** What happens at once. */
export type Round = readonly Fault[];

const TWO_AT_ONCE = 0.5;
/**
 * Never with another: three members bear the loss of one. What a volume took with it, and another member, killed in the
 * same moment, had only in its memory, is lost, and no product could help it.
 */
const ALONE: Kind = "delete Pod with its volume";

/** Rounds without an end; no fault lasts for more than `mostSeconds`, nor for less than its shortest. */
export function* schedule(
  seed: number,
  members: number,
  mostSeconds = Infinity,
): Generator<Round> {
  const chance = new Chance(seed);
  const all = Object.keys(KINDS) as Kind[];
  const fault = (kind: Kind): Fault => {
    const [from, longest] = KINDS[kind];
    const to = Math.max(from, Math.min(longest, mostSeconds));
    const holdMs = Math.round((from + chance.next() * (to - from)) * 1000);
    return { kind, target: chance.below(members), holdMs };
  };
  for (const kind of chance.shuffled(all)) yield [fault(kind)];
  for (;;) {
    const [one, other] = chance.shuffled(all);
    if (one === undefined || other === undefined) return;
    const two = chance.is(TWO_AT_ONCE) && one !== ALONE && other !== ALONE;
    yield two ? [fault(one), fault(other)] : [fault(one)];
  }
}
