// Plans that wait for a person, as that person sees them: the condition's message, the command in it, the status.

import type { Test } from "tap";
import type { RecoveryPlan } from "../../src/api/recovery-plan.ts";
import { condition, type Database, getCluster, getPods, sql } from "./database.ts";
import { kubectl } from "./kubectl.ts";
import { waitFor } from "./wait.ts";

export type Offer = {
  readonly plans: readonly RecoveryPlan[];
  /** Of the condition Ready. */
  readonly message: string;
  readonly hash: string;
};

const COMMAND = /kubectl (annotate --overwrite -n \S+ mysqlcluster \S+ \S+=([0-9a-f]+))/;

/** The plan that is offered now: its command, or with `message` whatever else the condition must say. */
export async function offerOf(
  database: Database,
  { message = COMMAND, reason }: { message?: RegExp; reason?: string } = {},
): Promise<Offer> {
  const object = await getCluster(database);
  const ready = condition(object, "Ready");
  const plans = object.status?.plans ?? [];
  const [plan] = plans;
  const fits = message.test(ready?.message ?? "") && (reason ?? ready?.reason) === ready?.reason;
  if (!fits || plan === undefined || ready === undefined) {
    throw new Error(`no plan: Ready is ${ready?.status} ${ready?.reason}: ${ready?.message}`);
  }
  return { plans, message: ready.message, hash: plan.hash };
}

/** Waits for one. */
export async function planFor(
  database: Database,
  wanted: { reason: string; message?: RegExp },
): Promise<Offer> {
  let offer: Offer | undefined;
  await waitFor(`a plan for ${wanted.reason}`, 120_000, async () => {
    offer = await offerOf(database, wanted);
    return true;
  });
  if (offer === undefined) throw new Error("no plan");
  return offer;
}

/** Runs the command that the condition prints. @throws if it does not approve the plan in the status */
export async function approve({ message, hash }: Offer): Promise<void> {
  const [, command = "", printed] = COMMAND.exec(message) ?? [];
  if (printed !== hash) throw new Error(`the message approves ${printed}, the status has ${hash}`);
  await kubectl(command.split(" "));
}

/** Approves a hash that is no plan's that could be carried out. */
export async function approveSomethingElse(
  { namespace, name }: Database,
  hash: string,
): Promise<void> {
  const annotation = `mysql.oracle.com/approve-plan=${hash}`;
  const cluster = ["-n", namespace, "mysqlcluster", name];
  await kubectl(["annotate", "--overwrite", ...cluster, annotation]);
}

/** Looks of the agent after which what it was told must have been seen: it looks ten times a second. */
const LOOKS = 150;

/** Asserts that nothing of the group changes while the agent of `pod` looks at everything again and again. */
export async function changesNothing(t: Test, database: Database, pod: string): Promise<void> {
  const before = await everything(database);
  const start = await looks(database, pod);
  await waitFor(`${LOOKS} looks of the agent of ${pod}`, 60_000, async () => {
    const seen = await looks(database, pod) - start;
    return seen >= LOOKS || `${seen}`;
  });
  t.strictSame(await everything(database), before, "nothing changes unless it is approved");
}

/** Statements that the server has answered, nearly all of its agent. */
async function looks(database: Database, pod: string): Promise<number> {
  const [row = ""] = await sql(database, pod, "SHOW GLOBAL STATUS LIKE 'Queries'");
  return Number(row.split("\t")[1]);
}

/** What a recovery would change: what is published, and state and data of every server that answers. */
async function everything(database: Database): Promise<unknown> {
  const { status } = await getCluster(database);
  // Not what it says of the others: whom it has lost is at first UNREACHABLE and then gone.
  const query = "SELECT @@gtid_executed, member_state FROM " +
    "performance_schema.replication_group_members WHERE member_id IN (@@server_uuid, '')";
  const servers = await Promise.all(
    (await getPods(database)).map(async ({ metadata: { name } }) => [
      name,
      await sql(database, name, query).catch(() => "does not answer"),
    ]),
  );
  return { plans: status?.plans, recovery: status?.recovery, servers };
}

/** What is kept of the transactions that a re-clone discarded: the list and the rows in the logs beside it. */
export async function errantFile({ namespace }: Database, pod: string): Promise<string> {
  const script = "cd $1../errant/* && cat transactions.txt && " +
    "mysqlbinlog --verbose --base64-output=DECODE-ROWS $(ls | grep -v transactions.txt)";
  const [datadir = ""] = await sql({ namespace, name: "" }, pod, "SELECT @@datadir");
  const shell = ["exec", pod, "-c", "mysql", "--", "/bin/sh", "-c", script, "sh", datadir];
  return await kubectl(["-n", namespace, ...shell]);
}
