import t from "tap";
import { type Figure, figureTable, isMet } from "../../../scripts/bench/figures.ts";
import { type Change, rightAt } from "../../../scripts/bench/roles-right.ts";

t.test("isMet() holds the median or the worst to the bar", async (t) => {
  const figure = (of: Figure["of"], values: number[]): Figure => ({
    what: "",
    of,
    values,
    most: 2,
  });
  const rows: [Figure, boolean][] = [
    [figure("median", [1, 2, 9]), true],
    [figure("median", [1, 2.1, 9]), false],
    [figure("worst", [1, 2]), true],
    [figure("worst", [1, 2, 9]), false],
    [figure("worst", []), false],
    [{ what: "", of: "worst", values: [9] }, true],
  ];
  for (const [given, met] of rows) t.equal(isMet(given), met, JSON.stringify(given));
});

t.test("figureTable() says what is missed, and how many rows are wrong", async (t) => {
  const values = [1, 2, 6];
  const figures: Figure[] = [
    { what: "a", of: "median", values, most: 2 },
    { what: "b", of: "worst", values, most: 5 },
    { what: "c", of: "worst", values },
  ];
  const lines = figureTable(figures, 3).split("\n").map((line) => line.replace(/ +/g, " "));
  t.match(lines[2], "| a | 2.00 | 1.00 | 6.00 | ≤ 2 s (median) | met |");
  t.match(lines[3], "| b | 2.00 | 1.00 | 6.00 | ≤ 5 s (worst) | MISSED |");
  t.match(lines[4], "| c | 2.00 | 1.00 | 6.00 | | |");
  t.match(lines[5], /\| 3 .*\| 0 \| MISSED \|/);
  t.match(figureTable([], 0), /\| met +\|/);
});

t.test("rightAt() waits for the Service, the new label and the end of the old one", async (t) => {
  const change = (at: number, of: string, value: string): Change => ({ at, of, value });
  const before = [change(1, "p-0", "primary"), change(1, "Service", "p-0"), change(1, "p-1", "s")];
  const [moved, labelled] = [change(20, "Service", "p-1"), change(30, "p-1", "primary")];
  const ended = change(40, "p-0", "<no");
  const rows: [string, Change[], number, number | undefined][] = [
    ["one after the other", [...before, moved, labelled, ended], 10, 40],
    [
      "in any order",
      [...before, change(5, "p-0", "<no"), labelled, change(35, "Service", "p-1")],
      10,
      35,
    ],
    ["the Service did not move", [...before, labelled, ended], 10, undefined],
    ["two are labelled primary", [...before, moved, labelled], 10, undefined],
    ["seen before the log line's time", [...before, moved, labelled, ended], 50, 50],
    [
      "wrong again is not right",
      [...before, moved, labelled, ended, change(45, "Service", "p-0")],
      50,
      undefined,
    ],
    [
      "right at first does not excuse it",
      [...before, moved, labelled, ended, change(45, "p-2", "primary"), change(60, "p-2", "s")],
      50,
      60,
    ],
  ];
  for (const [name, changes, from, expected] of rows) {
    t.equal(rightAt(changes, "p-1", from), expected, name);
  }
});
