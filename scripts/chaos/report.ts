// Pure: what a chaos run amounts to, as a table by kind of fault.

import { median } from "../bench/report.ts";
import type { Round } from "./schedule.ts";

export type Outcome = {
  readonly round: Round;
  /** Longest time without an acknowledged write, from the fault until the Cluster was whole. */
  readonly outageMs: number;
  /** From the end of the fault until the Cluster was whole. */
  readonly recoveryMs: number;
  /** Plans that had to be approved. */
  readonly manual: number;
};

/** What the clients saw and the members hold. */
export type Verdict = {
  readonly faults: number;
  /** Why the run ended early: what was not whole again in time, and how it was. Empty: everything was. */
  readonly unhealed: string;
  readonly acknowledged: number;
  readonly failed: number;
  /** Rows acknowledged through the Service that a member does not have, with its name. */
  readonly lost: readonly string[];
  /** The same of rows that members took directly. */
  readonly lostDirect: readonly string[];
  readonly twice: readonly string[];
  /** Reads through the primary Service, and those that lacked a row acknowledged before them. */
  readonly reads: number;
  readonly stale: number;
  /** Rows that members took directly, and moments at which two of them took some. */
  readonly direct: number;
  readonly splits: number;
  /** Moments with two Pods behind the primary Service. */
  readonly twoBehind: number;
  /** The first of each that must not be. */
  readonly firsts: readonly string[];
};

/** Whether nothing was seen that must not be. */
export function isGood(verdict: Verdict): boolean {
  const { lost, lostDirect, twice, stale, splits, twoBehind, unhealed } = verdict;
  const wrong = lost.length + lostDirect.length + twice.length + stale + splits + twoBehind;
  return unhealed === "" && wrong === 0;
}

const SHOWN = 10;

export function verdictText(verdict: Verdict): string {
  const { faults, acknowledged, failed, lost, twice, reads, stale, direct, splits } = verdict;
  const unhealed = verdict.unhealed === "" ? [] : [`not whole: ${verdict.unhealed}`];
  const wrong = [...unhealed, ...lost, ...verdict.lostDirect, ...twice, ...verdict.firsts]
    .slice(0, SHOWN).map((text) => `\n  ${text}`);
  return `${faults} faults, ${acknowledged} rows acknowledged, ${lost.length} lost, ${twice.length} duplicated, ` +
    `${splits} split brain (${direct} rows by members directly, ${verdict.lostDirect.length} of them lost, ${verdict.twoBehind} times two Pods behind the ` +
    `Service), ${stale} of ${reads} reads stale, ${failed} writes failed${wrong.join("")}`;
}

/** One row per kind that happened alone, one for two at once; times in seconds, median and worst. */
export function faultTable(outcomes: readonly Outcome[]): string {
  const groups = Map.groupBy(
    outcomes,
    ({ round }) => round.length === 1 ? round[0]?.kind ?? "" : "two at once",
  );
  const rows = [...groups].sort(([a], [b]) => a < b ? -1 : 1).map(([kind, of]) => [
    kind,
    String(of.length),
    seconds(of.map(({ outageMs }) => outageMs)),
    seconds(of.map(({ recoveryMs }) => recoveryMs)),
    String(of.reduce((sum, { manual }) => sum + manual, 0)),
  ]);
  const head = ["fault", "times", "write outage s", "recovery s", "manual steps"];
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return [head, head.map(() => "---"), ...rows].map(line).join("");
}

function seconds(values: readonly number[]): string {
  const show = (ms: number): string => (ms / 1000).toFixed(1);
  return `${show(median(values))} (worst ${show(Math.max(...values))})`;
}
