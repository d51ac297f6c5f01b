// The decision table: a member that comes back.

import { type Facts, NO_HISTORY } from "../../../src/agent/facts.ts";
import * as a from "./builders.ts";
import {
  alone,
  approved,
  failed,
  offline,
  others,
  out,
  type Row,
  TWO,
  VIA,
  wait,
} from "./situations.ts";

const OWN = `${a.uuidOf(2)}:1`;
const RESTARTED = `${a.GROUP}:7-9,${a.uuidOf(1)}:1-2`;
const diverged = (changes: Partial<Facts> = {}): Facts =>
  out({ relation: { ...a.SAME, errant: OWN }, ...changes });
const ERRANT = diverged();
const CONFLICT = "error 1062: Duplicate entry '7' for key 'PRIMARY'";
const otherRows = (changes: Partial<Facts> = {}): Facts =>
  out({ local: a.up(a.outside(2, "ERROR"), a.data({ conflict: CONFLICT })), ...changes });
const OTHER_ROWS = otherRows();
const RECLONE = a.cluster({ recovery: { completeOutage: "Automatic", diverged: "Reclone" } });

export const RETURN: readonly Row[] = [
  {
    name: "stopped, in the metadata, all its data in the group",
    facts: out(),
    expect: { type: "start-group-replication" },
  },
  {
    name: "the same without the API server",
    facts: out({ cluster: undefined }),
    expect: { type: "start-group-replication" },
  },
  {
    name: "the same, and what it lacks is of the group",
    facts: out({
      cluster: undefined,
      relation: { ...a.SAME, missing: `${a.GROUP}:7-9,${a.GROUP}:mysqlsh:1` },
    }),
    expect: { type: "start-group-replication" },
  },
  {
    name: "the same, and it lacks what a server wrote that started the group again",
    facts: out({ cluster: undefined, relation: { ...a.SAME, missing: RESTARTED } }),
    expect: wait("ApiUnavailable"),
  },
  {
    name: "it lacks that, and the API server says that nothing was given up",
    facts: out({ relation: { ...a.SAME, missing: RESTARTED } }),
    expect: { type: "start-group-replication" },
  },
  {
    name: "the same in ERROR",
    facts: out({ local: a.up(a.outside(2, "ERROR")) }),
    expect: { type: "start-group-replication" },
  },
  {
    name: "old incarnation still in the view",
    facts: out({
      peers: [0, 1].map((n) =>
        a.peer(n, {
          member: a.member(n, { members: [...TWO, a.row(2, { state: "UNREACHABLE" })] }),
        })
      ),
    }),
    expect: wait("WaitingForView"),
  },
  {
    name: "START failed a moment ago",
    facts: out({ history: failed({ "start-group-replication": 1 }, a.NOW + 1) }),
    expect: wait("ActionFailed"),
  },
  {
    name: "START failed",
    facts: out({ history: failed({ "start-group-replication": 1 }) }),
    expect: { type: "rejoin-instance", via: VIA, method: undefined },
  },
  {
    name: "START failed, and the API server is away",
    facts: out({ history: failed({ "start-group-replication": 1 }), cluster: undefined }),
    expect: { type: "start-group-replication" },
  },
  {
    name: "START and rejoin-instance failed too often, own data a part of the group's",
    facts: out({ history: failed({ "start-group-replication": 1, "rejoin-instance": 3 }) }),
    expect: { type: "rejoin-instance", via: VIA, method: "clone" },
  },
  {
    name: "recovery accounts have new passwords",
    facts: out({ relation: { ...a.SAME, accountsCurrent: false } }),
    expect: { type: "rejoin-instance", via: VIA },
  },
  {
    name: "recovery accounts have new passwords, without the API server",
    facts: out({ relation: { ...a.SAME, accountsCurrent: false }, cluster: undefined }),
    expect: wait("ApiUnavailable"),
  },
  {
    name: "what it lacks was purged everywhere",
    facts: out({ relation: { ...a.SAME, missing: a.DATA, purged: a.DATA } }),
    expect: { type: "rejoin-instance", via: VIA, method: "clone" },
  },
  {
    name: "a clone into it was interrupted: its data is gone, the metadata knows it",
    facts: out({ local: offline(a.EMPTY), relation: { ...a.SAME, missing: a.DATA } }),
    expect: { type: "rejoin-instance", via: VIA, method: undefined },
  },
  {
    name: "the same, and binary logs are purged",
    facts: out({
      local: offline(a.EMPTY),
      relation: { ...a.SAME, missing: a.DATA, purged: a.DATA },
    }),
    expect: { type: "rejoin-instance", via: VIA, method: "clone" },
  },
  {
    name: "it had given up without the majority, and the majority is back",
    facts: out({ local: a.up({ ...a.outside(2, "ERROR"), offlineMode: true }) }),
    expect: { type: "start-group-replication" },
  },
  {
    name: "Group Replication is starting by itself",
    facts: out({ local: offline(a.data({ starting: "atBoot" })) }),
    expect: wait("Recovering"),
  },
  {
    name: "it begins by itself to come back",
    facts: out({ local: a.up(a.outside(2, "ERROR"), a.data({ starting: "autoRejoin" })) }),
    expect: wait("WaitingForView"),
  },
  {
    name: "it tries by itself to come back",
    facts: out({
      local: a.up(a.outside(2, "ERROR"), a.data({ starting: "autoRejoin" })),
      history: { ...NO_HISTORY, autoRejoinSince: a.NOW - 1_000 },
    }),
    expect: wait("WaitingForView"),
  },
  {
    name: "it has tried by itself for long",
    facts: out({
      local: a.up(a.outside(2, "ERROR"), a.data({ starting: "autoRejoin" })),
      history: { ...NO_HISTORY, autoRejoinSince: a.NOW - 31_000 },
    }),
    expect: { type: "start-group-replication" },
  },
  {
    name: "it was in another group",
    facts: out({ local: offline(a.data({ groupName: "other" })) }),
    expect: wait("SplitBrain"),
  },
  {
    name: "errant transactions: the plan waits for approval",
    facts: ERRANT,
    expect: {
      ...wait("Diverged"),
      plan: { action: "Reclone", members: [{ name: "main-2", fate: "Reclone", beyond: OWN }] },
    },
  },
  {
    name: "errant transactions, and the plan is approved",
    facts: approved(ERRANT),
    expect: { type: "reclone-instance", via: VIA, errant: OWN, registered: true },
  },
  {
    name: "errant transactions, the approved plan was carried out before",
    facts: approved(ERRANT, { donePlan: approved(ERRANT).cluster?.approvedPlan }),
    expect: wait("Diverged"),
  },
  {
    name: "more errant transactions than were approved",
    facts: { ...approved(ERRANT), relation: { ...a.SAME, errant: `${a.uuidOf(2)}:1-2` } },
    expect: wait("Diverged"),
  },
  {
    name: "errant transactions, and the spec says to clone",
    facts: diverged({ cluster: RECLONE }),
    expect: { type: "reclone-instance", via: VIA, errant: OWN, registered: true },
  },
  {
    name: "errant transactions, to be cloned, the old incarnation still in the view",
    facts: diverged({ cluster: RECLONE, peers: [0, 1].map((n) => a.peer(n)) }),
    expect: wait("WaitingForView"),
  },
  {
    name: "errant transactions, to be cloned, the primary does not answer",
    facts: diverged({
      cluster: RECLONE,
      peers: [a.silent(0), a.peer(1, { member: a.member(1, { members: TWO }) })],
    }),
    expect: wait("WaitingForPrimary"),
  },
  {
    name: "errant transactions, to be cloned, without the API server",
    facts: diverged({ cluster: undefined }),
    expect: wait("Diverged"),
  },
  {
    name: "errant transactions, and cloning failed a moment ago",
    facts: diverged({
      cluster: RECLONE,
      history: failed({ "reclone-instance": 1 }, a.NOW + 1),
    }),
    expect: wait("ActionFailed"),
  },
  {
    name: "errant transactions on a new volume, to be cloned: the old entry leaves first",
    facts: diverged({
      cluster: RECLONE,
      local: a.up({ ...a.outside(2), uuid: a.uuidOf(7) }),
    }),
    expect: { type: "remove-instance", via: VIA },
  },
  {
    name: "errant transactions on a server that the metadata does not know, to be cloned",
    facts: diverged({
      cluster: RECLONE,
      local: a.up({ ...a.outside(2), uuid: a.uuidOf(7) }),
      peers: others({ data: a.data({ metadata: a.metadata(0, 1) }) }),
    }),
    expect: { type: "reclone-instance", via: VIA, registered: false },
  },
  {
    name: "an applier found other rows than the group's: the plan waits for approval",
    facts: OTHER_ROWS,
    expect: {
      ...wait("Diverged"),
      message: "Duplicate entry '7'",
      plan: { action: "Reclone", members: [{ name: "main-2", fate: "Differs", gtids: a.DATA }] },
    },
  },
  {
    name: "other rows, and every way to come back failed: no clone because of that",
    facts: otherRows({
      history: failed({ "start-group-replication": 1, "rejoin-instance": 3 }),
    }),
    expect: wait("Diverged"),
  },
  {
    name: "other rows, and what it lacks is purged everywhere",
    facts: otherRows({ relation: { ...a.SAME, missing: RESTARTED, purged: RESTARTED } }),
    expect: wait("Diverged"),
  },
  {
    name: "other rows, and the spec says to clone errant transactions away",
    facts: otherRows({ cluster: RECLONE }),
    expect: wait("Diverged"),
  },
  {
    name: "other rows, without the API server",
    facts: otherRows({ cluster: undefined }),
    expect: wait("Diverged"),
  },
  {
    name: "other rows, and the plan is approved",
    facts: approved(OTHER_ROWS),
    expect: { type: "reclone-instance", via: VIA, errant: "", conflict: CONFLICT },
  },
  {
    name: "other rows and errant transactions, and the plan is approved",
    facts: approved(otherRows({ relation: { ...a.SAME, errant: OWN } })),
    expect: { type: "reclone-instance", via: VIA, errant: OWN, conflict: CONFLICT },
  },
  {
    name: "other rows, and only the discarding of errant transactions is approved",
    facts: { ...approved(ERRANT), local: OTHER_ROWS.local },
    expect: wait("Diverged"),
  },
  {
    name: "its transactions could not be compared",
    facts: out({ relation: undefined }),
    expect: wait("WaitingForPeers"),
  },
  {
    name: "the group is not the recorded one",
    facts: out({ cluster: a.cluster({ bootstrap: { groupName: "other", at: "t" } }) }),
    expect: wait("SplitBrain"),
  },
  {
    name: "two groups with a majority",
    facts: out({
      peers: [
        a.peer(0, { member: alone(0) }),
        a.peer(1, { member: alone(1), data: a.data({ groupName: "other" }) }),
      ],
    }),
    expect: wait("SplitBrain"),
  },
  {
    name: "two halves of one group, each sure of its majority",
    facts: out({ peers: [a.peer(0, { member: alone(0) }), a.peer(1, { member: alone(1) })] }),
    expect: wait("SplitBrain"),
  },
  {
    name: "a Pod that was replaced, with errant transactions that may be cloned away",
    facts: diverged({ cluster: RECLONE, named: a.uuidOf(7) }),
    expect: wait("Replaced"),
  },
];
