import t from "tap";
import { backoffDelay } from "../../../src/base/backoff.ts";

const OPTIONS = { baseMs: 100, maxMs: 1000, jitter: 0.5 };

for (
  const row of [
    { name: "is the base for the first attempt", attempt: 0, random: 0, want: 100 },
    { name: "doubles", attempt: 2, random: 0, want: 400 },
    { name: "stops at the maximum", attempt: 5, random: 0, want: 1000 },
    { name: "adds jitter on top of the maximum", attempt: 5, random: 1, want: 1500 },
    { name: "survives an overflowing exponent", attempt: 5000, random: 0, want: 1000 },
    { name: "counts a negative attempt as the first", attempt: -3, random: 0.5, want: 125 },
  ]
) {
  t.test(`backoffDelay() ${row.name}`, async (t) => {
    t.equal(backoffDelay(row.attempt, OPTIONS, () => row.random), row.want);
  });
}
