// The decision table: joining a group and creating it.

import * as a from "./builders.ts";
import {
  alone,
  failed,
  intent,
  mayHold,
  newcomer,
  offline,
  others,
  type Row,
  unborn,
  VIA,
  wait,
} from "./situations.ts";

const FOREIGN = a.data({ metadata: undefined });

const NEW = a.uuidOf(8);
const ELECTED = [
  a.row(1, { role: "SECONDARY" }),
  a.row(2, { role: "PRIMARY" }),
];

const lacking = (transactions: number) =>
  newcomer({
    local: offline(a.data({ metadata: undefined })),
    relation: { ...a.SAME, missing: `${a.uuidOf(9)}:1-${transactions}` },
  });

export const JOIN: readonly Row[] = [ // joining
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
    name: "never added, empty, much to catch up",
    facts: newcomer({ relation: { ...a.SAME, missing: `${a.uuidOf(9)}:1-10001` } }),
    expect: { type: "add-instance", via: VIA, method: "clone" },
  },
  {
    name: "never added, holds a part, much to catch up",
    facts: lacking(100_000),
    expect: { type: "add-instance", via: VIA, method: "incremental" },
  },
  {
    name: "never added, holds a part, very much to catch up",
    facts: lacking(100_001),
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
    name: "an older volume whose server has other data",
    facts: unborn({
      claims: mayHold(1),
      peers: [a.peer(1, { member: a.outside(1), data: FOREIGN }), a.silent(2)],
    }),
    expect: wait("WaitingForPeers"),
  },
  {
    name: "an older volume whose server is empty",
    facts: unborn({ claims: mayHold(1) }),
    expect: { type: "create-cluster" },
  },
  {
    name: "other data on the own volume",
    facts: unborn({ local: a.up(a.outside(0), FOREIGN) }),
    expect: wait("ForeignData"),
  },
  {
    name: "data on another volume, before the group",
    facts: a.facts(1, {
      ...unborn(),
      self: a.facts(1).self,
      local: a.up(a.outside(1), FOREIGN),
    }),
    expect: wait("ForeignData"),
  },
  {
    name: "made again over kept volumes: the first instance takes the data up",
    facts: unborn({ local: a.up(a.outside(0)) }),
    expect: { type: "record-bootstrap", groupName: a.GROUP },
  },
  {
    name: "made again over kept volumes: the others wait for that",
    facts: a.facts(1, { ...unborn(), self: a.facts(1).self, local: a.up(a.outside(1)) }),
    expect: wait("WaitingForPrimary"),
  },
  {
    name: "made again, only another member's volume was kept",
    facts: unborn({
      claims: mayHold(1),
      peers: [a.peer(1, { member: a.outside(1) }), a.silent(2)],
    }),
    expect: { type: "record-bootstrap", groupName: a.GROUP },
  },
  {
    name: "made again over volumes of two groups of that name",
    facts: unborn({
      local: a.up(a.outside(0)),
      peers: [a.peer(1, {
        member: a.outside(1),
        data: a.data({
          metadata: {
            clusters: [{ name: "main", groupName: "other" }],
            instances: a.metadata(1).instances,
          },
        }),
      })],
    }),
    expect: wait("SplitBrain"),
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
    name: "intent, in the group, no metadata, and the last try has just failed",
    facts: unborn({
      cluster: intent(0),
      local: a.up(alone(0), a.data({ metadata: undefined })),
      history: failed({ "create-cluster": 1 }, a.NOW + 1_000),
    }),
    expect: { type: "wait", reason: "ActionFailed" },
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
  {
    name:
      "ONLINE, elected primary, and not in the metadata: its add was interrupted by the election",
    facts: a.facts(2, {
      local: a.up(a.member(2, { members: ELECTED }), a.data({ metadata: a.metadata(0, 1) })),
      peers: [
        a.silent(0),
        a.peer(1, {
          member: a.member(1, { members: ELECTED }),
          data: a.data({ metadata: a.metadata(0, 1) }),
        }),
      ],
    }),
    expect: { type: "add-instance", via: a.addressOfOrdinal(1), method: "incremental" },
  },
  {
    name: "the same, and the others are not in the group",
    facts: a.facts(2, {
      local: a.up(a.member(2, { members: ELECTED }), a.data({ metadata: a.metadata(0, 1) })),
      peers: [a.silent(0), a.peer(1, { member: a.outside(1) })],
    }),
    expect: wait("WaitingForPrimary"),
  },
  {
    name:
      "ONLINE, and the metadata has the server that had its name before: a rejoin was interrupted",
    facts: a.facts(2, {
      local: a.up(
        a.member(2, { uuid: NEW, members: [a.row(0), a.row(1), a.row(2, { uuid: NEW })] }),
      ),
      named: NEW,
    }),
    expect: { type: "remove-instance", via: VIA },
  },
  {
    name: "ONLINE and not in the metadata, in a group whose creation is not recorded",
    facts: a.facts(1, {
      cluster: a.cluster({ bootstrap: {} }),
      local: a.up(a.member(1), a.data({ metadata: a.metadata(0) })),
      peers: [0, 2].map((n) => a.peer(n, { data: a.data({ metadata: a.metadata(0) }) })),
    }),
    expect: wait("WaitingForPrimary"),
  },
];
