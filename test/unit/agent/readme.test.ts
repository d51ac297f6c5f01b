// The README's decision table names only what exists, and everything that exists.

import { existsSync, readFileSync } from "node:fs";
import t from "tap";
import { ACTION_TYPES } from "../../../src/agent/actions.ts";
import { WAIT_REASONS } from "../../../src/api/conditions.ts";

const FOLDER = new URL("../../../src/agent/", import.meta.url);
const readme = readFileSync(new URL("README.md", FOLDER), "utf8");
const [, table = ""] = readme.split("## Decisions");
const rows = (table.split("\n## ")[0] ?? "").split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| situation"));
const words = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");

t.test("every row decides something that exists", (t) => {
  const known = new Set<string>([...ACTION_TYPES, ...Object.keys(WAIT_REASONS)]);
  t.ok(rows.length > 20);
  for (const row of rows) {
    const decision = row.split(" | ").at(-1) ?? "";
    t.ok(words(decision).some((word) => known.has(word)), row);
  }
  t.end();
});

t.test("every action and every reason has a row", (t) => {
  const named = new Set(rows.flatMap(words));
  for (const type of ACTION_TYPES.filter((type) => type !== "wait")) t.ok(named.has(type), type);
  for (const reason of Object.keys(WAIT_REASONS)) t.ok(named.has(reason), reason);
  t.end();
});

t.test("every file it names is there", (t) => {
  const files = words(readme).filter((word) => /^[a-z-]+\.ts$/.test(word));
  t.ok(files.length > 10);
  for (const file of files) t.ok(existsSync(new URL(file, FOLDER)), file);
  t.end();
});
