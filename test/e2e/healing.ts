// What "whole again" means while the operator is away: everything but its status.

import { ROLE_LABEL } from "../../src/api/labels.ts";
import { type Database, everyoneIsOnline, getPods } from "./database.ts";
import { kubectlJson } from "./kubectl.ts";
import { type Seen, waitFor } from "./wait.ts";

export type Healed = (database: Database, members: number, limitMs?: number) => Promise<void>;

/** Waits until the group, the role labels and the Services are right without an operator. */
export async function healedByItself(
  database: Database,
  members: number,
  limitMs = 120_000,
): Promise<void> {
  await waitFor(
    `${database.name} healed without the operator`,
    limitMs,
    () => groupIsWhole(database, members),
  );
}

/**
 * Waits for `healed` and that it stays so: for some seconds after a server is killed its group has not
 * noticed and still looks whole. The dead server itself does not answer, which ends the look as well.
 */
export async function rightAsBefore(
  database: Database,
  members: number,
  { healed, limitMs }: { healed: Healed; limitMs: number },
): Promise<void> {
  const end = Date.now() + limitMs;
  for (;;) {
    await healed(database, members, Math.max(1000, end - Date.now()));
    if (await staysWhole(database, members, SUSPICION_MS)) return;
    if (Date.now() > end) {
      throw new Error(`${database.name} did not stay whole within ${limitMs / 1000} s`);
    }
  }
}

/** As rightAsBefore; returns when it was first seen whole and then stayed so, in milliseconds since 1970. */
export async function wholeAt(
  database: Database,
  members: number,
  { healed, limitMs }: { healed: Healed; limitMs: number },
): Promise<number> {
  let at = 0;
  const noted: Healed = async (...args) => {
    await healed(...args);
    at = Date.now();
  };
  await rightAsBefore(database, members, { healed: noted, limitMs });
  return at;
}

async function staysWhole(database: Database, members: number, forMs: number): Promise<boolean> {
  for (const end = Date.now() + forMs; Date.now() < end;) {
    if (await groupIsWhole(database, members).catch(() => "gone") !== true) return false;
  }
  return true;
}

async function groupIsWhole(database: Database, members: number): Promise<Seen> {
  const pods = await getPods(database);
  const online = await everyoneIsOnline(database, pods, members);
  if (online !== true) return online;
  const roles = pods.map((pod) => pod.metadata.labels?.[ROLE_LABEL] ?? "none")
    .sort();
  const expected = ["primary", ...Array(members - 1).fill("secondary")];
  if (roles.join() !== expected.join()) return `role labels are ${roles.join()}`;
  const primary = pods.find((pod) => pod.metadata.labels?.[ROLE_LABEL] === "primary");
  const leadsTo = await primaryServiceTarget(database);
  return leadsTo === primary?.metadata.name ||
    `the primary Service leads to ${leadsTo}, not ${primary?.metadata.name}`;
}

/** A group suspects a dead member after 5 to 6 s. */
const SUSPICION_MS = 8000;

async function primaryServiceTarget({ namespace, name }: Database): Promise<string | undefined> {
  type Service = { spec: { selector?: Record<string, string> } };
  const service = await kubectlJson<Service>([
    "-n",
    namespace,
    "get",
    "service",
    `${name}-primary`,
  ]);
  return service.spec.selector?.["statefulset.kubernetes.io/pod-name"];
}
