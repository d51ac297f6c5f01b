// Faults that are dangerous only together, in one order and at one distance, which chance rarely finds: in each of
// these days one guard of the agents is all that keeps a rule. By the names of mutations.txt.

import { type Day, type Directed, triesOf } from "./day.ts";
import { STEP_DAYS } from "./directed-steps.ts";

/** All tries of all days, at most so many of each. */
export function directed(most = Infinity): readonly Directed[] {
  return triesOf([...DAYS, ...STEP_DAYS], most);
}

/** An outage in which main-0 loses its volume and main-2 stays away: main-1 starts the group again, by a plan. */
const LEFT_BEHIND: Day["faults"] = [
  ["killAll", { at: [8_000, 11_000] }],
  ["loseVolume", { at: 11_000, ordinal: 0 }],
  ["deletePod", { at: 11_000, ordinal: 2, forMs: 90_000 }],
  ["approve", { at: 15_000, forMs: 60_000 }],
];

const DAYS: readonly Day[] = [
  // A volume of another time whose server does not answer.
  {
    guards: ["old claims hold nothing"],
    formed: false,
    faults: [
      ["foreignVolume", { at: 50, ordinal: 1 }],
      ["powerOff", { at: 80, ordinal: 1, forMs: 20_000 }],
    ],
  },
  {
    guards: ["creates without knowing the other volumes"],
    formed: false,
    tries: 20,
    faults: [
      ["foreignVolume", { at: 50, ordinal: 1 }],
      ["apiFails", { at: 60, forMs: 20_000, dice: 0.3 }],
    ],
  },
  // Who creates the group stops in the middle.
  {
    guards: ["everybody creates"],
    formed: false,
    tries: 10,
    faults: [
      ["freezeAgent", { at: 50, forMs: 6_000 }],
      ["freezeAgent", { at: [1_500, 4_000], ordinal: [1, 3], forMs: 30_000 }],
    ],
  },
  {
    guards: ["joins before the creation is recorded", "an incomplete group is joined"],
    formed: false,
    tries: 20,
    faults: [
      ["killShell", { at: 100, ordinal: 0 }],
      ["freezeAgent", { at: [3_000, 6_000], ordinal: 0, forMs: 15_000 }],
    ],
  },
  {
    guards: ["whoever was not written down calls its data foreign"],
    formed: false,
    tries: 15,
    faults: [
      ["freezeAgent", { at: [7_000, 12_000], ordinal: 2, forMs: 16_000 }],
      ["isolate", { at: 21_000, ordinal: 2, forMs: 35_000, dice: 0.9 }],
    ],
  },
  // Its successor has created the group when it goes on.
  {
    guards: ["the intent overwrites a record", "the record is written unconditionally"],
    formed: false,
    tries: 60,
    faults: [
      ["freezeAgentAt", { at: 100, forMs: 22_000 }],
      ["stray", { at: 4_000, forMs: 40_000 }],
    ],
  },
  // The Cluster is made again over its volumes.
  {
    guards: ["kept volumes are not taken up"],
    faults: [["recreate", { at: 12_000, forMs: 9_000 }]],
  },
  {
    guards: ["acts while deleted"],
    tries: 10,
    faults: [
      ["recreate", { at: 12_000, forMs: 20_000 }],
      ["killServer", { at: [17_000, 22_000], ordinal: [1, 3] }],
      ["loseVolume", { at: [16_000, 22_000], ordinal: [0, 3] }],
    ],
  },
  // A complete outage, of which somebody knows less than the others, or more.
  {
    guards: ["restarts although sets have diverged"],
    tries: 10,
    faults: [
      ["killAll", { at: 9_000 }],
      ["writeByHand", { at: [12_000, 13_500], ordinal: 0 }],
      ["writeByHand", { at: [12_000, 13_500], ordinal: 2 }],
    ],
  },
  {
    guards: ["any seed is whole"],
    faults: [
      ["isolate", { at: 9_000, ordinal: 0, forMs: 12_000 }],
      ["killAll", { at: 20_000 }],
    ],
  },
  {
    guards: ["restarts beside members that are not settled"],
    tries: 10,
    faults: [
      ["killServer", { at: [15_000, 16_000], ordinal: 0 }],
      ["killServer", { at: [16_500, 18_500], ordinal: 1 }],
    ],
  },
  {
    guards: [
      "an approved plan leaves running members behind",
      "a missing member counts as stopped",
    ],
    faults: [
      ["isolate", { at: 9_000, forMs: 60_000, dice: 0.9 }],
      ["approve", { at: 9_000, forMs: 40_000 }],
    ],
  },
  {
    guards: ["data of another cluster may be the seed"],
    faults: [
      ["foreignVolume", { at: 9_000, ordinal: 0, dice: 0.9 }],
      ["loseVolume", { at: 9_000, ordinal: 1 }],
      ["loseVolume", { at: 9_000, ordinal: 2 }],
      ["approve", { at: 12_000, forMs: 40_000 }],
    ],
  },
  // What was acknowledged last is only in relay logs.
  {
    guards: ["the received set is forgotten after an outage"],
    tries: 10,
    faults: [
      ["slowApplier", { at: 6_000, ordinal: 1, forMs: 30_000 }],
      ["slowApplier", { at: 6_000, ordinal: 2, forMs: 30_000 }],
      ["killAll", { at: [8_000, 11_000] }],
      ["loseVolume", { at: 11_000, ordinal: 0 }],
      ["approve", { at: 15_000, forMs: 60_000 }],
    ],
  },
  {
    guards: ["the received set is forgotten"],
    tries: 20,
    faults: [
      ["slowApplier", { at: 6_000, ordinal: 1, forMs: 30_000 }],
      ["slowApplier", { at: 6_000, ordinal: 2, forMs: 30_000 }],
      ...LEFT_BEHIND,
    ],
  },
  // A restart by a plan leaves somebody behind, who comes back when his GTIDs have been given out again.
  {
    guards: ["what a restart gave up comes back"],
    tries: 5,
    faults: [
      ["powerOff", { at: 6_000, ordinal: 1, forMs: 14_000 }],
      ...LEFT_BEHIND,
    ],
  },
  {
    guards: ["comes back from before a restart, without the API server"],
    tries: 5,
    faults: [
      ["powerOff", { at: 6_000, ordinal: 1, forMs: 14_000 }],
      ...LEFT_BEHIND,
      ["apiAway", { at: 45_000, forMs: 110_000 }],
    ],
  },
  // A member comes back.
  {
    guards: ["what is not compared is contained"],
    faults: [
      ["killServer", { at: 9_000, ordinal: 1 }],
      ["compareSlowly", { at: 9_000, ordinal: 1, forMs: 20_000 }],
    ],
  },
  {
    guards: ["a minority is a group"],
    tries: 10,
    faults: [
      ["freezeAgent", { at: 9_500, ordinal: 2, forMs: [22_500, 24_000] }],
      ["killServer", { at: 10_000, ordinal: 2 }],
      ["freezeServer", { at: 21_000, forMs: 25_000 }],
    ],
  },
  {
    guards: ["an automatic rejoin is cut short"],
    faults: [["isolate", { at: 9_000, ordinal: 1, forMs: [20_000, 25_000] }]],
  },
  {
    guards: ["starts with an old password"],
    members: 5,
    faults: [
      ["freezeAgent", { at: 9_500, ordinal: 4, forMs: 40_000 }],
      ["killServer", { at: 10_000, ordinal: 4 }],
      ["loseVolume", { at: 12_000, ordinal: 3 }],
    ],
  },
  // It fails, and there is no hurry.
  {
    guards: ["no pause after a failure"],
    tries: 5,
    faults: [
      ["loseVolume", { at: 9_000, ordinal: 1 }],
      ["killShell", { at: [14_100, 16_000], ordinal: 1 }],
    ],
  },
  {
    guards: ["no pause after a failed add of a member that is ONLINE"],
    tries: 10,
    faults: [
      ["loseVolume", { at: 9_000, ordinal: 1 }],
      ["killShell", { at: [14_100, 16_000], ordinal: 1, dice: 0.7 }],
    ],
  },
  {
    guards: ["no pause after a failed restart"],
    faults: [["killAll", { at: 9_000 }], ["killShell", { at: 9_100, ordinal: 0, dice: 0.2 }]],
  },
  {
    guards: ["no pause after a failed restart by a plan"],
    faults: [
      ["loseVolume", { at: 9_000, ordinal: 2, forMs: 2_000 }],
      ["killAll", { at: 9_100 }],
      ["killShell", { at: 9_200, ordinal: 0, dice: 0.2 }],
      ["approve", { at: 15_000, forMs: 60_000 }],
    ],
  },
  {
    guards: ["no pause after a failed clone"],
    recovery: { diverged: "Reclone" },
    faults: [
      ["killServer", { at: 9_000, ordinal: 1 }],
      ["writeByHand", { at: 14_500, ordinal: 1 }],
      ["killShell", { at: 14_600, ordinal: 1, dice: 0.2 }],
    ],
  },
  // It is written down, and has not applied that yet.
  {
    guards: ["its own copy of the metadata counts"],
    faults: [
      ["loseVolume", { at: 9_000, ordinal: 1, forMs: 3_000 }],
      ["slowApplier", { at: 15_000, ordinal: 1, forMs: 30_000 }],
    ],
  },
  // Data of another cluster, which its spec gives up.
  {
    guards: ["a stale entry of a diverged member is left"],
    recovery: { diverged: "Reclone" },
    faults: [["foreignVolume", { at: 9_000, ordinal: 1, dice: 0.9 }]],
  },
  // The next primary labels a new Pod by the server that had its name, and then no turn; nor is there a Lease to join with.
  {
    guards: ["labels are looked at seldom"],
    faults: [
      ["loseVolume", { at: 9_000, ordinal: 2, forMs: 1_000 }],
      ["switchByHand", { at: 12_300, ordinal: 1 }],
      ["leaseTaken", { at: 14_000 }],
      ["freezeAgent", { at: 14_200, ordinal: 1, forMs: 25_000 }],
      ["leaseTaken", { at: 18_500 }],
      ["leaseTaken", { at: 23_000 }],
    ],
  },
  // Two Pods of one name.
  {
    guards: ["a new Pod gets the old one's label", "a new Pod gets the old one's report"],
    tries: 5,
    faults: [["stray", { at: 9_000, ordinal: 1, forMs: 30_000 }]],
  },
  {
    guards: ["a Pod that was replaced acts"],
    tries: 5,
    faults: [
      ["stray", { at: 9_000, ordinal: 1, forMs: 40_000 }],
      ["freezeAgent", { at: 47_500, ordinal: 1, forMs: 25_000 }],
      ["killServer", { at: 48_000, ordinal: 1 }],
    ],
  },
  // By clocks.
  {
    guards: ["views of different bootstraps are ordered by their clocks"],
    tries: 10,
    faults: [
      ["clock", { at: 8_000, ordinal: 0, dice: 0.9 }],
      ["clock", { at: 8_000, ordinal: 1, dice: 0.9 }],
      ["clock", { at: 8_000, ordinal: 2, dice: 0.9 }],
      ["killAll", { at: 12_000 }],
      ["killServer", { at: 60_000 }],
    ],
  },
  {
    guards: ["the Lease by the wall clock"],
    members: 5,
    tries: 10,
    faults: [
      ["loseVolume", { at: 9_000, ordinal: 4 }],
      ["loseVolume", { at: 9_500, ordinal: 3 }],
      ["clock", { at: [16_000, 21_000], ordinal: 4, dice: 0.1 }],
      ["clock", { at: [16_000, 21_000], ordinal: 3, dice: 0.1 }],
    ],
  },
  // Late, and so from another time.
  {
    guards: ["an old observation counts"],
    tries: 10,
    faults: [
      ["slowServer", { at: 6_000, forMs: 60_000, dice: 0.97 }],
      ["killServer", { at: 12_000, ordinal: 2 }],
      ["isolate", { at: [18_800, 20_500], forMs: 30_000, dice: 0.9 }],
    ],
  },
  {
    guards: ["a member in ERROR is added as it is"],
    tries: 15,
    faults: [
      ["loseVolume", { at: 9_000, ordinal: 1 }],
      ["freezeAgent", { at: [17_000, 21_000], ordinal: 1, forMs: 14_000 }],
      ["applierFails", { at: 27_000, ordinal: 1 }],
    ],
  },
];
