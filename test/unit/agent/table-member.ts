// The decision table: the own server, a member in the group, a member that comes back.

import { type Facts, MAX_AGE_MS, NO_HISTORY } from "../../../src/agent/facts.ts";
import * as a from "./builders.ts";
import {
  alone,
  approved,
  DOWN,
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
const diverged = (changes: Partial<Facts> = {}): Facts =>
  out({ relation: { ...a.SAME, errant: OWN }, ...changes });
const ERRANT = diverged();
const RECLONE = a.cluster({ recovery: { completeOutage: "Automatic", diverged: "Reclone" } });

export const MEMBER: readonly Row[] = [
  // the own server
  { name: "server down", facts: a.facts(1, { local: DOWN }), expect: wait("ServerDown") },
  {
    name: "server starting",
    facts: a.facts(1, { local: { ...DOWN, server: "starting" } }),
    expect: wait("ServerStarting"),
  },
  {
    name: "server refuses the agent",
    facts: a.facts(1, { local: { ...DOWN, server: "unusable" } }),
    expect: wait("IncompatibleServer"),
  },
  {
    name: "an observation that is too old",
    facts: a.facts(1, { now: a.NOW + MAX_AGE_MS + 1 }),
    expect: wait("ServerDown"),
  },
  {
    name: "paused",
    facts: out({ cluster: a.cluster({ paused: true }) }),
    expect: { type: "idle" },
  },
  {
    name: "being deleted",
    facts: out({ cluster: a.cluster({ deleting: true }) }),
    expect: { type: "idle" },
  },
  {
    name: "a Pod that was replaced: its name leads to the new one",
    facts: out({ named: a.uuidOf(7) }),
    expect: wait("Replaced"),
  },
  {
    name: "a Pod that was replaced, with errant transactions that may be cloned away",
    facts: diverged({ cluster: RECLONE, named: a.uuidOf(7) }),
    expect: wait("Replaced"),
  },
  {
    name: "the own name leads here",
    facts: out({ named: a.uuidOf(2) }),
    expect: { type: "start-group-replication" },
  },
  {
    name: "the own name leads nowhere yet",
    facts: out({ named: undefined }),
    expect: { type: "start-group-replication" },
  },
  // in the group
  { name: "ONLINE primary", facts: a.facts(0), expect: { type: "steady" } },
  { name: "ONLINE secondary", facts: a.facts(1), expect: { type: "steady" } },
  {
    name: "ONLINE, nobody else can be asked",
    facts: a.facts(1, { cluster: undefined, peers: [] }),
    expect: { type: "steady" },
  },
  {
    name: "a peer is unreachable, the majority is there",
    facts: a.facts(0, {
      local: a.up(
        a.member(0, { members: [a.row(0), a.row(1), a.row(2, { state: "UNREACHABLE" })] }),
      ),
    }),
    expect: { type: "steady" },
  },
  {
    name: "the majority is unreachable",
    facts: a.facts(0, {
      local: a.up(a.member(0, {
        members: [a.row(0), ...[1, 2].map((n) => a.row(n, { state: "UNREACHABLE" }))],
      })),
    }),
    expect: wait("NoQuorum"),
  },
  {
    name: "RECOVERING",
    facts: a.facts(1, {
      local: a.up(
        a.member(1, { members: [a.row(0), a.row(1, { state: "RECOVERING" }), a.row(2)] }),
      ),
    }),
    expect: wait("Recovering"),
  },
  {
    name: "ONLINE and not in the metadata: an add that was interrupted",
    facts: a.facts(2, {
      local: a.up(a.member(2), a.data({ metadata: a.metadata(0, 1) })),
      peers: [0, 1].map((n) => a.peer(n, { data: a.data({ metadata: a.metadata(0, 1) }) })),
    }),
    expect: { type: "add-instance", via: VIA, method: "incremental" },
  },
  {
    name: "ONLINE and only the own copy of the metadata is behind",
    facts: a.facts(2, { local: a.up(a.member(2), a.data({ metadata: a.metadata(0, 1) })) }),
    expect: { type: "steady" },
  },
  {
    name: "ONLINE in a group of another cluster",
    facts: a.facts(2, {
      local: a.up(a.member(2), a.data({ metadata: undefined })),
      peers: [0, 1].map((n) => a.peer(n, { data: a.data({ metadata: undefined }) })),
    }),
    expect: wait("ForeignData"),
  },
  // coming back
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
];
