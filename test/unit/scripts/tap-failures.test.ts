// What the end of a failed run says, from TAP as tap writes it.

import t from "tap";
import { failuresOf } from "../../../scripts/tap-failures.ts";

const DIFF = `
---
diff: |
  --- expected
  +++ actual
  @@ -1,1 +1,1 @@
  -2
  +1
at:
  columnNumber: 3
  fileName: test/a.test.ts
  lineNumber: 7
source: |
  t.equal(1, 2);
...`;

/** Text, moved in by so many levels of nesting. */
const nested = (depth: number, text: string) =>
  text.split("\n").map((line) => " ".repeat(depth * 4) + line).join("\n");
/** Details stand two further spaces in. */
const details = (text: string) => text.split("\n").map((line) => line && `  ${line}`).join("\n");

const STREAMED = [
  "TAP version 14",
  "# Subtest: outer",
  nested(1, "ok 1 - fine\n# Subtest: inner"),
  nested(2, `not ok 1 - same${details(DIFF)}`),
  nested(1, `not ok 2 - inner # time=3ms${details(DIFF)}`),
  `not ok 1 - outer # time=4ms${details(DIFF)}`,
  "# Subtest: next",
  nested(1, "ok 1 - same"),
  "ok 2 - next # time=1ms",
].join("\n");

t.test("only the innermost failure is named, with its path, place and difference", async (t) => {
  t.strictSame(failuresOf(STREAMED, "node22 test/a.test.ts"), [[
    "node22 test/a.test.ts > outer > inner > same (test/a.test.ts:7)",
    "    diff: |",
    "      --- expected",
    "      +++ actual",
    "      @@ -1,1 +1,1 @@",
    "      -2",
    "      +1",
  ].join("\n")]);
});

t.test("a file's result that stands above its tests is not named beside them", async (t) => {
  const reported = `not ok 3 - test/a.test.ts # time=9ms\n# Subtest: test/a.test.ts\n${
    nested(1, STREAMED)
  }`;
  t.match(failuresOf(reported), [/^test\/a\.test\.ts > outer > inner > same/]);
  t.equal(failuresOf(reported).length, 1);
});

const ROWS: [name: string, tap: string, expected: string[]][] = [
  ["nothing failed", "ok 1 - a\n1..1\n# { total: 1, pass: 1 }", []],
  ["a test that failed without an assertion", "# Subtest: a\nnot ok 1 - a # time=1ms", ["a"]],
  [
    "two failures of one test",
    `# Subtest: a\n${nested(1, "not ok 1 - x\nnot ok 2 - y")}\nnot ok 1 - a`,
    ["a > x", "a > y"],
  ],
  [
    "the same name in two tests",
    `# Subtest: a\n${nested(1, "not ok 1 - x")}\nnot ok 1 - a\n# Subtest: b\n${
      nested(1, "ok 1 - x")
    }\nok 2 - b`,
    ["a > x"],
  ],
  ["details that never end", "not ok 1 - a\n  ---\n  error: cut", ["a\n    error: cut"]],
];

for (const [name, tap, expected] of ROWS) {
  t.test(name, async (t) => t.strictSame(failuresOf(tap), expected));
}

t.test("a difference of any length is cut short", async (t) => {
  const long = Array.from({ length: 500 }, (_, n) => `    +${n}`).join("\n");
  const [said = ""] = failuresOf(`not ok 1 - a\n  ---\n  diff: |\n${long}\n  ...`);
  t.ok(said.split("\n").length < 30);
  t.match(said, /\.\.\. \d+ more lines$/);
});
