// Reading the tables of the repository's Markdown pages.

import { readFileSync } from "node:fs";

/** The text of a file, by its path from the root of the repository. */
export function read(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
}

/** The cells of the rows of a section's tables, without head and line. */
export function rowsOf(text: string, heading: string): string[][] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** What stands in backquotes. */
export const quoted = (cell = ""): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
