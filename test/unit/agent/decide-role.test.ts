import t from "tap";
import { decideRoles } from "../../../src/agent/decide-role.ts";
import { type LocalView, MAX_AGE_MS } from "../../../src/agent/facts.ts";
import * as a from "./builders.ts";

const both = (primaries: number[]) =>
  [0, 1, 2].map((n) => a.row(n, { role: primaries.includes(n) ? "PRIMARY" : "SECONDARY" }));
const lost = [a.row(0), a.row(1), a.row(2, { state: "UNREACHABLE" })];
const minority = [a.row(0), ...[1, 2].map((n) => a.row(n, { state: "UNREACHABLE" }))];
const P = "primary";
const S = "secondary";

type Row = {
  name: string;
  ordinal: number;
  local: LocalView;
  recorded?: boolean;
  age?: number;
  labels: Record<string, string | null>;
  service?: string;
};

const ROLES: readonly Row[] = [
  {
    name: "the primary labels everybody and takes the Service",
    ordinal: 0,
    local: a.up(a.member(0)),
    labels: { "main-0": P, "main-1": S, "main-2": S },
    service: "main-0",
  },
  {
    name: "a secondary labels itself",
    ordinal: 1,
    local: a.up(a.member(1)),
    labels: { "main-1": S },
  },
  {
    name: "a member that is not ONLINE loses its label",
    ordinal: 0,
    local: a.up(a.member(0, { members: lost })),
    labels: { "main-0": P, "main-1": S, "main-2": null },
    service: "main-0",
  },
  {
    name: "a member that left the view loses its label",
    ordinal: 0,
    local: a.up(a.member(0, { members: [a.row(0), a.row(1)] })),
    labels: { "main-0": P, "main-1": S, "main-2": null },
    service: "main-0",
  },
  {
    name: "without the majority: only the own label, away",
    ordinal: 0,
    local: a.up(a.member(0, { members: minority })),
    labels: { "main-0": null },
  },
  {
    name: "server down",
    ordinal: 1,
    local: { server: "down", at: a.NOW, detail: "" },
    labels: { "main-1": null },
  },
  {
    name: "an observation that is too old",
    ordinal: 0,
    local: a.up(a.member(0)),
    age: MAX_AGE_MS + 1,
    labels: { "main-0": null },
  },
  {
    name: "RECOVERING",
    ordinal: 1,
    local: a.up(a.member(1, { members: [a.row(0), a.row(1, { state: "RECOVERING" })] })),
    labels: { "main-1": null },
  },
  {
    name: "nobody has a role before the creation is recorded",
    ordinal: 0,
    local: a.up(a.member(0, { members: [a.row(0)] })),
    recorded: false,
    labels: { "main-0": null },
  },
  {
    name: "multi-primary: the first of them speaks for all",
    ordinal: 0,
    local: a.up(a.member(0, { members: both([0, 1, 2]) })),
    labels: { "main-0": P, "main-1": P, "main-2": P },
    service: "main-0",
  },
  {
    name: "multi-primary: the others for themselves",
    ordinal: 2,
    local: a.up(a.member(2, { members: both([0, 1, 2]) })),
    labels: { "main-2": P },
  },
];

for (const { name, ordinal, local, recorded, age, labels, service } of ROLES) {
  t.test(`decideRoles() ${name}`, (t) => {
    const plan = decideRoles({
      now: a.NOW + (age ?? 0),
      local,
      identity: a.identity(ordinal),
      recorded: recorded ?? true,
      members: 3,
    });
    t.same(Object.fromEntries(plan.labels), labels);
    t.equal(plan.primary?.pod, service);
    t.end();
  });
}
