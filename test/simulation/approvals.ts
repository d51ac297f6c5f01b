// What a person has approved, and whether what is given up afterwards is what that plan said.

import type { RecoveryPlan } from "../../src/api/recovery-plan.ts";
import { subtractSets, type Transaction } from "./transactions.ts";

/** What is on the disk of the Pod of that name; undefined: nobody can see it. */
export type DiskOf = (pod: string) => { holds(transaction: Transaction): boolean } | undefined;

export class Approvals {
  readonly #plans = new Map<string, RecoveryPlan>();

  add(plan: RecoveryPlan): void {
    this.#plans.set(plan.hash, plan);
  }

  /** It was carried out: nothing is allowed by it any more. */
  spend(hash: string): void {
    this.#plans.delete(hash);
  }

  /** The plan of that hash by which this Pod may start the group again with those transactions. */
  restart(hash: string | undefined, seed: string, held: string): RecoveryPlan | undefined {
    const plan = this.#plans.get(hash ?? "");
    const own = plan?.members.find(({ name }) => name === seed);
    const fits = plan?.action === "RestartGroup" && plan.seed === seed &&
      subtractSets(own?.gtids ?? "", held) === "" &&
      plan.members.every(({ fate, stopped }) => fate !== "Absent" || stopped === true);
    return fits ? plan : undefined;
  }

  /** Whether this Pod may be given the group's data although that loses these transactions. */
  allowsReclone(hash: string | undefined, pod: string, lost: string): boolean {
    const plan = this.#plans.get(hash ?? "");
    const own = plan?.members.find(({ name }) => name === pod);
    return plan?.action === "Reclone" && own !== undefined &&
      subtractSets(lost, own.beyond ?? "") === "";
  }
}

/** Whether a plan said that the group would go on without this one. */
export function givesUp(plan: RecoveryPlan, transaction: Transaction, diskOf: DiskOf): boolean {
  const gtid = `${transaction.source}:${transaction.number}`;
  return plan.members.every(({ beyond = "", fate, name }) =>
    fate === "Absent" || diskOf(name)?.holds(transaction) !== true ||
    subtractSets(gtid, beyond) === ""
  );
}
