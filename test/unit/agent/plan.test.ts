import t from "tap";
import { planReclone } from "../../../src/agent/plan.ts";
import * as a from "./builders.ts";

const SOURCE = "bbbbbbbb-0000-0000-0000-000000000000";
const plan = (received: string) =>
  planReclone(
    a.facts(1),
    { data: a.data({ executed: `${SOURCE}:1-10:mysqlsh:1-3`, received }) },
    `${SOURCE}:10`,
  );

t.test("an approval holds while the server only forgets what it had received and executed", (t) => {
  t.same(plan(`${SOURCE}:1-8:mysqlsh:1-2`), plan(""));
  t.end();
});

t.test("it does not when there is more", (t) => {
  t.not(plan(`${SOURCE}:11`).hash, plan("").hash);
  t.end();
});
