// What the operator reports about a Cluster, and the one field that agents write: `status.bootstrap`.
//
// Invariants: everything but `bootstrap` and `recovery` is derived anew by the operator and may be deleted without
// loss. The agent that carries out an approved plan writes `recovery`.
// `bootstrap` is the durable proof that the group was created: the agent of ordinal 0 writes `instance`,
// `serverUuid` and `intentAt` before it creates the group, `groupName` and `at` after. While `at` is set
// nobody creates a second group.

import { z } from "zod";
import { CONDITION_TYPES, MAX_MESSAGE_LENGTH } from "./conditions.ts";
import { INSTANCE_STATES, waitReasons } from "./instance-report.ts";
import { recoveryPlanSchema } from "./recovery-plan.ts";

const time = (description: string) => z.string().meta({ format: "date-time", description });

const bootstrapSchema = z.object({
  instance: z.string().describe("Pod that created the group, or is about to.").optional(),
  serverUuid: z.string().describe("server_uuid of that instance, fixed before the group is made.")
    .optional(),
  intentAt: time("When that instance announced that it will create the group.").optional(),
  groupName: z.string().describe("Name (UUID) of the group.").optional(),
  at: time("When the group had been created. While this is set, no second group is ever made.")
    .optional(),
}).describe("How the group came to be. Written once, by the agent of the first member.");

const restartSchema = z.object({
  at: time("When it was about to happen."),
  serverUuid: z.string().describe("server_uuid of the seed."),
  gtids: z.string().describe("All transactions that the seed held."),
  without: z.array(z.string()).max(32).meta({
    description: "server_uuids of the members left out: what they held beyond was given up.",
    "x-kubernetes-list-type": "atomic",
  }),
}).describe("One restart of the group by an approved plan.");

const recoverySchema = z.object({
  plan: z.string().describe("Hash of the plan."),
  instance: z.string().describe("Pod whose agent carries it out."),
  at: time("When it began."),
  completedAt: time("When it had been carried out; it is never carried out again.").optional(),
  restarts: z.array(restartSchema).max(32).meta({
    description:
      "How members are known that come back with what such a restart gave up, oldest first.",
    "x-kubernetes-list-type": "atomic",
  }).optional(),
}).describe("The approved plan that was begun last. Written by the agent that carries it out.");

const instanceSchema = z.object({
  name: z.string().describe("Name of the Pod."),
  ordinal: z.int().describe("Number of the Pod in the StatefulSet."),
  state: z.enum(INSTANCE_STATES).describe("State of the instance, as its agent reports it."),
  role: z.enum(["primary", "secondary"]).describe("Role in the group; absent unless ONLINE.")
    .optional(),
  version: z.string().describe("Version that the server reports.").optional(),
  since: time("When the state was first seen.").optional(),
  message: z.string().describe("What it is doing or waiting for.").optional(),
  waiting: z.enum(waitReasons).describe("Why it waits, in one word; absent while it does not.")
    .optional(),
  stopped: z.string().describe(
    "How it is known that its mysqld does not run, although nobody can ask it: a plan may then leave it behind.",
  ).optional(),
  restarts: z.int().describe("How often mysqld was started again inside the Pod.").optional(),
}).describe("One instance: mysqld in one Pod.");

const stateChangeSchema = z.object({
  at: time("When it was seen."),
  name: z.string().describe("Name of the Pod."),
  from: z.string().describe("State and role before; absent when it was new.").optional(),
  to: z.string().describe("State and role since."),
  message: z.string().describe("What it was doing or waiting for then.").optional(),
}).describe("One change of an instance's state or role.");

const conditionSchema = z.object({
  type: z.string().max(64).describe(`One of ${Object.keys(CONDITION_TYPES).join(", ")}.`),
  status: z.enum(["True", "False", "Unknown"]).describe("Whether the condition holds."),
  reason: z.string().max(64).describe("Why, in one word of a closed set."),
  message: z.string().max(MAX_MESSAGE_LENGTH).describe("Why, for people, with what to do."),
  lastTransitionTime: time("When the status last changed."),
  observedGeneration: z.int().describe("metadata.generation that this is about.").optional(),
}).describe("One aspect of the Cluster.");

export const clusterStatusSchema = z.object({
  observedGeneration: z.int().describe("metadata.generation that the operator last acted on.")
    .optional(),
  members: z.int().describe("Members that the operator wants, as last seen in the spec.")
    .optional(),
  onlineMembers: z.int().describe("Members that are ONLINE in the partition with quorum.")
    .optional(),
  membersSummary: z.string().describe("onlineMembers/members, for the MEMBERS column.").optional(),
  primary: z.string().describe("Pod that accepts writes; several are separated by commas.")
    .optional(),
  version: z.string().describe("Version that the members run, or mixed.").optional(),
  image: z.string().describe("Server image that the spec leads to.").optional(),
  labelSelector: z.string().describe("Selects the Pods; for the scale subresource.").optional(),
  bootstrap: bootstrapSchema.optional(),
  recovery: recoverySchema.optional(),
  plans: z.array(recoveryPlanSchema).max(32).meta({
    description: "Plans that wait for approval, one for each failure.",
    "x-kubernetes-list-type": "atomic",
  }).optional(),
  instances: z.array(instanceSchema).max(32).meta({
    description: "The instances, by ordinal.",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
  }).optional(),
  history: z.array(stateChangeSchema).max(32).meta({
    description: "The last 20 changes of the instances' states, oldest first.",
    "x-kubernetes-list-type": "atomic",
  }).optional(),
  conditions: z.array(conditionSchema).max(16).meta({
    description: "The aspects of the Cluster's health; types and reasons are in src/api/README.md.",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
  }).optional(),
}).describe("What was observed. Never written by users.");

export type ClusterStatus = z.infer<typeof clusterStatusSchema>;
export type InstanceStatus = z.infer<typeof instanceSchema>;
export type StateChange = z.infer<typeof stateChangeSchema>;
export type RestartRecord = z.infer<typeof restartSchema>;
export type BootstrapStatus = z.infer<typeof bootstrapSchema>;
