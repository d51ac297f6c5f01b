// The five conditions of a Cluster: each a short ladder, the first rung that fits gives status, reason and
// message. Pure.
//
//   Ready        everything in the spec is applied and every member is ONLINE
//   Available    there is a primary with a quorum, whatever else is wrong
//   Progressing  something moves by itself towards Ready
//   Degraded     the group has lost members that it had, or its redundancy is less than it looks
//   Upgradeable  the version may be changed now
// A message says what is waited for and what a person can do; `kubectl describe` alone must explain.

import type { NewCondition, Reason, WaitReason } from "../../api/conditions.ts";
import { isTrue } from "../../api/conditions.ts";
import type { Condition } from "../../api/kinds.ts";
import type { Instance } from "./instances.ts";
import type { Pass } from "./status.ts";

export type Census = {
  readonly members: number;
  readonly instances: readonly Instance[];
  readonly online: readonly Instance[];
  readonly primaries: readonly Instance[];
};

/** Commits of an ONLINE member wait: it is a member in name only. */
const DISK: readonly WaitReason[] = ["DiskFull", "DiskStalled"];

/** Waits that end only when a person or a lost member comes, the gravest first. */
const GRAVE: readonly WaitReason[] = [
  "SplitBrain",
  "DataLost",
  "Diverged",
  "ForeignData",
  "CompleteOutage",
  "Replaced",
  "NoQuorum",
  ...DISK,
  "IncompatibleServer",
  "ActionFailed",
];

type Verdict = Pick<NewCondition, "status" | "reason" | "message">;
type Facts = Pass & Census & {
  readonly created: boolean;
  /** Not ONLINE, or as good as not. */
  readonly absent: readonly Instance[];
};

export function deriveConditions(pass: Pass, census: Census): NewCondition[] {
  const { cluster } = pass.snapshot;
  const generation = cluster.metadata.generation;
  const facts = {
    ...pass,
    ...census,
    created: cluster.status?.bootstrap?.at !== undefined,
    absent: census.instances.filter((one) => one.state !== "Online" || isStuck(one)),
    primaries: census.primaries.filter((one) => !isStuck(one)),
  };
  const verdicts = {
    Ready: ready(facts),
    Available: available(facts),
    Progressing: progressing(facts),
    Degraded: degraded(facts),
    Upgradeable: upgradeable(facts),
  } as const;
  return Object.entries(verdicts).map(([type, verdict]) => ({
    type: type as keyof typeof verdicts,
    ...verdict,
    ...(generation !== undefined && { observedGeneration: generation }),
  }));
}

function ready(facts: Facts): Verdict {
  const { plan: { verdict, settled }, failure, online, instances, members } = facts;
  if (verdict.state !== "free" && verdict.state !== "paused") {
    return no(verdict.reason, verdict.message);
  }
  if (failure !== undefined) return no("ReconcileFailed", failure);
  const refusals = settled?.refusals ?? [];
  if (refusals.length > 0) return no("ChangeRefused", refusals.join(". "));
  const count = `${online.length} of ${members} members are ONLINE`;
  if (online.length < members || instances.some(isStuck)) {
    return no(shortfall(facts), `${count}. ${explain(facts)}`);
  }
  if (verdict.state === "paused") return yes("Paused", `${count}. ${verdict.message}`);
  const waits = explain(facts);
  return yes("AllMembersOnline", waits === "" ? count : `${count}. ${waits}`);
}

/** Why fewer members than wanted are ONLINE. */
function shortfall(facts: Facts): Reason {
  const { plan: { verdict }, absent, created } = facts;
  const grave = gravest(facts);
  if (grave !== undefined) return grave;
  if (verdict.state === "paused") return verdict.reason;
  if (absent.some(({ problem }) => problem !== undefined)) return "PodPending";
  if (!created) return "Creating";
  return lostMembers(facts) ? "MembersNotOnline" : "Joining";
}

function available(facts: Facts): Verdict {
  const { primaries, instances, created } = facts;
  if (primaries.length > 0) {
    const names = primaries.map(({ name }) => name).join(", ");
    return yes("PrimaryOnline", `${names} ${primaries.length > 1 ? "accept" : "accepts"} writes`);
  }
  if (!created) return no("NoGroup", `The group has not been created yet. ${explain(facts)}`);
  if (instances.every(({ report }) => report === undefined)) {
    return no("NoReport", `No agent has reported. ${explain(facts)}`);
  }
  return no(
    gravest(facts) ?? "NoPrimary",
    `No member is an ONLINE primary that takes writes. ${explain(facts)}`,
  );
}

function progressing(facts: Facts): Verdict {
  const { plan: { verdict }, failure, absent, created } = facts;
  if (verdict.state !== "free") return no(verdict.reason, verdict.message);
  if (failure !== undefined) return yes("ReconcileFailed", `Tried again: ${failure}`);
  if (absent.length === 0) return no("Stable", "Nothing is under way");
  const grave = gravest(facts);
  if (grave !== undefined) return no(grave, explain(facts));
  const reason = !created ? "Creating" : lostMembers(facts) ? "Rejoining" : "Joining";
  return yes(reason, explain(facts));
}

function degraded(facts: Facts): Verdict {
  const { created, absent, members, plan: { settled } } = facts;
  if (created && absent.length > 0 && lostMembers(facts)) {
    return yes(gravest(facts) ?? "MemberDown", explain(facts));
  }
  const spec = settled?.context.spec;
  if (spec !== undefined && spec.volumeClaimTemplate === undefined) {
    return no(
      "EphemeralStorage",
      "Without spec.volumeClaimTemplate a member's data dies with its Pod",
    );
  }
  if (members === 1) return no("SingleMember", "One member tolerates no failure");
  if (members % 2 === 0) {
    const message = `${members} members tolerate no more failures than ${members - 1}`;
    return no("EvenMembers", message);
  }
  return no("AsExpected", "No member is missing");
}

function upgradeable({ instances }: Facts): Verdict {
  const versions = new Set(instances.flatMap(({ report }) => report?.serverVersion ?? []));
  if (versions.size > 1) {
    return no("MixedVersions", `The members run ${[...versions].sort().join(", ")}`);
  }
  return no("ChangeRefused", "Changing the version of a running group is not available yet");
}

/**
 * Whether an absent member was in the group before. Once that is so it stays so until all are back,
 * because a Pod that was replaced has told nothing yet.
 */
function lostMembers({ snapshot: { cluster }, absent, created }: Facts): boolean {
  if (!created) return false;
  const before = cluster.status;
  if (isTrue(before?.conditions as Condition[] | undefined, "Degraded")) return true;
  return absent.some(({ name, report }) =>
    report?.hasData || before?.instances?.find((one) => one.name === name)?.state === "Online"
  );
}

function isStuck({ report }: Instance): boolean {
  return report?.waiting !== undefined && DISK.includes(report.waiting.reason);
}

function gravest({ instances }: Facts): WaitReason | undefined {
  const waits = new Set(instances.flatMap(({ report }) => report?.waiting?.reason ?? []));
  return GRAVE.find((reason) => waits.has(reason));
}

/** One clause for each instance that is not ONLINE or that waits for something. */
function explain({ instances }: Facts): string {
  const clauses = instances
    .filter(({ state, report }) => state !== "Online" || report?.waiting !== undefined)
    .map(({ name, state, message }) => `${name} is ${state}${message ? ` (${message})` : ""}`);
  return clauses.join("; ");
}

function yes(reason: Reason, message: string): Verdict {
  return { status: "True", reason, message };
}

function no(reason: Reason, message: string): Verdict {
  return { status: "False", reason, message };
}
