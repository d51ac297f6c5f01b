// Every Event that this controller can emit, and when: only on a change, found by comparing the stored
// status with the derived one. Pure. Because the stored status survives the operator, so does the knowledge
// of what was said already: a restart repeats nothing.

import type { ClusterStatus, InstanceStatus } from "../../api/cluster.ts";
import { type ConditionType, findCondition, WAIT_REASONS } from "../../api/conditions.ts";
import type { EventContent } from "../recorder.ts";
import type { Condition } from "../../api/kinds.ts";
import type { Performed } from "../apply.ts";
import { alreadyExists, type ClusterVerdict } from "./classify.ts";
import type { OwnStatus } from "./status.ts";

/** The catalogue; README.md has the same table, and a test compares them. */
export const EVENTS = {
  Synced: { type: "Normal", when: "objects were made or changed and every write succeeded" },
  ErrResourceExists: { type: "Warning", when: "an object under a name that we need is not ours" },
  FailedValidation: { type: "Warning", when: "the stored spec is refused" },
  ReferenceMissing: { type: "Warning", when: "a Secret or ConfigMap, or a key in it, is missing" },
  ChangeRefused: { type: "Warning", when: "a change of a running Cluster is not carried out" },
  ReconcileFailed: { type: "Warning", when: "a request to the API server failed" },
  Ready: { type: "Normal", when: "every member has become ONLINE" },
  Available: { type: "Normal", when: "a primary accepts writes again, or for the first time" },
  Unavailable: { type: "Warning", when: "there is no ONLINE primary any more" },
  Degraded: { type: "Warning", when: "the group has lost a member" },
  Recovered: { type: "Normal", when: "all lost members are back" },
  PrimaryChanged: { type: "Normal", when: "another member has become primary" },
  InstanceRestarted: { type: "Warning", when: "mysqld ended and was started again inside its Pod" },
  InstanceWaiting: {
    type: "Normal",
    when: "an agent has begun to wait; the message has its reason",
  },
  InstanceStuck: {
    type: "Warning",
    when: "the same, for a reason that needs a member or a person",
  },
} as const satisfies Record<string, { type: EventContent["type"]; when: string }>;

export type EventReason = keyof typeof EVENTS;

export type Change = {
  readonly before: ClusterStatus | undefined;
  readonly after: OwnStatus;
  readonly verdict: ClusterVerdict;
  readonly performed: Performed;
};

/** Waits that pass by themselves; the others are worth a warning. */
const PASSING = new Set([
  "ServerStarting",
  "WaitingForLease",
  "WaitingForPrimary",
  "WaitingForPeers",
  "WaitingForView",
  "Recovering",
]);

/** What has happened between two states, in the order in which a person would tell it. */
export function eventsOf(change: Change): EventContent[] {
  return [
    ...foreignObjects(change),
    ...refusals(change),
    ...synced(change),
    ...transitions(change),
    ...instances(change),
  ];
}

/** The API server refuses an Event whose message is longer. */
const LONGEST_MESSAGE = 1024;

function event(reason: EventReason, text: string): EventContent {
  const message = text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE - 1)}…`;
  return { type: EVENTS[reason].type, reason, message };
}

/** One for each object, as in the original; not again while it stays in the way. */
function foreignObjects({ before, verdict }: Change): EventContent[] {
  if (verdict.state !== "blocked") return [];
  const ready = condition(before, "Ready");
  const told = ready?.reason === "ResourceExists" ? ready.message : "";
  return (verdict.foreign ?? []).map(alreadyExists)
    .filter((sentence) => !told.includes(sentence))
    .map((sentence) => event("ErrResourceExists", sentence));
}

const REFUSALS = {
  InvalidSpec: "FailedValidation",
  ReferenceMissing: "ReferenceMissing",
  ChangeRefused: "ChangeRefused",
  ReconcileFailed: "ReconcileFailed",
} as const;

function refusals({ before, after }: Change): EventContent[] {
  const [was, is] = [condition(before, "Ready"), condition(after, "Ready")];
  const reason = is && REFUSALS[is.reason as keyof typeof REFUSALS];
  if (!is || reason === undefined || was?.reason === is.reason && was.message === is.message) {
    return [];
  }
  return [event(reason, is.message)];
}

function synced({ performed: { done, failure } }: Change): EventContent[] {
  if (done.length === 0 || failure !== undefined) return [];
  const objects = done.map(({ object, reason }) =>
    `${object.kind} ${object.metadata.name} (${reason})`
  );
  return [event("Synced", `Cluster synced successfully: ${objects.join(", ")}`)];
}

function transitions({ before, after }: Change): EventContent[] {
  const events: EventContent[] = [];
  const turned = (type: ConditionType, to: Condition["status"]) =>
    condition(after, type)?.status === to && (condition(before, type)?.status ?? "False") !== to;
  const message = (type: ConditionType) => condition(after, type)?.message ?? "";
  if (turned("Available", "True")) events.push(event("Available", message("Available")));
  if (turned("Available", "False")) events.push(event("Unavailable", message("Available")));
  if (before?.primary && after.primary && before.primary !== after.primary) {
    events.push(event("PrimaryChanged", `The primary is ${after.primary}, was ${before.primary}`));
  }
  if (turned("Degraded", "True")) events.push(event("Degraded", message("Degraded")));
  if (turned("Degraded", "False")) events.push(event("Recovered", message("Ready")));
  if (turned("Ready", "True")) events.push(event("Ready", message("Ready")));
  return events;
}

function instances({ before, after }: Change): EventContent[] {
  return (after.instances ?? []).flatMap((is) => {
    const was = before?.instances?.find(({ name }) => name === is.name);
    const restarts = is.restarts ?? 0;
    const reason = waitReason(is);
    return [
      ...(restarts > (was?.restarts ?? 0)
        ? [event("InstanceRestarted", `mysqld of ${is.name} was started again (${restarts} times)`)]
        : []),
      ...(reason !== undefined && reason !== waitReason(was)
        ? [event(
          PASSING.has(reason) ? "InstanceWaiting" : "InstanceStuck",
          `${is.name} is ${is.state}: ${is.message}`,
        )]
        : []),
    ];
  });
}

/** A wait stands at the beginning of an instance's message (instances.ts). */
function waitReason(instance: InstanceStatus | undefined): string | undefined {
  const word = instance?.message?.split(":")[0];
  return word !== undefined && Object.hasOwn(WAIT_REASONS, word) ? word : undefined;
}

function condition(
  status: Pick<ClusterStatus, "conditions"> | undefined,
  type: ConditionType,
): Condition | undefined {
  return findCondition(status?.conditions as Condition[] | undefined, type);
}
