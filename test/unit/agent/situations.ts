// Situations of the decision table, built of builders.ts, and how a table of them is tested.

import t from "tap";
import type { AgentAction } from "../../../src/agent/actions.ts";
import { decide } from "../../../src/agent/decide.ts";
import { type ClusterFacts, type Facts, NO_HISTORY } from "../../../src/agent/facts.ts";
import type { WaitReason } from "../../../src/api/instance-report.ts";
import * as a from "./builders.ts";

export const DOWN = { server: "down", at: a.NOW, detail: "refused" } as const;
export const VIA = a.addressOfOrdinal(0);
/** main-2 is out: its view is of the others. */
export const TWO = [a.row(0), a.row(1)];
export const others = (changes: Parameters<typeof a.peer>[1] = {}) =>
  [0, 1].map((n) => a.peer(n, { member: a.member(n, { members: TWO }), ...changes }));
export const offline = (facts = a.data()) => a.up(a.outside(2), facts);
export const out = (changes: Partial<Facts> = {}): Facts =>
  a.facts(2, { local: offline(), peers: others(), ...changes });
export const newcomer = (changes: Partial<Facts> = {}): Facts =>
  out({
    local: offline(a.EMPTY),
    peers: others({ data: a.data({ metadata: a.metadata(0, 1) }) }),
    relation: { ...a.SAME, missing: a.DATA },
    ...changes,
  });
export const failed = (failures: Record<string, number>, retryAt = 0) => ({
  ...NO_HISTORY,
  failures,
  retryAt,
  lastFailure: "add-instance failed: no route",
});
/** ordinal 0 of a Cluster whose group does not exist yet. */
export const unborn = (changes: Partial<Facts> = {}): Facts =>
  a.facts(0, {
    local: a.up(a.outside(0), a.EMPTY),
    peers: [1, 2].map((n) => a.peer(n, { member: a.outside(n), data: a.EMPTY })),
    cluster: a.UNBORN,
    relation: undefined,
    claims: [1, 2].map((n) => ({ address: a.addressOfOrdinal(n), mayHoldData: false })),
    ...changes,
  });
export const intent = (ordinal: number) =>
  a.cluster({ bootstrap: { instance: "main-0", serverUuid: a.uuidOf(ordinal) } });
export const alone = (ordinal: number) =>
  a.member(ordinal, { members: [a.row(ordinal, { role: "PRIMARY" })] });
export const mayHold = (
  ordinal: number,
) => [{ address: a.addressOfOrdinal(ordinal), mayHoldData: true }];
/** What each ordinal of an outage holds: so many transactions of the group, and perhaps some of its own. */
export type Held = Readonly<Record<number, number | readonly [common: number, own: string]>>;

/** As a server would compare them. */
export function compared(held: Held): NonNullable<Facts["outage"]> {
  const rows = Object.entries(held).map(([ordinal, value]) => {
    const [common, own] = typeof value === "number" ? [value, ""] : value;
    return { ordinal: Number(ordinal), common, own };
  });
  const sets = (...parts: string[]): string => parts.filter((part) => part !== "").join(",");
  return {
    holdings: rows.map(({ ordinal, common, own }) => ({
      address: a.addressOfOrdinal(ordinal),
      uuid: a.uuidOf(ordinal),
      gtids: sets(`${a.GROUP}:1-${common}`, own),
    })),
    beyond: rows.map((one) =>
      rows.map((other) =>
        one === other ? "" : sets(
          one.common > other.common ? `${a.GROUP}:${other.common + 1}-${one.common}` : "",
          one.own,
        )
      )
    ),
  };
}

/** The agent of an ordinal; `held` has who answers and has data, the other members are silent. */
export function outage(ordinal: number, held: Held, changes: Partial<Facts> = {}): Facts {
  const others = [0, 1, 2].filter((n) => n !== ordinal);
  return a.facts(ordinal, {
    local: a.up(a.outside(ordinal)),
    peers: others.map((n) => n in held ? a.peer(n, { member: a.outside(n) }) : a.silent(n)),
    relation: undefined,
    outage: compared(held),
    ...changes,
  });
}

export const approved = (facts: Facts, changes: Partial<ClusterFacts> = {}): Facts => {
  const action = decide(facts);
  const approvedPlan = action.type === "wait" ? action.plan?.hash : undefined;
  if (facts.cluster === undefined || approvedPlan === undefined) {
    throw new Error("no plan to approve");
  }
  return { ...facts, cluster: { ...facts.cluster, approvedPlan, ...changes } };
};

export type Expected = {
  type: AgentAction["type"];
  reason?: WaitReason;
  message?: string;
  via?: string;
  method?: string | undefined;
  startOver?: boolean;
  groupName?: string;
  errant?: string;
  conflict?: string;
  registered?: boolean;
  plan?: { action?: string; seed?: string; members?: readonly object[] };
};
export type Row = { name: string; facts: Facts; expect: Expected };
export const wait = (reason: WaitReason): Expected => ({ type: "wait", reason });

/** One test per row: the decision, that a wait says what for, and that it is the same again. */
export function testDecisions(table: readonly Row[]): void {
  t.equal(new Set(table.map(({ name }) => name)).size, table.length, "names are unique");
  for (const { name, facts, expect } of table) {
    t.test(`decide() ${name}`, (t) => {
      const action = decide(facts);
      t.match(action, JSON.parse(JSON.stringify(expect)), JSON.stringify(action));
      if (action.type === "wait") t.ok(action.message.length > 15, "says what is waited for");
      t.same(decide(facts), action, "twice the same");
      t.end();
    });
  }
}
