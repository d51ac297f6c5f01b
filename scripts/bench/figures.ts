// Pure: what the runs of a bench of a whole Cluster amount to: seconds against bars that are absolute.

import { median, table } from "./report.ts";

export type Figure = {
  readonly what: string;
  readonly of: "median" | "worst";
  /** Seconds, one of each run. */
  readonly values: readonly number[];
  /** Unset: told for information. */
  readonly most?: number;
};

/** Whether the figure keeps its bar; one that nothing was measured of does not. */
export function isMet({ of, values, most = Infinity }: Figure): boolean {
  return values.length > 0 && (of === "median" ? median(values) : Math.max(...values)) <= most;
}

/** One row per figure, then one for the rows that were acknowledged and are not everywhere, once. */
export function figureTable(figures: readonly Figure[], wrongRows: number): string {
  const rows = figures.map((figure) => {
    const { what, of, values, most } = figure;
    const verdict = isMet(figure) ? "met" : "MISSED";
    return most === undefined
      ? [what, ...summary(values), "", ""]
      : [what, ...summary(values), `≤ ${most} s (${of})`, verdict];
  });
  const wrong = ["acknowledged rows lost or twice", String(wrongRows), "", "", "0"];
  const head = ["", "median s", "best s", "worst s", "bar", ""];
  return table([head, ...rows, [...wrong, wrongRows === 0 ? "met" : "MISSED"]]);
}

function summary(values: readonly number[]): string[] {
  if (values.length === 0) return ["–", "–", "–"];
  const of = [median(values), Math.min(...values), Math.max(...values)];
  return of.map((value) => value.toFixed(2));
}
