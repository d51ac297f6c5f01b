import t from "tap";
import { decide, needsMore } from "../../../src/agent/decide.ts";
import type { AgentAction } from "../../../src/agent/actions.ts";
import type { WaitReason } from "../../../src/api/instance-report.ts";
import { type Facts, MAX_AGE_MS, NO_HISTORY } from "../../../src/agent/facts.ts";
import * as a from "./builders.ts";

const DOWN = { server: "down", at: a.NOW, detail: "refused" } as const;
const VIA = a.addressOfOrdinal(0);
/** main-2 is out: its view is of the others. */
const TWO = [a.row(0), a.row(1)];
const others = (changes: Parameters<typeof a.peer>[1] = {}) =>
  [0, 1].map((n) => a.peer(n, { member: a.member(n, { members: TWO }), ...changes }));
const offline = (facts = a.data()) => a.up(a.outside(2), facts);
const out = (changes: Partial<Facts> = {}): Facts =>
  a.facts(2, { local: offline(), peers: others(), ...changes });
const newcomer = (changes: Partial<Facts> = {}): Facts =>
  out({
    local: offline(a.EMPTY),
    peers: others({ data: a.data({ metadata: a.metadata(0, 1) }) }),
    relation: { ...a.SAME, missing: a.DATA },
    ...changes,
  });
const failed = (failures: Record<string, number>, retryAt = 0) => ({
  ...NO_HISTORY,
  failures,
  retryAt,
  lastFailure: "add-instance failed: no route",
});
/** ordinal 0 of a Cluster whose group does not exist yet. */
const unborn = (changes: Partial<Facts> = {}): Facts =>
  a.facts(0, {
    local: a.up(a.outside(0), a.EMPTY),
    peers: [1, 2].map((n) => a.peer(n, { member: a.outside(n), data: a.EMPTY })),
    cluster: a.UNBORN,
    relation: undefined,
    claims: [1, 2].map((n) => ({ address: a.addressOfOrdinal(n), mayHoldData: false })),
    ...changes,
  });
const intent = (ordinal: number) =>
  a.cluster({ bootstrap: { instance: "main-0", serverUuid: a.uuidOf(ordinal) } });
const alone = (ordinal: number) =>
  a.member(ordinal, { members: [a.row(ordinal, { role: "PRIMARY" })] });
const mayHold = (ordinal: number) => [{ address: a.addressOfOrdinal(ordinal), mayHoldData: true }];
const outage = (changes: Partial<Facts> = {}): Facts =>
  out({ peers: [0, 1].map((n) => a.peer(n, { member: a.outside(n) })), ...changes });

type Expected = {
  type: AgentAction["type"];
  reason?: WaitReason;
  via?: string;
  method?: string | undefined;
  startOver?: boolean;
  groupName?: string;
};
type Row = { name: string; facts: Facts; expect: Expected };
const wait = (reason: WaitReason): Expected => ({ type: "wait", reason });

const TABLE: readonly Row[] = [
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
    name: "START failed twice",
    facts: out({ history: failed({ "start-group-replication": 2 }) }),
    expect: { type: "rejoin-instance", via: VIA, method: undefined },
  },
  {
    name: "START and rejoin-instance failed too often, own data a part of the group's",
    facts: out({ history: failed({ "start-group-replication": 2, "rejoin-instance": 3 }) }),
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
    name: "Group Replication is starting by itself",
    facts: out({ local: offline(a.data({ starting: "atBoot" })) }),
    expect: wait("Recovering"),
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
    name: "errant transactions",
    facts: out({ relation: { ...a.SAME, errant: `${a.uuidOf(2)}:1` } }),
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
  // joining
  {
    name: "never added, empty",
    facts: newcomer(),
    expect: { type: "add-instance", via: VIA, method: "incremental" },
  },
  {
    name: "never added, the group has purged its first binary logs",
    facts: newcomer({ relation: { ...a.SAME, missing: a.DATA, purged: a.DATA } }),
    expect: { type: "add-instance", via: VIA, method: "clone" },
  },
  {
    name: "never added, very much to catch up",
    facts: newcomer({ relation: { ...a.SAME, missing: `${a.uuidOf(9)}:1-100001` } }),
    expect: { type: "add-instance", via: VIA, method: "clone" },
  },
  {
    name: "an add by clone that was interrupted: the donor's data, not in the metadata",
    facts: newcomer({ local: offline(a.data({ metadata: a.metadata(0, 1) })), relation: a.SAME }),
    expect: { type: "add-instance", via: VIA, method: "incremental" },
  },
  {
    name: "the volume was replaced",
    facts: newcomer({
      local: a.up({ ...a.outside(2), uuid: a.uuidOf(7) }, a.EMPTY),
      peers: others(),
    }),
    expect: { type: "remove-instance", via: VIA },
  },
  {
    name: "the volume was replaced, its old self is still in the view",
    facts: newcomer({
      local: a.up({ ...a.outside(2), uuid: a.uuidOf(7) }, a.EMPTY),
      peers: [0, 1].map((n) => a.peer(n)),
    }),
    expect: wait("WaitingForView"),
  },
  {
    name: "the volume was replaced by one with other transactions",
    facts: newcomer({ relation: { ...a.SAME, errant: `${a.uuidOf(7)}:1` } }),
    expect: wait("Diverged"),
  },
  {
    name: "databases without transactions",
    facts: newcomer({ local: offline({ ...a.EMPTY, userSchemas: 1 }) }),
    expect: wait("ForeignData"),
  },
  {
    name: "the creation of the group is not recorded yet",
    facts: newcomer({ cluster: intent(0) }),
    expect: wait("WaitingForPrimary"),
  },
  {
    name: "more instances than members",
    facts: newcomer({ cluster: a.cluster({ members: 2 }) }),
    expect: wait("WaitingForPeers"),
  },
  {
    name: "joining needs the API server",
    facts: newcomer({ cluster: undefined }),
    expect: wait("ApiUnavailable"),
  },
  {
    name: "the group belongs to another cluster",
    facts: newcomer({
      peers: others({
        data: a.data({
          metadata: { clusters: [{ name: "x", groupName: a.GROUP }], instances: [] },
        }),
      }),
    }),
    expect: wait("ForeignData"),
  },
  {
    name: "the group has no primary at the moment",
    facts: newcomer({
      peers: others({
        member: a.member(1, { members: [a.row(1), a.row(0, { role: "SECONDARY" })] }),
        data: a.data({ metadata: a.metadata(0, 1) }),
      }),
    }),
    expect: wait("WaitingForPrimary"),
  },
  // creating
  {
    name: "nothing anywhere: the first instance creates",
    facts: unborn(),
    expect: { type: "create-cluster", startOver: false },
  },
  {
    name: "the others are not even up",
    facts: unborn({ peers: [a.silent(1), a.silent(2)] }),
    expect: { type: "create-cluster", startOver: false },
  },
  {
    name: "nothing anywhere: the others wait",
    facts: a.facts(1, { ...unborn(), self: a.facts(1).self }),
    expect: wait("WaitingForPrimary"),
  },
  {
    name: "claims not read yet",
    facts: unborn({ claims: undefined }),
    expect: wait("WaitingForPeers"),
  },
  {
    name: "an older volume whose server is silent",
    facts: unborn({ claims: mayHold(1), peers: [a.silent(1), a.silent(2)] }),
    expect: wait("WaitingForPeers"),
  },
  {
    name: "an older volume whose server has data",
    facts: unborn({
      claims: mayHold(1),
      peers: [a.peer(1, { member: a.outside(1) }), a.silent(2)],
    }),
    expect: wait("WaitingForPeers"),
  },
  {
    name: "an older volume whose server is empty",
    facts: unborn({ claims: mayHold(1) }),
    expect: { type: "create-cluster" },
  },
  {
    name: "data on the own volume",
    facts: unborn({ local: a.up(a.outside(0), a.data()) }),
    expect: wait("ForeignData"),
  },
  {
    name: "data on another volume, before the group",
    facts: a.facts(1, {
      ...unborn(),
      self: a.facts(1).self,
      local: a.up(a.outside(1), a.data()),
    }),
    expect: wait("ForeignData"),
  },
  {
    name: "no API server: nobody may know that there is no group",
    facts: unborn({ cluster: undefined }),
    expect: wait("ApiUnavailable"),
  },
  {
    name: "intent without effect",
    facts: unborn({ cluster: intent(0) }),
    expect: { type: "create-cluster", startOver: false },
  },
  {
    name: "intent, and half the work: metadata, not in the group",
    facts: unborn({ cluster: intent(0), local: a.up(a.outside(0), a.data()) }),
    expect: { type: "create-cluster", startOver: true },
  },
  {
    name: "intent, in the group, no metadata",
    facts: unborn({ cluster: intent(0), local: a.up(alone(0), a.data({ metadata: undefined })) }),
    expect: { type: "create-cluster", startOver: true },
  },
  {
    name: "intent of another server: its volume is gone",
    facts: unborn({ cluster: intent(8) }),
    expect: { type: "create-cluster", startOver: false },
  },
  {
    name: "intent of another server, and data here",
    facts: unborn({ cluster: intent(8), local: a.up(a.outside(0), a.data()) }),
    expect: wait("ForeignData"),
  },
  {
    name: "created, not recorded",
    facts: unborn({
      cluster: intent(0),
      local: a.up(alone(0), a.data({ metadata: a.metadata(0) })),
    }),
    expect: { type: "record-bootstrap", groupName: a.GROUP },
  },
  {
    name: "created, the Shell's mark of an unfinished creation is still there",
    facts: unborn({
      cluster: intent(0),
      local: a.up(alone(0), a.data({ metadata: a.metadata(0), creating: true })),
    }),
    expect: { type: "create-cluster", startOver: true },
  },
  {
    name: "creating failed a moment ago",
    facts: unborn({ history: failed({ "create-cluster": 1 }, a.NOW + 1) }),
    expect: wait("ActionFailed"),
  },
  // no group any more
  { name: "everybody up, nobody in the group", facts: outage(), expect: wait("CompleteOutage") },
  {
    name: "the single member of a Cluster was restarted",
    facts: a.facts(0, { local: a.up(a.outside(0)), peers: [], cluster: a.cluster({ members: 1 }) }),
    expect: wait("CompleteOutage"),
  },
  {
    name: "nobody in the group, one is silent",
    facts: outage({ peers: [a.silent(0), a.peer(1, { member: a.outside(1) })] }),
    expect: wait("CompleteOutage"),
  },
  {
    name: "somebody in the group without the majority",
    facts: outage({
      peers: [
        a.peer(0, {
          member: a.member(0, {
            members: [a.row(0), ...[1, 2].map((n) => a.row(n, { state: "UNREACHABLE" }))],
          }),
        }),
        a.silent(1),
      ],
    }),
    expect: wait("NoQuorum"),
  },
  {
    name: "the group existed and every volume is new",
    facts: outage({
      local: offline(a.EMPTY),
      peers: [0, 1].map((n) => a.peer(n, { member: a.outside(n), data: a.EMPTY })),
    }),
    expect: wait("DataLost"),
  },
  {
    name: "the group existed, no data here, a peer is silent",
    facts: outage({
      local: offline(a.EMPTY),
      peers: [a.silent(0), a.peer(1, { member: a.outside(1), data: a.EMPTY })],
    }),
    expect: wait("WaitingForPeers"),
  },
];

for (const { name, facts, expect } of TABLE) {
  t.test(`decide() ${name}`, (t) => {
    const action = decide(facts);
    t.match(action, JSON.parse(JSON.stringify(expect)), JSON.stringify(action));
    if (action.type === "wait") t.ok(action.message.length > 15, "says what is waited for");
    t.equal(decide(facts).type, action.type, "twice the same");
    t.end();
  });
}

t.test("names in the table are unique", (t) => {
  t.equal(new Set(TABLE.map(({ name }) => name)).size, TABLE.length);
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
