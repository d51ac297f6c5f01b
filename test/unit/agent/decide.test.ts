// The decision table: every situation in it, and that together they reach everything that can be decided.

import { readFileSync } from "node:fs";
import t from "tap";
import { ACTION_TYPES } from "../../../src/agent/actions.ts";
import { decide, needsMore } from "../../../src/agent/decide.ts";
import { WAIT_REASONS } from "../../../src/api/conditions.ts";
import * as a from "./builders.ts";
import { DOWN, offline, testDecisions } from "./situations.ts";
import { DISK } from "./table-disk.ts";
import { JOIN } from "./table-join.ts";
import { MEMBER } from "./table-member.ts";
import { OUTAGE, withoutMain2 } from "./table-outage.ts";
import { RETURN } from "./table-return.ts";

const TABLE = [...MEMBER, ...RETURN, ...JOIN, ...OUTAGE, ...DISK];
testDecisions(TABLE);

/** What the table decides, as the README spells it: actions, and reasons of waits. */
const decided = new Set(TABLE.map(({ facts }) => {
  const action = decide(facts);
  return action.type === "wait" ? action.reason : action.type;
}));

t.test("the table reaches every action and every reason, and so does the README", (t) => {
  t.ok(TABLE.length >= 80, `${TABLE.length} situations`);
  // Not decided but seen by the actor: the Lease is another agent's (report.test.ts).
  const reasons = Object.keys(WAIT_REASONS).filter((reason) => reason !== "WaitingForLease");
  const actions = ACTION_TYPES.filter((type) => type !== "wait");
  t.same([...decided].sort(), [...reasons, ...actions].sort());
  const readme = readFileSync(new URL("../../../src/agent/README.md", import.meta.url), "utf8");
  const section = readme.split("## Decisions")[1]?.split("\n## ")[0] ?? "";
  const cells = section.split("\n").filter((line) => line.startsWith("| "))
    .map((line) => line.split(" | ").at(-1) ?? "");
  const named = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word));
  for (const word of decided) t.ok(named.includes(word), `README: ${word}`);
  t.end();
});

t.test("needsMore()", (t) => {
  t.notOk(needsMore({ local: a.up(a.member(1)) }, true), "a steady member asks nobody");
  t.ok(needsMore({ local: a.up(a.member(0)) }, false), "until the creation is recorded");
  t.ok(needsMore({ local: offline() }, true));
  t.notOk(needsMore({ local: DOWN }, true));
  const recovering = a.member(1, { members: [a.row(1, { state: "RECOVERING" })] });
  t.notOk(needsMore({ local: a.up(recovering) }, true));
  const unknown = a.data({ metadata: a.metadata(0) });
  t.ok(needsMore({ local: a.up(a.member(1), unknown) }, true), "not in the metadata");
  t.end();
});

t.test("a plan that waits for approval says the command, and what it costs", (t) => {
  const action = decide(withoutMain2(1));
  const { message = "", plan } = action.type === "wait" ? action : {};
  t.ok(plan);
  t.match(
    message,
    `kubectl annotate --overwrite -n db mysqlcluster main mysql.oracle.com/approve-plan=${plan?.hash}`,
  );
  t.match(message, "what main-2 alone holds cannot be known");
  const early = decide(withoutMain2(1, a.cluster()));
  t.match(early, { message: /main-2 may still be running|it may still be running/ });
  t.notMatch(early, { message: /kubectl annotate/ }, "what cannot be approved is not offered");
  t.end();
});
