// Plans that once broke a rule: what they show, and what was changed.

import type { Fault, FaultKind, Plan } from "./plan.ts";

type Place = Pick<Fault, "at" | "ordinal"> & Partial<Fault>;

function fault(kind: FaultKind, place: Place): Fault {
  return { kind, forMs: 5_000, other: 0, dice: 0.5, ...place };
}

export const FOUND: readonly { readonly name: string; readonly plan: Plan }[] = [
  {
    // The primary's view still has the old server of that name, and labels the Pod by it: roles.ts looks more
    // often while the own Pod has no role.
    name: "a Pod with a new volume does not keep the label of the server that was there before",
    plan: {
      seed: 131,
      members: 3,
      formed: true,
      faults: [
        fault("loseVolume", { at: 20_681, forMs: 1_628, ordinal: 2, dice: 0.38 }),
        fault("deletePod", { at: 23_110, forMs: 49_200, ordinal: 0, other: 1, dice: 0.59 }),
      ],
    },
  },
  {
    // The look at the server was from before the restart of the group, the guard came after it, and nothing
    // ever made the primary writable again: loop.ts asks whether an action ran since the look.
    name: "who has just started the group again does not fence itself by an older look",
    plan: {
      seed: 373,
      members: 3,
      formed: false,
      faults: [fault("deletePod", { at: 4_949, forMs: 11_286, ordinal: 0, other: 2, dice: 0.96 })],
    },
  },
  {
    // MySQL Shell stops it before a rejoin only, and START refuses: perform.ts stops it.
    name: "a member that was never registered and is in ERROR can be added",
    plan: {
      seed: 1,
      members: 3,
      formed: false,
      faults: [fault("killServer", { at: 6_000, forMs: 20_000, ordinal: 0, dice: 0.3 })],
    },
  },
  {
    // The first number of a view's id is a wall clock: facts.ts compares views of one bootstrap only.
    name:
      "a group that was started by a clock that is an hour ahead does not keep the Service for ever",
    plan: {
      seed: 2_409,
      members: 3,
      formed: true,
      faults: [
        fault("powerOffAll", { at: 15_903, forMs: 28_720, ordinal: 0, other: 2, dice: 0.347 }),
        fault("clock", { at: 16_114, forMs: 2_076, ordinal: 1, other: 2, dice: 0.459 }),
        fault("writeByHand", { at: 27_503, forMs: 19_280, ordinal: 1, other: 1, dice: 0.671 }),
        fault("powerOff", { at: 28_424, forMs: 1_084, ordinal: 2, other: 0, dice: 0.903 }),
        fault("powerOffAll", { at: 41_317, forMs: 22_040, ordinal: 1, other: 0, dice: 0.19 }),
      ],
    },
  },
  {
    // It waited for a primary that answers, and was that itself: decide-member.ts asks another member.
    name: "a member that is elected before it is written down is taken in all the same",
    plan: {
      seed: 186,
      members: 3,
      formed: false,
      faults: [
        fault("pause", { at: 10_448, forMs: 13_840, ordinal: 2, other: 2, dice: 0.2388 }),
        fault("killServer", { at: 29_190, forMs: 6_660, ordinal: 0, dice: 0.1702 }),
      ],
    },
  },
  {
    // The answer to a write was lost, and then the report was again what it had been before that write, so it
    // was never written: publish.ts writes anew after every failure.
    name: "a report whose answer was lost does not stay for ever",
    plan: {
      seed: 318,
      members: 3,
      formed: true,
      faults: [
        fault("foreignVolume", { at: 15_418, forMs: 2_458, ordinal: 1, other: 2, dice: 0.1447 }),
        fault("killServer", { at: 32_803, forMs: 5_215, ordinal: 1, other: 2, dice: 0.0909 }),
        fault("apiAway", { at: 33_614, forMs: 2_752, ordinal: 2, other: 1, dice: 0.1243 }),
      ],
    },
  },
  {
    // Only the members know that group, and they did not answer: decide-outage.ts waits for them.
    name:
      "a member that was not written down when it lost the others does not call its data foreign",
    plan: {
      seed: 139,
      members: 3,
      formed: false,
      faults: [
        fault("freezeAgent", { at: 7_526, forMs: 15_140, ordinal: 2, dice: 0.3172 }),
        fault("isolate", { at: 20_771, forMs: 34_640, ordinal: 2, dice: 0.6091 }),
      ],
    },
  },
  {
    // It had connected before anybody knew that this server had left, and MySQL Shell makes the server writable
    // for a moment: perform.ts ends connections before that.
    name: "a pool does not write to a member that is brought back",
    plan: {
      seed: 351,
      members: 3,
      formed: true,
      recovery: { diverged: "Reclone" },
      faults: [
        fault("killServer", { at: 13_341, forMs: 4_979, ordinal: 0, dice: 0.432 }),
        fault("writeByHand", { at: 16_288, forMs: 4_855, ordinal: 0, dice: 0.7345 }),
      ],
    },
  },
  {
    // The same by the Shell of the member that ends an outage: loop.ts ends connections until it does.
    name: "a pool does not write to a member that another one brings back",
    plan: {
      seed: 347,
      members: 3,
      formed: true,
      faults: [
        fault("killServer", { at: 10_815, forMs: 8_460, ordinal: 0, other: 1, dice: 0.0107 }),
        fault("killAll", { at: 18_023, forMs: 6_671, ordinal: 1, dice: 0.9944 }),
      ],
    },
  },
  {
    // Only the Lease could not be had, three times, and that counted as three rejoins of no use: actor.ts counts
    // what has begun.
    name: "a member is not cloned because the API server was away",
    plan: {
      seed: 368,
      members: 3,
      formed: true,
      faults: [
        fault("killAll", { at: 11_804, forMs: 5_827, ordinal: 0, dice: 0.1714 }),
        fault("killAgent", { at: 16_498, forMs: 5_224, ordinal: 0, dice: 0.822 }),
        fault("apiAway", { at: 19_117, forMs: 29_360, ordinal: 1, other: 2, dice: 0.788 }),
      ],
    },
  },
  {
    // START waited for logins that were refused, and nobody looked at the server meanwhile: actor.ts counts only
    // what makes a server writable itself.
    name: "a server that another one makes writable during its START is fenced",
    plan: {
      seed: 40,
      members: 3,
      formed: false,
      faults: [
        fault("apiFails", { at: 6_407, forMs: 51_800, ordinal: 0, other: 1, dice: 0.2313 }),
        fault("apiFails", { at: 8_421, forMs: 4_788, ordinal: 2, other: 2, dice: 0.7526 }),
        fault("killShell", { at: 8_428, forMs: 28_280, ordinal: 0, other: 2, dice: 0.1426 }),
        fault("killAll", { at: 16_984, forMs: 10_008, ordinal: 0, other: 1, dice: 0.7364 }),
      ],
    },
  },
  {
    // Its agent did not know that another member's MySQL Shell was about to make it writable: every server outside a
    // majority is in offline_mode, from its start.
    name: "no client writes to a server that MySQL Shell of another one brings back",
    plan: {
      seed: 1_674,
      members: 3,
      formed: true,
      faults: [
        fault("powerOff", {
          at: 4_901,
          forMs: 7_155,
          ordinal: 0,
          other: 1,
          dice: 0.27278115204535425,
        }),
        fault("killServer", {
          at: 6_331,
          forMs: 28_880,
          ordinal: 2,
          other: 1,
          dice: 0.29429782601073384,
        }),
        fault("isolate", { at: 12_261, forMs: 6_020, ordinal: 1, dice: 0.6497910236939788 }),
        fault("killServer", { at: 12_893, forMs: 6_262, ordinal: 1, dice: 0.8836132211145014 }),
        fault("writeByHand", { at: 15_408, forMs: 4_431, ordinal: 1, dice: 0.36849160795100033 }),
      ],
    },
  },
  {
    // Its session to its own name was from before, and still led to itself: names are resolved anew before an effect.
    name: "a Pod that was replaced does not start the group again under its successor's name",
    plan: {
      seed: 401,
      members: 3,
      formed: true,
      faults: [
        fault("killAll", { at: 19_807, forMs: 25_100, ordinal: 2, dice: 0.9333829209208488 }),
        fault("isolate", {
          at: 20_394,
          forMs: 11_889,
          ordinal: 0,
          other: 1,
          dice: 0.02510698651894927,
        }),
        fault("stray", {
          at: 28_426,
          forMs: 50_320,
          ordinal: 0,
          other: 2,
          dice: 0.6423597743269056,
        }),
      ],
    },
  },
];
