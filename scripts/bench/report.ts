// Pure: what the runs of `bench.sh watch` amount to: medians with their spread, ratios, and which bar is met.

/** What one run of one client used; of JSON.parse alone there is only the last. */
export type Sample = { client: string } & Partial<Record<Figure, number>>;

export type Figure = "cpuS" | "wallS" | "peakMb" | "eventCpuUs";

/** `ours` may be at most `most` times `peer` in `of`. */
export type Bar = {
  what: string;
  of: Figure;
  peer: string;
  most: number;
};

export type Verdict = { bar: Bar; ratio: number; met: boolean };

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("there is no median of nothing");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** "1.52 (1.48–1.60)": the median and between what the runs lay; "–" where there is nothing. */
export function spread(values: readonly number[], digits: number): string {
  if (values.length === 0) return "–";
  const show = (value: number): string => value.toFixed(digits);
  return `${show(median(values))} (${show(Math.min(...values))}–${show(Math.max(...values))})`;
}

/** Ratios of medians, ours to the peer's. A peer that did not run is an error. */
export function judge(samples: readonly Sample[], ours: string, bars: readonly Bar[]): Verdict[] {
  return bars.map((bar) => {
    const ratio = medianOf(samples, ours, bar.of) / medianOf(samples, bar.peer, bar.of);
    return { bar, ratio, met: ratio <= bar.most };
  });
}

function valuesOf(samples: readonly Sample[], client: string, of: Figure): number[] {
  return samples.filter((sample) => sample.client === client).flatMap((sample) => sample[of] ?? []);
}

function medianOf(samples: readonly Sample[], client: string, of: Figure): number {
  const values = valuesOf(samples, client, of);
  if (values.length === 0) throw new Error(`no run of ${client} gave its ${of}`);
  return median(values);
}

/** The table of clients: one row each, in the order of their first runs. */
export function clientTable(samples: readonly Sample[]): string {
  const header = [
    "client",
    "CPU to sync s",
    "wall s",
    "peak RSS MB",
    "CPU/event µs",
    "events/CPU s",
  ];
  const rows = [...new Set(samples.map(({ client }) => client))].map((client) => {
    const values = (of: Figure): number[] => valuesOf(samples, client, of);
    return [
      client,
      spread(values("cpuS"), 2),
      spread(values("wallS"), 2),
      spread(values("peakMb"), 0),
      spread(values("eventCpuUs"), 0),
      (1e6 / median(values("eventCpuUs"))).toFixed(0),
    ];
  });
  return table([header, ...rows]);
}

/** The table of bars: each with its ratio, the limit and whether it is met. */
export function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ bar, ratio, met }) => [
    bar.what,
    `${ratio.toFixed(2)} ×`,
    `≤ ${bar.most.toFixed(2)} × ${bar.peer}`,
    met ? "met" : "MISSED",
  ]);
  return table([["ours", "measured", "bar", ""], ...rows]);
}

/** A Markdown table whose columns are aligned for the eye as well. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return rows.flatMap((row, n) => n === 0 ? [line(row), rule] : [line(row)]).join("\n");
}
