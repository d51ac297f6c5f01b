import t from "tap";
import {
  type InstanceReport,
  parseInstanceReport,
  renderInstanceReport,
  sameMeaning,
} from "../../../src/api/instance-report.ts";

const online: InstanceReport = {
  observedAt: "2026-01-02T03:04:05Z",
  serverUuid: "u0",
  serverVersion: "9.7.4",
  state: "Online",
  role: "primary",
  quorum: true,
  viewId: "17:3",
  groupName: "g",
  clusterName: "main",
  members: [
    { host: "main-0.main", serverUuid: "u0", state: "ONLINE", role: "PRIMARY" },
    { host: "main-1.main", serverUuid: "u1", state: "ONLINE", role: "SECONDARY" },
  ],
  hasData: true,
  mysqldRestarts: 0,
};
const starting: InstanceReport = {
  observedAt: "2026-01-02T03:04:05Z",
  state: "Starting",
  quorum: false,
  members: [],
  hasData: false,
  mysqldRestarts: 1,
  action: { type: "create-cluster", since: "2026-01-02T03:04:00Z", attempt: 1 },
  waiting: { reason: "ServerStarting", message: "wait", since: "2026-01-02T03:04:00Z" },
};

t.test("parseInstanceReport() reads what renderInstanceReport() wrote", async (t) => {
  for (const report of [online, starting]) {
    t.strictSame(parseInstanceReport(renderInstanceReport(report)), report);
  }
});

t.test("renderInstanceReport() does not depend on the order of members and keys", async (t) => {
  const { members, ...rest } = online;
  const shuffled = { members: members.toReversed(), ...rest };
  t.equal(renderInstanceReport(shuffled), renderInstanceReport(online));
});

t.test("parseInstanceReport() takes a report of a newer agent and drops what it does not know", async (t) => {
  const text = JSON.stringify({ ...starting, colour: "red" });
  t.strictSame(parseInstanceReport(text), starting);
});

t.test("parseInstanceReport() gives undefined for anything else", async (t) => {
  const rows = {
    none: undefined,
    empty: "",
    "no JSON": "{",
    "no object": "[]",
    "an unknown state": JSON.stringify({ ...online, state: "Odd" }),
    "an unknown reason": JSON.stringify({
      ...starting,
      waiting: { ...starting.waiting, reason: "Odd" },
    }),
    "a missing field": JSON.stringify({ ...online, quorum: undefined }),
  };
  for (const [name, text] of Object.entries(rows)) {
    t.equal(parseInstanceReport(text), undefined, name);
  }
});

t.test("sameMeaning() ignores when it was observed, and nothing else", async (t) => {
  t.ok(sameMeaning(online, { ...online, observedAt: "2026-02-02T03:04:05Z" }));
  t.ok(sameMeaning(online, { ...online, members: online.members.toReversed() }));
  t.ok(sameMeaning(undefined, undefined));
  t.notOk(sameMeaning(online, undefined));
  t.notOk(sameMeaning(online, { ...online, role: "secondary" }));
  t.notOk(sameMeaning(online, { ...online, viewId: "17:4" }));
  t.notOk(sameMeaning(starting, { ...starting, waiting: undefined }));
});
