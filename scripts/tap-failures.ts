// Pure: what failed in a TAP text, short enough to be repeated at the end of a long log. Of nested tests
// only the innermost that failed is named, by its path; of its details only what says what was wrong.

const MOST_LINES = 24;
/** Details that say where and how, not what: they stand in the log above. */
const NOISE =
  /^(at|source|handles|events|compare|args|stdio|cwd|externalID|command|jobId|tapCaught|stack)\b/;

type Failure = { path: string[]; where: string; details: string[] };

/** One text of several lines for each failed assertion; also for a test that failed without one. */
export function failuresOf(tap: string, label?: string): string[] {
  const failures = collect(tap.split("\n"));
  const isInside = (inner: string[], outer: string[]): boolean =>
    inner.length > outer.length && outer.every((name, depth) => inner[depth] === name);
  return failures
    .filter(({ path }) => !failures.some((other) => isInside(other.path, path)))
    .map(({ path, where, details }) => {
      const title = [...(label === undefined ? [] : [label]), ...path].join(" > ") + where;
      const rest = details.length - MOST_LINES;
      const shown = details.slice(0, MOST_LINES);
      if (rest > 0) shown.push(`... ${rest} more lines`);
      return [title, ...shown.map((line) => `    ${line}`)].join("\n");
    });
}

function collect(lines: string[]): Failure[] {
  const failures: Failure[] = [];
  const names: string[] = [];
  for (const [at, line] of lines.entries()) {
    const [, indent = "", kind, text = ""] = /^( *)(# Subtest: |not ok \d+ - )(.*)$/.exec(line) ??
      [];
    if (kind === undefined) continue;
    const depth = indent.length / 4;
    names.length = Math.min(names.length, depth);
    const name = text.replace(/ # time=.*$/, "");
    if (kind === "# Subtest: ") names[depth] = name;
    else {
      const block = blockAfter(lines, at);
      const path = [...names.slice(0, depth), name];
      failures.push({ path, where: whereOf(block), details: detailsOf(block) });
    }
  }
  return failures;
}

/** The lines between `---` and `...` under a result, without their indentation. */
function blockAfter(lines: string[], at: number): string[] {
  const [indent] = /^ */.exec(lines[at] ?? "") ?? [""];
  if (lines[at + 1] !== `${indent}  ---`) return [];
  const end = lines.indexOf(`${indent}  ...`, at);
  return lines.slice(at + 2, end < 0 ? undefined : end).map((line) =>
    line.slice(indent.length + 2)
  );
}

function whereOf(block: string[]): string {
  const at = block.slice(block.indexOf("at:"));
  const [file, line] = ["fileName", "lineNumber"].map((key) =>
    at.find((text) => text.startsWith(`  ${key}: `))?.split(": ")[1]
  );
  return file === undefined ? "" : ` (${file}:${line})`;
}

function detailsOf(block: string[]): string[] {
  let noise = false;
  return block.filter((line) => {
    if (/^\S/.test(line)) noise = NOISE.test(line);
    return !noise;
  });
}
