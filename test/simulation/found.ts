// Plans that once broke a rule: what they show, and what was changed.

import type { Fault, FaultKind, Plan } from "./plan.ts";

type Place = Pick<Fault, "at" | "ordinal"> & Partial<Fault>;

function fault(kind: FaultKind, place: Place): Fault {
  return { kind, forMs: 5_000, other: 0, dice: 0.5, ...place };
}

const killServer = (place: Place): Fault => fault("killServer", place);

export const FOUND: readonly { readonly name: string; readonly plan: Plan }[] = [
  {
    // The group still has the old incarnation as ONLINE when the member takes its own label away, and the
    // primary's agent writes it once more: roles.ts looks more often while the own Pod has no role.
    name: "a killed secondary does not keep the label that the primary's older view gives it",
    plan: {
      seed: 110,
      members: 3,
      formed: true,
      faults: [
        fault("stopServer", { at: 11_220, ordinal: 0 }),
        killServer({ at: 26_494, ordinal: 0 }),
        killServer({ at: 29_181, ordinal: 2 }),
      ],
    },
  },
];
