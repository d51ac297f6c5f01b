// `node test/simulation/mutate.ts [SEEDS] [NAME…]`: takes each guard away in turn, in a copy of the sources,
// and says whether the simulation notices.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";

type Mutation = { name: string; file: string; from: string; to: string };

function readMutations(text: string): Mutation[] {
  return text.split("\n# ").slice(1).map((block) => {
    const [name = "", file = "", ...lines] = block.split("\n");
    const of = (sign: string): string =>
      lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(1)).join("\n");
    return { name, file: file.slice(2), from: of("-"), to: of("+") };
  });
}

const [seeds = "2000", ...names] = process.argv.slice(2);
const root = resolve(import.meta.dirname, "../..");
const copy = mkdtempSync(join(tmpdir(), "mutate-"));
for (const part of ["src", "test", "package.json"]) {
  cpSync(join(root, part), join(copy, part), { recursive: true });
}
symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
let found = 0;
const mutations = readMutations(
  readFileSync(join(import.meta.dirname, "mutations.txt"), "utf8"),
);
const tried = mutations.filter(({ name }) => names.length === 0 || names.includes(name));
for (const { file, from, name, to } of tried) {
  const path = join(copy, "src/agent", file);
  const text = readFileSync(path, "utf8");
  if (!text.includes(from)) {
    process.stdout.write(`GONE   ${name}: ${file} has no such line any more\n`);
    continue;
  }
  writeFileSync(path, text.replace(from, () => to));
  const run = spawnSync("node", ["test/simulation/first.ts", seeds], {
    cwd: copy,
    encoding: "utf8",
    timeout: 600_000,
  });
  writeFileSync(path, text);
  const seen = run.stdout.trim();
  if (run.status !== 0) process.stdout.write(`BROKEN ${run.stderr.trim().slice(0, 300)}\n`);
  if (seen) found++;
  process.stdout.write(`${seen ? "found " : "MISSED"} ${name}${seen ? ` (${seen})` : ""}\n`);
}
process.stdout.write(`${found} of ${tried.length} found\n`);
rmSync(copy, { recursive: true });
