// What a seed makes happen, and what the table of a chaos run says.

import t from "tap";
import { faultTable, isGood, type Verdict, verdictText } from "../../../scripts/chaos/report.ts";
import { type Kind, KINDS, type Round, schedule } from "../../../scripts/chaos/schedule.ts";

const kinds = Object.keys(KINDS).sort();

function first(count: number, seed: number): Round[] {
  const rounds = schedule(seed, 3);
  return Array.from({ length: count }, () => rounds.next().value ?? []);
}

t.test("the same seed is the same run, another one is not", (t) => {
  t.strictSame(first(60, 7), first(60, 7));
  t.notSame(first(60, 7), first(60, 8));
  t.end();
});

t.test("every kind comes once and alone before any comes again or with another", (t) => {
  const begin = first(kinds.length, 7);
  t.ok(begin.every((round) => round.length === 1));
  t.strictSame(begin.flatMap((round) => round.map(({ kind }) => kind)).sort(), kinds);
  t.end();
});

t.test("later rounds have one or two different kinds, and every kind comes", (t) => {
  const later = first(400, 7).slice(kinds.length);
  t.ok(later.every((round) => new Set(round.map(({ kind }) => kind)).size === round.length));
  t.strictSame([...new Set(later.map((round) => round.length))].sort(), [1, 2]);
  const lost = later.filter((round) =>
    round.some(({ kind }) => kind === "delete Pod with its volume")
  );
  t.ok(lost.length > 0 && lost.every(({ length }) => length === 1), "a volume is lost alone");
  t.strictSame([...new Set(later.flat().map(({ kind }) => kind))].sort(), kinds);
  t.end();
});

t.test("a fault hits a member that there is and lasts as long as its kind may", (t) => {
  for (const { kind, target, holdMs } of first(400, 7).flat()) {
    const [from, to] = KINDS[kind];
    t.ok(target >= 0 && target < 3 && holdMs >= from * 1000 && holdMs <= to * 1000, kind);
  }
  t.end();
});

t.test("the table has a row for each kind that came alone, and one for two at once", (t) => {
  const fault = (kind: Kind) => ({ kind, target: 0, holdMs: 0 });
  const outcome = (round: Round, outageMs: number, manual = 0) => ({
    round,
    outageMs,
    recoveryMs: 2 * outageMs,
    manual,
  });
  const table = faultTable([
    outcome([fault("kill mysqld")], 1000),
    outcome([fault("full disk"), fault("kill agent")], 4000, 1),
    outcome([fault("kill mysqld")], 3000),
  ]);
  t.equal(
    table,
    `| fault | times | write outage s | recovery s | manual steps |
| --- | --- | --- | --- | --- |
| kill mysqld | 2 | 2.0 (worst 3.0) | 4.0 (worst 6.0) | 0 |
| two at once | 1 | 4.0 (worst 4.0) | 8.0 (worst 8.0) | 1 |
`,
  );
  t.end();
});

t.test("no fault is held for longer than asked, nor for less than its shortest", (t) => {
  const rounds = schedule(7, 3, 12);
  for (let count = 0; count < 60; count++) {
    const round: Round = rounds.next().value ?? [];
    for (const { kind, holdMs } of round) {
      const [from] = KINDS[kind];
      t.ok(holdMs >= from * 1000 && holdMs <= Math.max(12, from) * 1000, `${kind} ${holdMs}`);
    }
  }
  t.end();
});

t.test("a verdict is good only if nothing was seen that must not be", (t) => {
  const good: Verdict = {
    ...{ faults: 15, acknowledged: 9, failed: 3, lost: [], lostDirect: [], twice: [] },
    ...{ reads: 5, stale: 0, direct: 4, splits: 0, twoBehind: 0, firsts: [], unhealed: "" },
  };
  t.ok(isGood(good));
  const wrong: Partial<Verdict>[] = [
    { lost: ["7 main-1"] },
    { lostDirect: ["8 main-1"] },
    { twice: ["7\t2"] },
    { stale: 1 },
    { splits: 1 },
    { twoBehind: 1 },
    { unhealed: "main-0 is Recovering" },
  ];
  for (const one of wrong) t.notOk(isGood({ ...good, ...one }), JSON.stringify(one));
  const text = verdictText({ ...good, lost: ["7 main-1"], splits: 2 });
  t.match(text, "15 faults, 9 rows acknowledged, 1 lost, 0 duplicated, 2 split brain");
  t.match(text, "\n  7 main-1");
  t.end();
});
