import t from "tap";
import { digest } from "../../../scripts/bench/driver.ts";
import {
  clientTable,
  judge,
  median,
  type Sample,
  spread,
  table,
  verdictTable,
} from "../../../scripts/bench/report.ts";

t.test("median() of runs in any order", async (t) => {
  const rows: [number[], number][] = [[[3], 3], [[3, 1, 2], 2], [[10, 9, 1, 2], 5.5]];
  for (const [values, expected] of rows) t.equal(median(values), expected, values.join());
  t.throws(() => median([]), /nothing/);
});

t.test("spread() shows the median and the extremes", async (t) => {
  t.equal(spread([2, 1, 4], 1), "2.0 (1.0–4.0)");
  t.equal(spread([], 1), "–", "nothing was measured");
});

const runs = (client: string, cpuS: number[]): Sample[] =>
  cpuS.map((cpuS) => ({ client, cpuS, wallS: 1, peakMb: 100, eventCpuUs: 50 }));

t.test("judge() compares medians, not means or extremes", async (t) => {
  const samples = [...runs("ours", [1, 1, 90]), ...runs("peer", [4, 4, 0.1])];
  const bar = { what: "CPU", of: "cpuS", peer: "peer", most: 0.25 } as const;
  t.match(judge(samples, "ours", [bar]), [{ ratio: 0.25, met: true }], "a bar that is just met");
  t.match(judge(samples, "ours", [{ ...bar, most: 0.24 }]), [{ met: false }]);
});

t.test("judge() refuses to judge what was not measured", async (t) => {
  const samples = [...runs("ours", [1]), { client: "parse", eventCpuUs: 40 }];
  const bar = { what: "CPU", of: "cpuS", most: 1 } as const;
  t.throws(() => judge(samples, "ours", [{ ...bar, peer: "absent" }]), /no run of absent/);
  t.throws(() => judge(samples, "ours", [{ ...bar, peer: "parse" }]), /no run of parse/);
});

t.test("the tables name every client, and say which bar is missed", async (t) => {
  const samples = [...runs("ours", [1, 2, 3]), { client: "parse", eventCpuUs: 40 }];
  const lines = clientTable(samples).split("\n");
  t.equal(lines.length, 4);
  t.match(lines[2], /^\| ours +\| 2\.00 \(1\.00–3\.00\) .*\| 50 \(50–50\) +\| 20000 +\|$/);
  t.match(lines[3], /^\| parse +\| – +\| – +\| – +\| 40 \(40–40\) +\| 25000 +\|$/);
  const bar = { what: "CPU", of: "cpuS", peer: "peer", most: 0.5 } as const;
  const shown = verdictTable([{ bar, ratio: 0.4, met: true }, { bar, ratio: 0.6, met: false }]);
  t.match(shown, /0\.40 × .* met/);
  t.match(shown, /0\.60 × .* MISSED/);
  const widths = new Set(table([["a", "bbbb"], ["cccccc", "d"]]).split("\n").map((l) => l.length));
  t.equal(widths.size, 1, "columns are aligned");
});

t.test("digest() depends on keys and versions and on nothing else", async (t) => {
  const pod = (name: string, resourceVersion: string) => ({
    metadata: { namespace: "bench", name, resourceVersion },
  });
  const [one, two] = [pod("a", "1"), pod("b", "2")];
  t.equal(digest([one, two]), digest([two, one]));
  t.not(digest([one, two]), digest([one, pod("b", "3")]));
  t.not(digest([one, two]), digest([one, pod("c", "2")]));
  t.match(digest([one, two]), /^2 [0-9a-f]{64}$/);
});
