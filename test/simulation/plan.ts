// A run as data: how many members, whether their group is there at the start, and what goes wrong when.
// Made from a seed; a shrinker takes faults out of it.

import { Chance } from "../model/chance.ts";
import type { Recovery } from "./world.ts";

/** How often each is chosen. */
const WEIGHTS = {
  killServer: 8,
  stopServer: 2,
  powerOff: 4,
  killAgent: 6,
  killShell: 6,
  freezeServer: 5,
  freezeAgent: 5,
  freezeAgentAt: 4,
  cut: 5,
  isolate: 5,
  apiAway: 4,
  apiFails: 4,
  leaseTaken: 3,
  loseVolume: 4,
  killAll: 4,
  powerOffAll: 2,
  clock: 3,
  stray: 2,
  pause: 3,
  recreate: 1,
  purge: 3,
  writeByHand: 2,
  slowApplier: 3,
  deletePod: 4,
  approve: 3,
  foreignVolume: 2,
  regroup: 1,
  applierFails: 3,
  compareSlowly: 3,
  slowServer: 3,
  // In directed.ts only.
  switchByHand: 0,
  writableByHand: 0,
  stallDisk: 0,
} as const;

export type FaultKind = keyof typeof WEIGHTS;
export const FAULT_KINDS = Object.keys(WEIGHTS) as FaultKind[];

export type Fault = {
  readonly kind: FaultKind;
  /** Milliseconds from the start. */
  readonly at: number;
  readonly forMs: number;
  readonly ordinal: number;
  readonly other: number;
  /** What else there is to choose, in [0, 1). */
  readonly dice: number;
  /** In directed.ts: at which step of its process: "after PUT leases". */
  readonly step?: string;
};

export type Plan = {
  readonly seed: number;
  readonly members: number;
  readonly formed: boolean;
  /** spec.recovery */
  readonly recovery?: Recovery;
  readonly faults: readonly Fault[];
};

const LOSES: ReadonlySet<FaultKind> = new Set<FaultKind>(["loseVolume", "stray", "foreignVolume"]);
const LAST_MS = 40_000;

export function planOf(seed: number): Plan {
  const chance = new Chance(seed);
  const members = chance.pick({ 3: 8, 4: 1, 5: 2 });
  const formed = chance.is(0.7);
  const lossesLeft = { count: Math.floor((Number(members) - 1) / 2) };
  const faults: Fault[] = [];
  const count = 1 + chance.below(6);
  while (faults.length < count) {
    const fault: { -readonly [K in keyof Fault]: Fault[K] } = {
      kind: chance.pick(WEIGHTS),
      at: formed
        ? 4_000 + chance.below(LAST_MS)
        : 200 + chance.below(chance.is(0.6) ? 12_000 : LAST_MS),
      forMs: Number(chance.pick({ 2: 1, 5: 1, 9: 2, 20: 2, 40: 1 })) * (500 + chance.below(1_000)),
      ordinal: chance.below(Number(members)),
      other: chance.below(Number(members)),
      dice: chance.next(),
    };
    if (fault.kind === "pause") fault.forMs *= 2;
    // Nobody puts another volume there while the group is being made.
    if (fault.kind === "foreignVolume" && !formed) fault.at = 50;
    const loses = LOSES.has(fault.kind);
    if (loses && lossesLeft.count-- <= 0) continue;
    faults.push(fault);
  }
  faults.push(...scenario(chance, Number(members), formed));
  const recovery: Recovery = {
    completeOutage: chance.is(0.1) ? "Manual" : "Automatic",
    diverged: chance.is(0.1) ? "Reclone" : "Report",
  };
  const inOrder = faults.toSorted((a, b) => a.at - b.at);
  return { seed, members: Number(members), formed, recovery, faults: inOrder };
}

type Step = Pick<Fault, "kind" | "at"> & Partial<Fault>;

/** Faults that are only bad together, which would rarely meet by chance. */
function scenario(chance: Chance, members: number, formed: boolean): Fault[] {
  const at = (formed ? 6_000 : 20_000) + chance.below(20_000);
  const ordinal = chance.below(members);
  const first = formed || chance.is(0.2) ? ordinal : 0;
  const soon = (ms: number): number => at + chance.below(ms);
  const steps: Record<string, Step[]> = {
    none: [],
    // What a member lacks is nowhere in a binary log any more.
    purged: [
      { kind: "powerOff", at, forMs: 25_000 },
      { kind: "purge", at: at + 8_000 + chance.below(20_000), dice: 0 },
    ],
    // Errant transactions, and a group that goes on without them.
    byHand: [{ kind: "killServer", at }, {
      kind: "writeByHand",
      at: at + 1_500 + chance.below(2_000),
    }],
    // Who ends a complete outage is interrupted.
    outage: [
      { kind: "killAll", at },
      { kind: "killShell", at, ordinal: 0 },
      { kind: chance.is(0.5) ? "killAgent" : "killServer", at: soon(12_000), ordinal: 0 },
    ],
    // A volume that was somebody's before, and the API server is no help.
    foreign: [
      { kind: "foreignVolume", at: 50 },
      { kind: "apiFails", at: 200 + chance.below(2_000) },
    ],
    // Two servers of one name, of which the first may have stood still in the middle of something.
    twofold: [
      { kind: "freezeAgentAt", at: formed ? at : 100, ordinal: first, forMs: 22_000 },
      { kind: "stray", at: formed ? at + 2_000 : 4_000, ordinal: first, forMs: 40_000 },
    ],
    // A member comes back, and what it holds is hard to compare.
    slowly: [{ kind: "killServer", at }, { kind: "compareSlowly", at, forMs: 20_000 }],
    // Its statements take long, and it is cut off.
    late: [
      { kind: "slowServer", at, forMs: 60_000 },
      { kind: "isolate", at: soon(5_000), forMs: 30_000 },
    ],
    // A member that was expelled comes back while the others have lost their majority.
    minority: [
      { kind: "powerOff", at, forMs: 13_000 },
      { kind: "freezeServer", at: at + 11_000, ordinal: (ordinal + 1) % members, forMs: 12_000 },
    ],
    // A group that is started again by another clock than before.
    clocks: [{ kind: "clock", at: at - 2_000 }, {
      kind: chance.is(0.5) ? "killAll" : "powerOffAll",
      at,
    }],
    // And so is who creates the group.
    creation: [
      { kind: "killShell", at: 100, ordinal: first },
      {
        kind: chance.pick({ killAgent: 1, killServer: 1, freezeAgent: 1 }),
        at: 500 + chance.below(5_000),
        ordinal: first,
        forMs: 8_000 + chance.below(8_000),
      },
    ],
  };
  const name = chance.pick({
    none: 5,
    foreign: formed ? 0.01 : 1,
    twofold: 0.5,
    clocks: 0.5,
    slowly: 0.5,
    late: 0.5,
    minority: 0.5,
    purged: 1,
    byHand: 1,
    outage: 1,
    creation: formed ? 0.01 : 4,
  });
  return (steps[name] ?? []).map((step) => ({
    ...{ ordinal, other: 0, forMs: 4_000 + chance.below(3_000), dice: chance.next() },
    ...step,
  }));
}

export function endOf(plan: Plan): number {
  return Math.max(0, ...plan.faults.map(({ at, forMs }) => at + forMs));
}

export function describePlan(plan: Plan): string {
  const faults = plan.faults.map(({ at, dice, forMs, kind, ordinal, other, step }) =>
    `${(at / 1000).toFixed(1)} ${kind} ${ordinal}>${other} ${(forMs / 1000).toFixed(1)}s ${
      step ?? dice.toFixed(2)
    }`
  );
  const { completeOutage, diverged } = plan.recovery ?? {};
  const how = [
    ...[plan.formed ? "" : ", from nothing", completeOutage === "Manual" ? ", Manual" : ""],
    diverged === "Reclone" ? ", Reclone" : "",
  ];
  return `${plan.members} members${how.join("")}: ${faults.join("; ")}`;
}
