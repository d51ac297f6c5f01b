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
