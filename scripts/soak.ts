// A day and more of a client's life in minutes: 100,000 watch restarts and 1,000 reloads of credentials,
// with what the process holds in between. Exits 1 if that is not flat.
//
//   node scripts/soak.ts [RESTARTS [RELOADS]]

import process from "node:process";
import { growth, type Sample, soak } from "../test/contract/soak.ts";

const SAMPLES = 10;
const [restarts, reloads] = [process.argv[2] ?? "100000", process.argv[3] ?? "1000"].map(Number);

const COLUMNS: [title: string, of: (sample: Sample) => string | number][] = [
  ["restarts", ({ restarts }) => restarts],
  ["reloads", ({ reloads }) => reloads],
  ["heap MiB", ({ heap }) => (heap / (1 << 20)).toFixed(2)],
  ["RSS MiB", ({ rss }) => (rss / (1 << 20)).toFixed(0)],
  ["handles", ({ handles }) => handles],
  ["listeners", ({ listeners }) => listeners],
  ["streams", ({ streams }) => streams],
  ["sessions", ({ sessions }) => sessions],
];

const row = (cells: readonly (string | number)[]) =>
  process.stdout.write(`${cells.map((cell) => String(cell).padStart(10)).join("")}\n`);

row(COLUMNS.map(([title]) => title));
const each = Math.ceil((restarts ?? 0) / SAMPLES);
const samples = await soak({
  warmUp: each,
  restarts: each,
  reloads: Math.ceil((reloads ?? 0) / SAMPLES),
  samples: SAMPLES,
  onSample: (sample) => row(COLUMNS.map(([, of]) => of(sample))),
});
const found = growth(samples);
process.stdout.write(`${found.length === 0 ? "flat" : found.join("\n")}\n`);
process.exitCode = found.length === 0 ? 0 : 1;
