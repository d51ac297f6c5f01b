// The plan for a failure that must not be repaired unasked: what would be done, from which data, and what that
// costs. An agent makes it, the operator shows it in the status, a person approves exactly this one by its hash.

import { z } from "zod";

export const PLAN_ACTIONS = {
  RestartGroup: "start the group again from the seed's data",
  Reclone:
    "save what only the member has on its volume, then replace its data by a copy of the group's",
} as const;

export const MEMBER_FATES = {
  Seed: "its data becomes the group's",
  Rejoin: "all that it holds is in the seed's data: it comes back by itself",
  Diverges:
    "it holds transactions that the group will not have: it stays outside, nothing is discarded",
  Reclone: "its own transactions leave the group; they are saved as a file on its volume first",
  Differs:
    "it has other rows than the group under the same transactions: all its logs are saved on its volume first",
  Absent:
    "nobody can see its data; what it alone holds is unknown, and may be acknowledged transactions",
} as const;

export type MemberFate = keyof typeof MEMBER_FATES;

const keys = <T extends object>(map: T) => Object.keys(map) as [keyof T & string];

export const recoveryPlanSchema = z.object({
  hash: z.string().describe(
    "Stands for exactly this plan; the annotation that approves it holds it.",
  ),
  action: z.enum(keys(PLAN_ACTIONS)).describe(
    `What would be done: ${
      Object.entries(PLAN_ACTIONS).map((pair) => pair.join(", ")).join("; ")
    }.`,
  ),
  seed: z.string().describe("Pod whose data is kept; empty when it is the running group's."),
  members: z.array(
    z.object({
      name: z.string().describe("Name of the Pod."),
      fate: z.enum(keys(MEMBER_FATES)).describe(
        `What becomes of it: ${
          Object.entries(MEMBER_FATES).map((pair) => pair.join(", ")).join("; ")
        }.`,
      ),
      gtids: z.string().describe("All transactions that it holds; absent when nobody can see them.")
        .optional(),
      beyond: z.string().describe("What it holds and the group would not.").optional(),
      stopped: z.boolean().describe(
        "Absent members: whether its mysqld is known to have ended. The plan is not carried out before.",
      ).optional(),
    }).describe("One member in the plan."),
  ).max(32).meta({ "x-kubernetes-list-type": "atomic" })
    .describe("The members, by ordinal."),
}).describe(
  "What a person has to approve, by the annotation mysql.oracle.com/approve-plan with the hash as its value.",
);

export type RecoveryPlan = z.infer<typeof recoveryPlanSchema>;
