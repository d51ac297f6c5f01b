import t from "tap";
import {
  BEGUN_MS,
  decideGuards,
  type Guard,
  type GuardInput,
} from "../../../src/agent/decide-guard.ts";
import * as a from "./builders.ts";

/** As the member of this ordinal sees it. */
const minority = (ordinal: number) =>
  [0, 1, 2].map((n) => a.row(n, { state: n === ordinal ? "ONLINE" : "UNREACHABLE" }));
const demoted = [0, 1, 2].map((n) => a.row(n, { role: n === 1 ? "PRIMARY" : "SECONDARY" }));
const writable = { superReadOnly: false };
const closed = { offlineMode: true };
const secondary = a.member(1, writable);

type Row = Partial<GuardInput> & Pick<GuardInput, "member"> & { name: string; expect: Guard[] };

const GUARDS: readonly Row[] = [
  { name: "a healthy primary", before: a.member(0), member: a.member(0), expect: [] },
  { name: "a healthy secondary", before: a.member(1), member: a.member(1), expect: [] },
  {
    name: "outside the group and writable",
    member: { ...a.outside(1), ...closed, ...writable },
    expect: ["fence"],
  },
  {
    name: "the same in ERROR",
    member: { ...a.outside(1, "ERROR"), ...closed, ...writable },
    expect: ["fence"],
  },
  {
    name: "the same while an action switches read-only itself",
    member: { ...a.outside(1), ...closed, ...writable },
    busy: true,
    expect: [],
  },
  {
    name: "one look that says writable secondary: an election may be under way",
    before: a.member(1),
    member: secondary,
    expect: [],
  },
  { name: "two looks that agree", before: secondary, member: secondary, expect: ["fence"] },
  {
    name: "two looks in different views",
    before: { ...secondary, viewId: "17954600589357117:4" },
    member: secondary,
    expect: [],
  },
  {
    name: "demoted",
    before: a.member(0),
    member: a.member(0, { members: demoted, superReadOnly: true }),
    expect: ["endClients"],
  },
  {
    name: "primary that lost the majority",
    before: a.member(0),
    member: a.member(0, { members: minority(0) }),
    openMs: 0,
    expect: ["enterOfflineMode", "endClients"],
  },
  {
    name: "primary without which the others went on, and that does not know it",
    before: a.member(0),
    member: a.member(0, { expelledIn: "17954600589357117:6" }),
    openMs: 0,
    expect: ["enterOfflineMode", "endClients"],
  },
  {
    name: "secondary of which the same is true",
    before: a.member(1),
    member: a.member(1, { expelledIn: "17954600589357117:6" }),
    openMs: 0,
    expect: ["enterOfflineMode"],
  },
  {
    name: "the same, closed",
    member: a.member(1, { ...closed, expelledIn: "17954600589357117:6" }),
    expect: [],
  },
  {
    name: "another server on the same address is no demotion",
    before: a.member(0),
    member: { ...a.outside(1), ...closed },
    expect: [],
  },
  {
    name: "secondary that lost the majority",
    before: a.member(1),
    member: a.member(1, { members: minority(1) }),
    openMs: 0,
    expect: ["enterOfflineMode"],
  },
  {
    name: "outside the group and open: Group Replication may be starting at this very moment",
    member: { ...a.outside(1, "ERROR"), superReadOnly: true },
    openMs: BEGUN_MS - 1,
    expect: ["endClients"],
  },
  {
    name: "outside the group and open, whatever is being done",
    member: { ...a.outside(1), ...writable },
    busy: true,
    expect: ["enterOfflineMode"],
  },
  {
    name: "the same, not held by anybody: no client in the first place",
    member: { ...a.outside(1), ...writable },
    expect: ["enterOfflineMode", "fence"],
  },
  {
    name: "recovering",
    member: a.member(1, { members: [a.row(0), a.row(1, { state: "RECOVERING" })] }),
    expect: ["enterOfflineMode"],
  },
  {
    name: "closed outside the group stays closed",
    member: { ...a.outside(1, "ERROR"), ...closed },
    expect: [],
  },
  {
    name: "in the group again and closed",
    member: a.member(1, closed),
    expect: ["leaveOfflineMode"],
  },
  {
    name: "the same, and the others have not said yet that it is",
    member: a.member(1, closed),
    doubts: true,
    expect: [],
  },
  {
    name: "open in the group, and the others have not said that it is in it",
    before: a.member(1),
    member: a.member(1),
    doubts: true,
    expect: [],
  },
  {
    name: "closed in the group, while an action goes on",
    member: a.member(1, closed),
    busy: true,
    expect: ["leaveOfflineMode"],
  },
  {
    name: "closed in the group, while a person looks after the Cluster",
    member: a.member(1, closed),
    paused: true,
    expect: ["leaveOfflineMode"],
  },
  {
    name: "a group that is not recorded yet",
    member: a.member(0, { ...closed, members: [a.row(0)] }),
    recorded: false,
    expect: [],
  },
  {
    name: "ONLINE and being taken out of the group",
    member: a.member(0, closed),
    leaving: true,
    expect: [],
  },
  {
    name: "outside the group, opened by a person",
    before: a.member(0),
    member: { ...a.outside(0), ...writable },
    paused: true,
    expect: [],
  },
];

for (const { name, expect, ...input } of GUARDS) {
  t.test(`decideGuards() ${name}`, (t) => {
    const settled = { before: undefined, openMs: BEGUN_MS };
    const calm = { busy: false, doubts: false, leaving: false, recorded: true, paused: false };
    t.same(decideGuards({ ...settled, ...calm, ...input }), expect);
    t.end();
  });
}
