import t from "tap";
import { type LocalView, MAX_AGE_MS } from "../../../src/agent/facts.ts";
import { LIVE_LIMIT_MS, probe, type ProbeState } from "../../../src/agent/probe.ts";
import * as a from "./builders.ts";

const minority = [a.row(0), ...[1, 2].map((n) => a.row(n, { state: "UNREACHABLE" }))];
const state = (changes: Partial<ProbeState> = {}): ProbeState => ({
  now: a.NOW,
  tickAt: a.NOW,
  local: a.up(a.member(1)),
  answered: true,
  ...changes,
});
const DOWN: LocalView = { server: "down", at: a.NOW, detail: "" };

const TABLE: readonly [
  name: string,
  state: ProbeState,
  live: number,
  startup: number,
  ready: number,
][] = [
  ["ONLINE secondary", state(), 200, 200, 200],
  ["ONLINE primary", state({ local: a.up(a.member(0)) }), 200, 200, 200],
  ["nothing observed yet", state({ local: undefined, answered: false }), 200, 503, 503],
  ["mysqld down", state({ local: DOWN }), 200, 200, 503],
  ["mysqld never up", state({ local: DOWN, answered: false }), 200, 503, 503],
  ["outside the group", state({ local: a.up(a.outside(1)) }), 200, 200, 503],
  ["no quorum", state({ local: a.up(a.member(0, { members: minority })) }), 200, 200, 503],
  [
    "back in the group and still offline",
    state({ local: a.up(a.member(1, { offlineMode: true })) }),
    200,
    200,
    503,
  ],
  ["the observation is too old", state({ now: a.NOW + MAX_AGE_MS + 1 }), 200, 200, 503],
  ["the loop stands still", state({ now: a.NOW + LIVE_LIMIT_MS + 1 }), 503, 503, 503],
];

for (const [name, state, live, startup, ready] of TABLE) {
  t.test(`probe() when ${name}`, (t) => {
    t.equal(probe("/live", state)?.status, live, "/live");
    t.equal(probe("/startup", state)?.status, startup, "/startup");
    t.equal(probe("/ready", state)?.status, ready, "/ready");
    t.equal(probe("/ready", state)?.body, "{}\n");
    t.end();
  });
}

t.test("probe() says what is wrong when asked", (t) => {
  t.same(JSON.parse(probe("/ready", state(), true)?.body ?? ""), {
    "agent-loop": "OK",
    "node-in-cluster": "OK",
  });
  const broken = probe("/ready", state({ local: DOWN }), true)?.body ?? "";
  t.match(JSON.parse(broken)["node-in-cluster"], /Down/);
  t.equal(probe("/other", state()), undefined);
  t.end();
});
