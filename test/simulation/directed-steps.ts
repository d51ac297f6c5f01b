// More days of directed.ts: a process stands still, or dies, at one certain step, and what it knows is from another time
// when it goes on.

import type { Day } from "./day.ts";

export const STEP_DAYS: readonly Day[] = [
  // It has the Lease, and then for so long no turn that another one takes it, is done and gives it up.
  {
    guards: [
      "a lost Lease stops nothing",
      "a Lease is held as long as nobody else is known to have it",
    ],
    members: 5,
    faults: [
      ["loseVolume", { at: 9_000, ordinal: 4, forMs: 3_000 }],
      ["freezeAgentAt", { at: 12_500, ordinal: 4, forMs: 45_000, step: "after PUT leases" }],
      ["killServer", { at: [20_000, 22_000], ordinal: 3 }],
    ],
  },
  // It was going to be cloned, because nothing on it was its own.
  {
    guards: ["no second look under the Lease"],
    faults: [
      ["killServer", { at: 9_000, ordinal: 1 }],
      ["freezeAgentAt", { at: 14_000, ordinal: 1, forMs: 8_000, step: "after PUT leases" }],
      ["purge", { at: 14_500, dice: 0 }],
      ["writeByHand", { at: [18_000, 20_500], ordinal: 1 }],
    ],
  },
  // A switch makes no new view.
  {
    guards: ["the Service moves without a look"],
    faults: [
      ["freezeAgentAt", { at: 20, ordinal: 0, forMs: 7_000, step: "before GET services" }],
      ["switchByHand", { at: 4_000, ordinal: 1 }],
    ],
  },
  {
    guards: ["the Service is written unconditionally"],
    faults: [
      ["freezeAgentAt", { at: 20, ordinal: 0, forMs: 7_000, step: "before PATCH services" }],
      ["switchByHand", { at: 4_000, ordinal: 1 }],
    ],
  },
  // Who creates the group is interrupted when it is a member of it already, or before.
  {
    guards: ["no pause after an interrupted creation"],
    formed: false,
    tries: 6,
    faults: [["killShell", { at: 100, ordinal: 0, step: "before commit createMetadata" }]],
  },
  {
    guards: ["no pause after a failed creation"],
    formed: false,
    tries: 6,
    faults: [["killShell", { at: 100, ordinal: 0, dice: 0.1 }]],
  },
  // A plan is approved, and before it is carried out there is more to lose; or the same happens again.
  {
    guards: ["an approval is for the action and the seed, whatever they hold"],
    faults: [
      ["killServer", { at: 9_000, ordinal: 1 }],
      ["writeByHand", { at: 14_500, ordinal: 1 }],
      ["leaseTaken", { at: 15_000 }],
      ["approve", { at: 16_500, forMs: 10_000 }],
      ["leaseTaken", { at: 18_500 }],
      ["writeByHand", { at: 20_500, ordinal: 1 }],
    ],
  },
  {
    guards: ["an approval counts for ever"],
    faults: [
      ["killServer", { at: 9_000, ordinal: 1 }],
      ["writeByHand", { at: 14_500, ordinal: 1 }],
      ["approve", { at: 16_500, forMs: 10_000 }],
      ["killServer", { at: 40_000, ordinal: 1 }],
      ["writeByHand", { at: 45_500, ordinal: 1 }],
    ],
  },
  // Its server stood still, does not know yet that the others have gone on, and cannot ask them.
  {
    guards: ["the Service moves back to an older view"],
    faults: [
      ["freezeServer", { at: 9_000, ordinal: 0, forMs: 11_000 }],
      ["isolate", { at: 10_000, ordinal: 0, forMs: 60_000, dice: 0.9 }],
    ],
  },
  {
    guards: ["clients stay with a demoted primary"],
    faults: [["switchByHand", { at: 9_000, ordinal: [1, 3] }]],
  },
  // The first look after an election may find it writable and still call it secondary.
  {
    guards: ["fenced at the first look"],
    tries: 5,
    faults: [
      ["switchByHand", { at: [9_000, 12_000], ordinal: 1 }],
      ["switchByHand", { at: [14_000, 16_000], ordinal: 0 }],
      ["switchByHand", { at: [19_000, 21_000], ordinal: 1 }],
      ["switchByHand", { at: [24_000, 26_000], ordinal: 0 }],
    ],
  },
  // MySQL Shell dies after it has brought in a server whose volume was replaced while nobody was in a group.
  {
    guards: ["a stale entry of a member that is ONLINE is left"],
    faults: [
      ["loseVolume", { at: 9_000, ordinal: 1, forMs: 2_000 }],
      ["killAll", { at: 9_100 }],
      ["killShell", { at: 9_200, ordinal: 0, step: "before commit changeUuid" }],
      ["approve", { at: 15_000, forMs: 60_000 }],
    ],
  },
  // Whoever ends an outage makes the others writable for an account.
  {
    guards: ["fenced while MySQL Shell works on it"],
    tries: 8,
    faults: [["killAll", { at: 9_000 }]],
  },
  {
    guards: ["clients are let in outside the group"],
    faults: [["isolate", { at: 9_000, ordinal: 1, forMs: 25_000 }]],
  },
  // Its START, decided before it stood still, waits for logins that are refused by then; and a person writes meanwhile.
  {
    guards: ["a server that is made writable during its START is not fenced"],
    members: 5,
    faults: [
      ["killServer", { at: 9_000, ordinal: 1 }],
      [
        "freezeAgentAt",
        { at: 9_500, ordinal: 1, forMs: 32_000, step: "before START GROUP_REPLICATION" },
      ],
      ["loseVolume", { at: 10_000, ordinal: 4, forMs: 3_000 }],
      ["writableByHand", { at: 60_000, ordinal: 1 }],
    ],
  },
  {
    guards: ["the own server is closed and fenced while paused"],
    faults: [
      ["pause", { at: 9_000, forMs: 60_000 }],
      ["killServer", { at: 44_500, ordinal: 1 }],
      ["writableByHand", { at: 50_000, ordinal: 1 }],
    ],
  },
  // A server is closed from its start until the group is recorded.
  {
    guards: [
      "clients are let in before the creation is recorded",
      "roles before the creation is recorded",
      "a server starts without offline_mode",
    ],
    formed: false,
    tries: 6,
    faults: [["killServer", { at: 30_000, ordinal: 1 }]],
  },
  // Only the primary has, for certain, all that the group has.
  {
    guards: ["a diverged member is cloned without asking the primary"],
    faults: [
      ["stallDisk", { at: 7_500, ordinal: 2, forMs: 40_000 }],
      ["killServer", { at: 9_500, ordinal: 1 }],
      ["cut", { at: 9_500, ordinal: 0, forMs: 40_000, dice: 0.1 }],
    ],
  },
  // The others expel it, and its server does not know that yet.
  {
    guards: [
      "an expelled member goes by its own view",
      "who is cut off from one member asks nobody",
    ],
    faults: [["cut", { at: 9_000, ordinal: 0, forMs: 30_000, dice: 0.1 }]],
  },
  {
    guards: ["whoever stood still asks nobody"],
    faults: [["freezeServer", { at: 9_000, ordinal: [0, 3], forMs: [12_000, 20_000] }]],
  },
];
