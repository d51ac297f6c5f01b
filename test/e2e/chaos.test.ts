// Every kind of fault once, alone, in the order of a seed, under the write checker: the short form of
// scripts/chaos.sh. CHAOS_SEED gives another order.

import process from "node:process";
import t from "tap";
import { faultTable, verdictText } from "../../scripts/chaos/report.ts";
import { runChaos } from "../../scripts/chaos/run.ts";
import { KINDS } from "../../scripts/chaos/schedule.ts";
import { restrictedNamespace } from "./namespace.ts";

const seed = Number(process.env.CHAOS_SEED ?? 1);

t.test(`chaos of seed ${seed}`, async (t) => {
  const kinds = Object.keys(KINDS).length;
  const { outcomes, verdict } = await runChaos({
    namespace: await restrictedNamespace(t, "chaos"),
    seed,
    isOver: (faults) => faults >= kinds,
    mostSeconds: 12,
    say: (text) => t.comment(text),
  });
  t.comment(`${faultTable(outcomes)}\n${verdictText(verdict)}`);
  t.equal(verdict.unhealed, "", "whole again after each");
  t.equal(verdict.faults, kinds);
  t.ok(
    verdict.acknowledged > 0 && verdict.reads > 0 && verdict.direct > 0,
    "clients did something",
  );
  const { lost, lostDirect } = verdict;
  t.strictSame(
    { lost, lostDirect },
    { lost: [], lostDirect: [] },
    "no acknowledged row is missing",
  );
  t.strictSame(verdict.twice, [], "none is there twice");
  const { splits, twoBehind } = verdict;
  t.strictSame({ splits, twoBehind }, { splits: 0, twoBehind: 0 }, "never two primaries");
  // Told, and not held to 0: for part of a second a primary that is shut down or was expelled answers reads.
  t.comment(`${verdict.stale} of ${verdict.reads} reads were stale`);
});
