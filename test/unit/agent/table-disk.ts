// The decision table: a disk that takes no writes.

import type { DiskTrouble, Facts } from "../../../src/agent/facts.ts";
import { PATIENCE_MS } from "../../../src/agent/decide-disk.ts";
import * as a from "./builders.ts";
import { DOWN, failed, offline, others, out, type Row, wait } from "./situations.ts";

const trouble = (type: DiskTrouble["type"], forMs = PATIENCE_MS): DiskTrouble => ({
  type,
  since: a.NOW - forMs,
  detail: "a write to it does not return",
});
const FULL = { disk: trouble("full") };
const STALLED = { disk: trouble("stalled") };
const LEAVE = { type: "leave-group" } as const;
const primary = (changes: Partial<Facts> = {}): Facts =>
  a.facts(0, { local: a.up(a.member(0)), ...changes });
const othersAre = (state: string): Facts["local"] =>
  a.up(
    a.member(0, { members: [a.row(0), a.row(1, { state }), a.row(2, { state: "RECOVERING" })] }),
  );

export const DISK: readonly Row[] = [
  { name: "full under a primary: another takes over", facts: primary(FULL), expect: LEAVE },
  { name: "frozen under a primary", facts: primary(STALLED), expect: LEAVE },
  {
    name: "full for a moment only",
    facts: primary({ disk: trouble("full", PATIENCE_MS - 1) }),
    expect: wait("DiskFull"),
  },
  {
    name: "full under a primary that could not leave just now",
    facts: primary({ ...FULL, history: failed({ "leave-group": 1 }, a.NOW + 1) }),
    expect: wait("DiskFull"),
  },
  {
    name: "frozen under the last member",
    facts: primary({ ...STALLED, local: othersAre("RECOVERING") }),
    expect: wait("DiskStalled"),
  },
  {
    name: "full under all: nobody has applied what came last",
    facts: primary({
      ...FULL,
      local: a.up(
        a.member(0, { members: [a.row(0), ...[1, 2].map((n) => a.row(n, { queued: 1 }))] }),
      ),
    }),
    expect: wait("DiskFull"),
  },
  {
    name: "full under all, by what they say",
    facts: primary({ ...FULL, cluster: a.cluster({ stuck: ["main-1", "main-2"] }) }),
    expect: wait("DiskFull"),
  },
  {
    name: "full under two of three, by what they say",
    facts: primary({ ...FULL, cluster: a.cluster({ stuck: ["main-1", "main-0"] }) }),
    expect: LEAVE,
  },
  {
    name: "full under two of three",
    facts: primary({
      ...FULL,
      local: a.up(a.member(0, { members: [a.row(0), a.row(1, { queued: 1 }), a.row(2)] })),
    }),
    expect: LEAVE,
  },
  {
    name: "frozen under a primary of many",
    facts: primary({ ...STALLED, self: { ...a.facts(0).self, multiPrimary: true } }),
    expect: wait("DiskStalled"),
  },
  {
    name: "full under a secondary: it stays",
    facts: a.facts(1, { local: a.up(a.member(1)), ...FULL }),
    expect: wait("DiskFull"),
  },
  { name: "full under a member outside", facts: out(FULL), expect: wait("DiskFull") },
  { name: "frozen under a member outside", facts: out(STALLED), expect: wait("DiskStalled") },
  {
    name: "full, and joining failed",
    facts: out({ ...FULL, history: failed({ "start-group-replication": 1 }, a.NOW + 1) }),
    expect: wait("DiskFull"),
  },
  {
    name: "full, and no server",
    facts: a.facts(1, { local: DOWN, ...FULL }),
    expect: wait("DiskFull"),
  },
  {
    name: "full, and what seems errant may wait in the others' memory: no plan is offered",
    facts: out({ ...FULL, relation: { ...a.SAME, errant: `${a.uuidOf(2)}:1` } }),
    expect: wait("DiskFull"),
  },
  {
    name: "full, and split: that is graver",
    facts: out({
      ...FULL,
      cluster: a.cluster({ bootstrap: { ...a.cluster().bootstrap, groupName: "another" } }),
    }),
    expect: wait("SplitBrain"),
  },
  {
    name: "full while paused",
    facts: out({ ...FULL, cluster: a.cluster({ paused: true }) }),
    expect: { type: "idle" },
  },
  {
    name: "full, and the group is not to be seen",
    facts: out({ ...FULL, local: offline(), peers: others(), relation: undefined }),
    expect: wait("WaitingForPeers"),
  },
];
