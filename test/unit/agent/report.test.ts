import t from "tap";
import { type AgentAction, wait } from "../../../src/agent/actions.ts";
import { renderReport, type ReportInput } from "../../../src/agent/report.ts";
import {
  parseInstanceReport,
  renderInstanceReport,
  sameMeaning,
} from "../../../src/api/instance-report.ts";
import type { RecoveryPlan } from "../../../src/api/recovery-plan.ts";
import * as a from "./builders.ts";

const STEADY: AgentAction = { type: "steady" };
const input = (changes: Partial<ReportInput> = {}): ReportInput => ({
  facts: a.facts(0),
  decision: STEADY,
  mysqldRestarts: 0,
  everHadData: false,
  time: "2026-01-01T00:01:00Z",
  ...changes,
});
const with_ = (ordinal: number, local: ReturnType<typeof a.up>) => a.facts(ordinal, { local });

const PLAN: RecoveryPlan = {
  hash: "abc",
  action: "RestartGroup",
  seed: "main-0",
  members: [{ name: "main-0", fate: "Seed", gtids: a.DATA }],
};

const TABLE: readonly [name: string, input: ReportInput, expect: object][] = [
  ["an ONLINE primary", input(), {
    state: "Online",
    role: "primary",
    quorum: true,
    serverUuid: a.uuidOf(0),
    serverVersion: "9.7.4",
    groupName: a.GROUP,
    clusterName: "main",
    hasData: true,
    waiting: undefined,
  }],
  [
    "a primary that leaves for its disk still says why",
    input({
      facts: a.facts(0, { disk: { type: "full", since: 0, detail: "" } }),
      decision: { type: "leave-group" },
      running: { type: "leave-group", since: "", attempt: 1 },
    }),
    { state: "Online", waiting: { reason: "DiskFull" }, action: { type: "leave-group" } },
  ],
  [
    "a member without the majority",
    input({
      facts: with_(
        0,
        a.up(a.member(0, {
          members: [a.row(0), ...[1, 2].map((n) => a.row(n, { state: "UNREACHABLE" }))],
        })),
      ),
      decision: wait("NoQuorum", "text"),
    }),
    {
      state: "Unreachable",
      role: undefined,
      quorum: false,
      waiting: { reason: "NoQuorum", message: "text", since: "2026-01-01T00:01:00Z" },
    },
  ],
  [
    "a plan that waits for approval",
    input({ decision: { ...wait("CompleteOutage", "text"), plan: PLAN } }),
    { plan: PLAN, waiting: { reason: "CompleteOutage" } },
  ],
  [
    "a plan that is being carried out is no longer waiting",
    input({
      decision: { ...wait("CompleteOutage", "text"), plan: PLAN },
      running: { type: "reboot-cluster", since: "s", attempt: 1 },
    }),
    { plan: undefined, waiting: undefined, action: { type: "reboot-cluster" } },
  ],
  [
    "a clone into it",
    input({
      running: { type: "add-instance", since: "s", attempt: 1 },
      progress: "clone: FILE COPY 40 %",
    }),
    { action: { type: "add-instance" }, progress: "clone: FILE COPY 40 %" },
  ],
  ["an empty server", input({ facts: with_(1, a.up(a.outside(1), a.EMPTY)) }), {
    state: "Offline",
    hasData: false,
    members: [],
    quorum: false,
  }],
  [
    "a server that is down remembers its data",
    input({
      facts: a.facts(1, { local: { server: "down", at: a.NOW, detail: "x" } }),
      everHadData: true,
      before: renderReport(input()),
    }),
    { state: "Down", hasData: true, serverUuid: a.uuidOf(0) },
  ],
  [
    "the Lease is another agent's",
    input({
      decision: { type: "add-instance", via: "h:1", method: "clone" },
      leaseHolder: "main-1_uid",
    }),
    { waiting: { reason: "WaitingForLease", message: /main-1_uid/ } },
  ],
  [
    "something is being done",
    input({
      decision: wait("Recovering", "x"),
      running: { type: "add-instance", since: "2026-01-01T00:00:00Z", attempt: 2 },
    }),
    { action: { type: "add-instance", attempt: 2 }, waiting: undefined },
  ],
];

for (const [name, input, expect] of TABLE) {
  t.test(`renderReport() of ${name}`, (t) => {
    const report = renderReport(input);
    t.match(report, expect);
    t.same(parseInstanceReport(renderInstanceReport(report)), report, "is one");
    t.end();
  });
}

t.test("renderReport() keeps since when the reason stays", (t) => {
  const decision = wait("WaitingForPrimary", "text");
  const before = renderReport(input({ decision }));
  const after = renderReport(input({ decision, before, time: "2026-01-01T00:02:00Z" }));
  t.equal(after.waiting?.since, before.waiting?.since);
  t.ok(sameMeaning(before, after), "nothing to write");
  const other = renderReport(input({ decision: wait("NoQuorum", "x"), before, time: "later" }));
  t.equal(other.waiting?.since, "later");
  t.end();
});
