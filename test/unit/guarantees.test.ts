// The tables of guarantees (src/kube/README.md) name the code that keeps each one and the test that fails
// when it is broken. Whoever renames or removes either has to say here what became of the guarantee.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const README = "src/kube/README.md";

type Row = { guarantee: string; where: string; test: string };

/** Rows of the tables whose columns are `guarantee | where | test`. */
function rowsOf(text: string): Row[] {
  const tables = text.split(/^\| guarantee \| where \| test \|\n\|[-|]+\|\n/m).slice(1);
  return tables.flatMap((table) => {
    const lines = table.split("\n");
    const end = lines.findIndex((line) => !line.startsWith("|"));
    return lines.slice(0, end).map((line) => {
      const [, guarantee = "", where = "", test = ""] = line.split(/(?<!\\)\|/).map((cell) =>
        cell.trim()
      );
      return { guarantee, where, test };
    });
  });
}

/** What is wrong with a row, as sentences: missing files, names that are not in them, unknown titles. */
function problemsOf({ guarantee, where, test }: Row): string[] {
  const [file = "", ...names] = [...where.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
  const source = textOf(join("src/kube", file));
  if (source === undefined) return [`${guarantee}: ${file} does not exist`];
  const lost = names.filter((name) => !source.includes(name));
  const proofs = test.split("<br>").map((proof) => /^`([^`]+)` (.+)$/.exec(proof.trim()));
  const unproven = proofs.flatMap((proof) => {
    const [, path = "", title = ""] = proof ?? [];
    const text = textOf(`test/${path}.test.ts`);
    if (text === undefined) return [`${guarantee}: test/${path}.test.ts does not exist`];
    return text.includes(title) ? [] : [`${guarantee}: ${path} has no test «${title}»`];
  });
  return [...lost.map((name) => `${guarantee}: ${file} has no ${name}`), ...unproven];
}

function textOf(path: string): string | undefined {
  const whole = join(ROOT, path);
  return path.endsWith(".ts") && existsSync(whole) ? readFileSync(whole, "utf8") : undefined;
}

t.test("every guarantee names code and a test that exist", async (t) => {
  const rows = rowsOf(readFileSync(join(ROOT, README), "utf8"));
  t.ok(rows.length >= 60, `${rows.length} guarantees`);
  t.strictSame(rows.flatMap(problemsOf), []);
});

t.test("the check sees what is missing", async (t) => {
  const row = {
    guarantee: "g",
    where: "`store.ts` `StoreWriter`",
    test: "`unit/kube/store` synced",
  };
  t.strictSame(problemsOf(row), []);
  t.match(problemsOf({ ...row, where: "`nowhere.ts`" }), [/nowhere\.ts does not exist/]);
  t.match(problemsOf({ ...row, where: "`store.ts` `Nothing`" }), [/store\.ts has no Nothing/]);
  t.match(problemsOf({ ...row, test: "`unit/kube/no`  x" }), [/no\.test\.ts does not exist|null/]);
  t.match(problemsOf({ ...row, test: "`unit/kube/store` no such title" }), [/no such title/]);
});
