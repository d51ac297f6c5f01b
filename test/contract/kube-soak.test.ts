// A short soak: thousands of watch restarts and a hundred reloads of credentials leave nothing behind.
// scripts/soak.ts is the long one.

import t from "tap";
import { growth, type Sample, soak } from "./soak.ts";

t.setTimeout(200_000);

t.test("watch restarts and new credentials leave nothing behind", async (t) => {
  const samples = await soak({
    warmUp: 4000,
    restarts: 1500,
    reloads: 35,
    samples: 3,
    onSample: (sample) => t.comment(JSON.stringify(sample)),
  });
  t.strictSame(growth(samples), []);
});

const FLAT: Sample = {
  restarts: 0,
  reloads: 0,
  heap: 20 << 20,
  rss: 100 << 20,
  handles: 12,
  listeners: 8,
  streams: 8,
  sessions: 2,
};

const ROWS: [name: string, change: Partial<Sample>, said: RegExp | undefined][] = [
  ["a heap that breathes", { heap: FLAT.heap + 700_000 }, undefined],
  ["a heap that grows", { heap: FLAT.heap + 3_000_000 }, /^heap grew from 20971520 to 23971520$/],
  ["one listener that was left", { listeners: 9 }, /^listeners grew/],
  ["one stream that was left", { streams: 9 }, /^streams grew/],
  ["a second connection", { sessions: 3, handles: 14 }, undefined],
  ["timers that were left", { handles: 50 }, /^handles grew/],
];

for (const [name, change, said] of ROWS) {
  t.test(`${name} is ${said ? "growth" : "flat"}`, async (t) => {
    const found = growth([FLAT, { ...FLAT, ...change }]);
    if (said) t.match(found, [said]);
    t.equal(found.length, said ? 1 : 0);
  });
}
