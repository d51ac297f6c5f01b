// The protocol between agent and operator: what an agent says about its own instance.
//
// Who writes what, and when:
//   agent     writes the JSON of one InstanceReport into the annotation INSTANCE_ANNOTATION of its own
//             Pod, with a merge patch, only when its meaning changes (`sameMeaning`); it never reads it
//             back. It writes the role label in the same way (labels.ts). Nobody else writes either.
//   operator  reads the annotation through its Pod watch and derives the Cluster's status from it. It
//             never asks an agent or a mysqld anything. A report that does not parse counts as none.
//   agents    of other Pods may read it to find peers that ever held data (`hasData`); they decide
//             nothing about a group on it, because its age is unknown: they ask the peer by SQL.
// `observedAt` is the time of the last change, not of the last look: age comes from the Pod's readiness.
// A field may be added as optional; a reader ignores what it does not know, so that operator and agent
// of neighbouring versions understand each other. Secrets and SQL text never go in here.

import { z } from "zod";
import { parseJson } from "../base/json.ts";
import { WAIT_REASONS, type WaitReason } from "./conditions.ts";
import { recoveryPlanSchema } from "./recovery-plan.ts";

export type { WaitReason } from "./conditions.ts";

export const INSTANCE_STATES = [
  "Starting", // mysqld is coming up
  "Down", // mysqld does not answer
  "Offline", // mysqld answers and is in no group
  "Recovering", // in the group, catching up
  "Online", // in the group, applying
  "Error", // Group Replication stopped with an error
  "Unreachable", // in the group, but this member sees no majority
  "Unknown", // could not be observed
] as const;

export const waitReasons = Object.keys(WAIT_REASONS) as [WaitReason, ...WaitReason[]];

const memberSchema = z.object({
  host: z.string(),
  serverUuid: z.string(),
  state: z.string(), // MEMBER_STATE as the server spells it
  role: z.string(), // MEMBER_ROLE as the server spells it
});

const instanceReportSchema = z.object({
  observedAt: z.string(), // RFC 3339
  serverUuid: z.string().optional(),
  serverVersion: z.string().optional(),
  state: z.enum(INSTANCE_STATES),
  role: z.enum(["primary", "secondary"]).optional(),
  quorum: z.boolean(),
  viewId: z.string().optional(),
  groupName: z.string().optional(),
  clusterName: z.string().optional(), // as in the AdminAPI metadata of this instance
  members: z.array(memberSchema), // this instance's view of the group, sorted by host
  hasData: z.boolean(), // the data directory was initialised and ever held a transaction of a group
  mysqldRestarts: z.number().int().min(0), // by the loop in the container, since the Pod started
  action: z.object({ type: z.string(), since: z.string(), attempt: z.number().int() }).optional(),
  plan: recoveryPlanSchema.optional(), // what a person has to approve before this instance goes on
  progress: z.string().optional(), // of getting what it lacks from the group, coarse
  waiting: z.object({ reason: z.enum(waitReasons), message: z.string(), since: z.string() })
    .optional(),
});

export type InstanceReport = z.infer<typeof instanceReportSchema>;
export type InstanceState = InstanceReport["state"];
export type ReportedMember = InstanceReport["members"][number];

/** The report in an annotation's text; undefined if there is none or it is not one. */
export function parseInstanceReport(text: string | undefined): InstanceReport | undefined {
  if (text === undefined) return undefined;
  const result = instanceReportSchema.safeParse(parseJson(text));
  return result.success ? result.data : undefined;
}

/** The annotation's text: members sorted by host, keys in the order of the schema. */
export function renderInstanceReport(report: InstanceReport): string {
  return JSON.stringify(normalise(report));
}

/** Whether two reports say the same; the times at which they were observed do not count. */
export function sameMeaning(a: InstanceReport | undefined, b: InstanceReport | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return meaningOf(a) === meaningOf(b);
}

function meaningOf(report: InstanceReport): string {
  return JSON.stringify({ ...normalise(report), observedAt: "" });
}

function normalise(report: InstanceReport): InstanceReport {
  const members = report.members.toSorted((a, b) => a.host < b.host ? -1 : a.host > b.host ? 1 : 0);
  return instanceReportSchema.parse({ ...report, members });
}
