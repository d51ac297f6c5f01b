// The decision table: no member is in a group any more.

import type { Facts } from "../../../src/agent/facts.ts";
import * as a from "./builders.ts";
import { approved, failed, offline, out, outage, type Row, wait } from "./situations.ts";

const EQUAL = { 0: 10, 1: 10, 2: 10 };
const OWN = `${a.uuidOf(2)}:1`;
const MANUAL = a.cluster({ recovery: { completeOutage: "Manual", diverged: "Report" } });
const stopped = (...ordinals: number[]) =>
  a.cluster({ stopped: ordinals.map((ordinal) => `main-${ordinal}`) });
const REBOOT = { type: "reboot-cluster" } as const;
const single = (changes: Partial<Facts> = {}): Facts =>
  outage(0, { 0: 10 }, {
    local: a.up(a.outside(0), a.data({ metadata: a.metadata(0) })),
    peers: [],
    cluster: a.cluster({ members: 1 }),
    ...changes,
  });
const peers = (...views: [number, Parameters<typeof a.peer>[1]?][]) =>
  views.map(([ordinal, changes]) => a.peer(ordinal, { member: a.outside(ordinal), ...changes }));
export const withoutMain2 = (ordinal: number, cluster = stopped(2)) =>
  outage(ordinal, { 0: 10, 1: 12 }, { cluster });
const replaced = (ordinal: number) =>
  outage(ordinal, { 0: 10, 1: 12 }, {
    peers: [
      ...peers([ordinal === 0 ? 1 : 0]),
      a.peer(2, { member: { ...a.outside(2), uuid: a.uuidOf(8) }, data: a.EMPTY }),
    ],
  });

export const OUTAGE: readonly Row[] = [
  // nothing can be lost
  { name: "all equal: the first starts the group again", facts: outage(0, EQUAL), expect: REBOOT },
  {
    name: "all equal: the second waits for the first",
    facts: outage(1, EQUAL),
    expect: wait("CompleteOutage"),
  },
  {
    name: "the last holds most: it starts the group again",
    facts: outage(2, { 0: 10, 1: 11, 2: 12 }),
    expect: REBOOT,
  },
  {
    name: "the last holds most: the first waits, whatever its ordinal",
    facts: outage(0, { 0: 10, 1: 11, 2: 12 }),
    expect: wait("CompleteOutage"),
  },
  {
    name: "two hold most: the lower ordinal of them starts the group again",
    facts: outage(1, { 0: 9, 1: 10, 2: 10 }),
    expect: REBOOT,
  },
  {
    name: "one in ERROR counts as outside",
    facts: outage(0, EQUAL, { peers: peers([1, { member: a.outside(1, "ERROR") }], [2]) }),
    expect: REBOOT,
  },
  {
    name: "the seed itself is in ERROR",
    facts: outage(0, EQUAL, { local: a.up(a.outside(0, "ERROR")) }),
    expect: REBOOT,
  },
  { name: "the single member of a Cluster was restarted", facts: single(), expect: REBOOT },
  {
    name: "restarting the group failed a moment ago",
    facts: outage(0, EQUAL, { history: failed({ "reboot-cluster": 1 }, a.NOW + 1) }),
    expect: wait("ActionFailed"),
  },
  {
    name: "restarting the group failed and left an account behind: the same seed is ahead now",
    facts: outage(0, { 0: [10, `${a.uuidOf(0)}:1-4`], 1: 10, 2: 10 }, {
      history: failed({ "reboot-cluster": 1 }),
    }),
    expect: REBOOT,
  },
  // not settled
  {
    name: "the Cluster cannot be read",
    facts: outage(0, EQUAL, { cluster: undefined }),
    expect: wait("ApiUnavailable"),
  },
  {
    name: "the members have not been compared",
    facts: outage(0, EQUAL, { outage: undefined }),
    expect: wait("WaitingForPeers"),
  },
  {
    name: "a member is still RECOVERING",
    facts: outage(0, EQUAL, {
      peers: peers([1, { member: a.outside(1, "RECOVERING") }], [2]),
    }),
    expect: wait("NoQuorum"),
  },
  {
    name: "a member is starting Group Replication by itself",
    facts: outage(0, EQUAL, { peers: peers([1, { data: a.data({ starting: "atBoot" }) }], [2]) }),
    expect: wait("NoQuorum"),
  },
  {
    name: "a member is in the group without the majority",
    facts: outage(0, { 0: 10, 1: 10 }, {
      peers: [
        a.peer(1, {
          member: a.member(1, {
            members: [a.row(1), ...[0, 2].map((n) => a.row(n, { state: "UNREACHABLE" }))],
          }),
        }),
        a.silent(2),
      ],
    }),
    expect: wait("NoQuorum"),
  },
  {
    name: "a member is back in a group with the majority: no outage",
    facts: out({ outage: undefined }),
    expect: { type: "start-group-replication" },
  },
  // whose data it is
  {
    name: "the data is of another group than the recorded one",
    facts: outage(0, EQUAL, {
      cluster: a.cluster({ bootstrap: { groupName: "other", at: "t" } }),
    }),
    expect: wait("ForeignData"),
  },
  {
    name: "it joined and was not written down yet, and the members do not answer",
    facts: outage(2, { 2: 10 }, {
      local: a.up(a.outside(2), a.data({ metadata: a.metadata(0, 1) })),
      peers: [a.silent(0), a.silent(1)],
    }),
    expect: wait("WaitingForPeers"),
  },
  {
    name: "the data has no metadata of this Cluster",
    facts: single({ local: a.up(a.outside(0), a.data({ metadata: undefined })) }),
    expect: wait("ForeignData"),
  },
  {
    name: "the own volume is new, the others have data",
    facts: outage(2, { 0: 10, 1: 10 }, {
      local: offline(a.EMPTY),
      peers: peers([0], [1]),
    }),
    expect: wait("CompleteOutage"),
  },
  {
    name: "every volume is new",
    facts: outage(2, {}, {
      local: offline(a.EMPTY),
      peers: peers([0, { data: a.EMPTY }], [1, { data: a.EMPTY }]),
    }),
    expect: wait("DataLost"),
  },
  {
    name: "no data here, a member is silent",
    facts: outage(2, {}, {
      local: offline(a.EMPTY),
      peers: [a.silent(0), ...peers([1, { data: a.EMPTY }])],
    }),
    expect: wait("WaitingForPeers"),
  },
  {
    name: "the metadata knows a member beyond the spec that is silent",
    facts: outage(0, EQUAL, {
      local: a.up(a.outside(0), a.data({ metadata: a.metadata(0, 1, 2, 3) })),
    }),
    expect: { ...wait("CompleteOutage"), plan: { seed: "main-0" } },
  },
  {
    name: "an ordinal of the spec that the metadata does not know is silent: it may have joined",
    facts: outage(0, { 0: 10, 1: 10 }, {
      local: a.up(a.outside(0), a.data({ metadata: a.metadata(0, 1) })),
      peers: [...peers([1]), a.silent(2)],
    }),
    expect: { ...wait("CompleteOutage"), plan: { seed: "main-0" } },
  },
  {
    name: "an ordinal of the spec that was never in the group answers and is empty",
    facts: outage(0, { 0: 10, 1: 10 }, {
      local: a.up(a.outside(0), a.data({ metadata: a.metadata(0, 1) })),
      peers: peers([1], [2, { data: a.EMPTY }]),
    }),
    expect: REBOOT,
  },
  // a member is missing
  {
    name: "a member is silent: its agent has the plan, which cannot be approved yet",
    facts: withoutMain2(1, a.cluster()),
    expect: {
      ...wait("CompleteOutage"),
      plan: {
        seed: "main-1",
        members: [{}, {}, { name: "main-2", fate: "Absent", stopped: false }],
      },
    },
  },
  {
    name: "a member is silent: the others point to the plan",
    facts: withoutMain2(0, a.cluster()),
    expect: wait("CompleteOutage"),
  },
  {
    name: "a member is known to have stopped: the plan waits for approval",
    facts: withoutMain2(1),
    expect: {
      ...wait("CompleteOutage"),
      plan: { members: [{ fate: "Rejoin" }, { fate: "Seed" }, { fate: "Absent", stopped: true }] },
    },
  },
  { name: "the plan is approved", facts: approved(withoutMain2(1)), expect: REBOOT },
  {
    name: "the plan is approved, and was carried out before",
    facts: approved(withoutMain2(1), {
      donePlan: approved(withoutMain2(1)).cluster?.approvedPlan,
    }),
    expect: wait("CompleteOutage"),
  },
  {
    name: "the plan is approved: the others go on waiting",
    facts: { ...withoutMain2(0), cluster: approved(withoutMain2(1)).cluster },
    expect: wait("CompleteOutage"),
  },
  {
    name: "the plan is approved, but the member may run again",
    facts: approved(withoutMain2(1), { stopped: [] }),
    expect: wait("CompleteOutage"),
  },
  {
    name: "the plan is approved, but another member is missing now",
    facts: {
      ...outage(1, { 1: 12 }, { cluster: stopped(0, 2) }),
      cluster: approved(withoutMain2(1), { stopped: ["main-0", "main-2"] }).cluster,
    },
    expect: wait("CompleteOutage"),
  },
  {
    name: "carrying out the plan failed a moment ago",
    facts: { ...approved(withoutMain2(1)), history: failed({ "reboot-cluster": 1 }, a.NOW + 1) },
    expect: wait("ActionFailed"),
  },
  {
    name: "the volume of a member is new: what it alone held is not known",
    facts: replaced(1),
    expect: { ...wait("CompleteOutage"), plan: { seed: "main-1" } },
  },
  {
    name: "the volume of a member is new, and the plan is approved",
    facts: approved(replaced(1)),
    expect: REBOOT,
  },
  {
    name: "the volumes of a majority are new, and the plan is approved",
    facts: approved(outage(1, { 1: 12 }, {
      peers: [0, 2].map((n) =>
        a.peer(n, { member: { ...a.outside(n), uuid: a.uuidOf(n + 6) }, data: a.EMPTY })
      ),
    })),
    expect: REBOOT,
  },
  {
    name: "the name of a member leads to the server of another",
    facts: outage(0, { 0: 10, 1: 10 }, {
      peers: [...peers([1]), a.peer(2, { member: a.outside(1) })],
    }),
    expect: { ...wait("CompleteOutage"), plan: { seed: "main-0" } },
  },
  // by hand, diverged
  {
    name: "a person decides: the plan waits for approval",
    facts: outage(0, EQUAL, { cluster: MANUAL }),
    expect: { ...wait("CompleteOutage"), plan: { seed: "main-0" } },
  },
  {
    name: "a person decided",
    facts: approved(outage(0, EQUAL, { cluster: MANUAL })),
    expect: REBOOT,
  },
  {
    name: "diverged: the one with which least is left out has the plan",
    facts: outage(1, { 0: 10, 1: 12, 2: [10, OWN] }),
    expect: {
      ...wait("CompleteOutage"),
      plan: { seed: "main-1", members: [{}, {}, { fate: "Diverges", beyond: OWN }] },
    },
  },
  {
    name: "diverged in a form that the agent cannot read: not taken for nothing",
    facts: outage(0, { 0: [10, "?"], 1: [10, "!"], 2: 10 }),
    expect: { ...wait("CompleteOutage"), plan: { action: "RestartGroup" } },
  },
  {
    name: "diverged: the others point to the plan",
    facts: outage(2, { 0: 10, 1: 12, 2: [10, OWN] }),
    expect: wait("CompleteOutage"),
  },
  {
    name: "diverged, and the plan is approved",
    facts: approved(outage(1, { 0: 10, 1: 12, 2: [10, OWN] })),
    expect: REBOOT,
  },
  {
    name: "diverged, and a plan of another state is approved",
    facts: {
      ...outage(1, { 0: 10, 1: 12, 2: [10, `${a.uuidOf(2)}:1-2`] }),
      cluster: approved(outage(1, { 0: 10, 1: 12, 2: [10, OWN] })).cluster,
    },
    expect: wait("CompleteOutage"),
  },
];
