// The decision table: the own server, and a member in the group.

import { MAX_AGE_MS } from "../../../src/agent/facts.ts";
import * as a from "./builders.ts";
import { DOWN, out, type Row, VIA, wait } from "./situations.ts";

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
    name: "the others went on without it, and its server does not know that",
    facts: a.facts(0, { local: a.up(a.member(0, { expelledIn: "17954600589357117:6" })) }),
    expect: wait("WaitingForView"),
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
];
