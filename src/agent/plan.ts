// Pure: plans that a person has to approve: their hash, whether one is approved, and how to say so.

import { APPROVE_PLAN_ANNOTATION } from "../api/labels.ts";
import type { RecoveryPlan } from "../api/recovery-plan.ts";
import { shortHash } from "../base/hash.ts";
import { describeGtidSet, unionGtidSets } from "../mysql/gtid.ts";
import type { DataFacts } from "../mysql/queries.ts";
import type { ClusterFacts, Facts } from "./facts.ts";

/** The plan with its hash: over everything in it, so that an approval never fits another plan. */
export function sealPlan(plan: Omit<RecoveryPlan, "hash">): RecoveryPlan {
  return { hash: shortHash(JSON.stringify(plan)), ...plan };
}

/** What a person may approve: what a diverged member has of its own leaves the group. */
export function planReclone(
  { self }: Facts,
  { data }: { readonly data: DataFacts },
  errant: string,
): RecoveryPlan {
  const gtids = unionGtidSets(data.executed, data.received);
  return sealPlan({
    action: "Reclone",
    seed: "",
    members: [{
      name: self.pod,
      fate: data.conflict === "" ? "Reclone" : "Differs",
      gtids,
      ...(errant === "" ? {} : { beyond: errant }),
    }],
  });
}

/** Approved, and not carried out before. */
export function isApproved({ hash }: RecoveryPlan, cluster: ClusterFacts): boolean {
  return cluster.approvedPlan === hash && cluster.donePlan !== hash;
}

/** The exact command that approves a plan. */
export function approval({ hash }: RecoveryPlan, { self }: Facts): string {
  return `kubectl annotate --overwrite -n ${self.namespace} mysqlcluster ${self.clusterName} ` +
    `${APPROVE_PLAN_ANNOTATION}=${hash}`;
}

/** What the plan costs, member by member. */
export function describePlan(plan: RecoveryPlan): string {
  return plan.members.map(({ name, fate, gtids, beyond, stopped }) => {
    switch (fate) {
      case "Seed":
        return `${name} (${describeGtidSet(gtids ?? "")}) is the seed`;
      case "Rejoin":
        return `${name} holds nothing beyond that`;
      case "Diverges":
        return `${name} also holds ${describeGtidSet(beyond ?? "")} and stays outside`;
      case "Reclone":
        return `${name} loses ${describeGtidSet(beyond ?? "")}, which is saved as a file first`;
      case "Differs":
        return `${name} loses its rows; its logs are saved first`;
      case "Absent":
        return `what ${name} alone holds cannot be known, and it ${
          stopped === true ? "is known to have stopped" : "may still be running"
        }`;
    }
  }).join("; ");
}
