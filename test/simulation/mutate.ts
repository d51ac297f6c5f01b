// `node test/simulation/mutate.ts [SEEDS] [NAME…]`: takes each guard away in turn, in a copy of the sources, and
// says what of the simulation notices (first.ts). With EACH=1 the parts of those that are several changes are
// also tried alone; with RECORD=1 the numbers are written to mutations.txt.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";

type Change = { readonly file: string; readonly from: string; readonly to: string };
type Mutation = {
  readonly name: string;
  readonly changes: readonly Change[];
  /** The test that holds what the simulation does not have. */
  readonly test: string | undefined;
};

const { EACH, RECORD } = process.env;
const LIST = join(import.meta.dirname, "mutations.txt");
const ROOT = resolve(import.meta.dirname, "../..");
const FILES: Readonly<Record<string, string>> = { case: "found.ts", day: "directed.ts" };

function readMutations(text: string): Mutation[] {
  return text.split("\n# ").slice(1).map((block) => {
    const [head = "", ...changes] = block.split("\n@ ");
    const [name = "", said = ""] = head.split("\n");
    const test = /^= (unit\/\S+)/.exec(said)?.[1];
    return { name, changes: changes.map(readChange), test };
  });
}

function readChange(text: string): Change {
  const [file = "", ...lines] = text.split("\n");
  const of = (sign: string): string =>
    lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(1)).join("\n");
  return { file: file.includes("/") ? file : `src/agent/${file}`, from: of("-"), to: of("+") };
}

function copySources(): string {
  const copy = mkdtempSync(join(tmpdir(), "mutate-"));
  for (const part of ["src", "test", "package.json"]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** What the simulation says; empty: nothing. */
function tryChanges(copy: string, { changes, name, test }: Mutation, seeds: string): string {
  const before = new Map<string, string>();
  try {
    for (const { file, from, to } of changes) {
      const text = readFileSync(join(copy, file), "utf8");
      if (!text.includes(from)) throw new Error(`${file} has no such line any more: ${from}`);
      if (!before.has(file)) before.set(file, text);
      writeFileSync(join(copy, file), text.replace(from, () => to));
    }
    return test === undefined ? run(copy, seeds, name) : runTest(copy, test);
  } finally {
    for (const [file, text] of before) writeFileSync(join(copy, file), text);
  }
}

function run(copy: string, seeds: string, name: string): string {
  const how = { cwd: copy, encoding: "utf8", timeout: 900_000 } as const;
  const { status, stderr, stdout } = spawnSync(
    "node",
    ["test/simulation/first.ts", seeds, name],
    how,
  );
  if (status !== 0) throw new Error(stderr.trim().slice(0, 500) || "no end");
  return stdout.trim();
}

function runTest(copy: string, test: string): string {
  const { status } = spawnSync("node", [`test/${test}`], { cwd: copy, encoding: "utf8" });
  return status === 0 ? "" : test;
}

function record(name: string, seen: string, seeds: string): void {
  const [, count] = /^seed (\d+)/.exec(seen) ?? [];
  const [, file = "", found] = /^the (case|day) "(.*?)":/.exec(seen) ?? [];
  const where = count === undefined ? found && `${FILES[file]}: ${found}` : `${count} seeds`;
  const line = `= ${where ?? `not in ${seeds} seeds`}`;
  const blocks = readFileSync(LIST, "utf8").split("\n# ").map((block) => {
    if (!block.startsWith(`${name}\n`)) return block;
    return block.replace(/\n=.*/, "").replace("\n", () => `\n${line}\n`);
  });
  writeFileSync(LIST, blocks.join("\n# "));
}

const [seeds = "2000", ...names] = process.argv.slice(2);
const copy = copySources();
const tried = readMutations(readFileSync(LIST, "utf8"))
  .filter(({ name }) => names.length === 0 || names.includes(name));
let found = 0;
for (const mutation of tried) {
  const { changes, name, test } = mutation;
  try {
    const seen = tryChanges(copy, mutation, seeds);
    if (seen) found++;
    process.stdout.write(`${seen ? "found " : "MISSED"} ${name}${seen ? ` (${seen})` : ""}\n`);
    if (RECORD !== undefined && test === undefined) record(name, seen, seeds);
    for (const change of EACH !== undefined && changes.length > 1 ? changes : []) {
      const alone = tryChanges(copy, { name, changes: [change], test }, seeds) || "nothing";
      process.stdout.write(`       ${change.file} alone: ${alone}\n`);
    }
  } catch (error) {
    process.stdout.write(`BROKEN ${name}: ${error instanceof Error ? error.message : error}\n`);
  }
}
process.stdout.write(`${found} of ${tried.length} found\n`);
rmSync(copy, { recursive: true });
