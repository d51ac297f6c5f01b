import t from "tap";
import { Drainer, type DrainOptions } from "../../../src/agent/drain.ts";
import { silentLogger } from "../../../src/base/log.ts";
import * as a from "./builders.ts";
import type { ViewMember } from "../../../src/mysql/queries.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";

const NEVER = new AbortController().signal;
const SWITCHED = [a.row(0, { role: "SECONDARY" }), a.row(1, { role: "PRIMARY" }), a.row(2)];

type World = { outcome?: object; deletion?: object; members?: readonly ViewMember[] };

/** The agent of the primary, MySQL Shell still at work; `done` says what happened in which order. */
function world({ outcome = { ok: true }, deletion = {}, members = a.THREE }: World = {}) {
  const clock = new FakeClock();
  const done: string[] = [];
  const view = { members, refused: false };
  let end: () => void = () => {};
  const shell = {
    run: () => {
      done.push("Shell started");
      return new Promise((resolve) => end = () => resolve((done.push("Shell ended"), outcome)));
    },
  };
  const note = (what: string) => (...args: unknown[]) =>
    Promise.resolve(void done.push(`${what} ${args[0] ?? ""}`.trim()));
  const held = { stillMine: () => true, release: note("Lease given up") };
  const drainer = new Drainer({
    identity: a.identity(0),
    multiPrimary: false,
    look: () => {
      if (view.refused) return Promise.resolve({ server: "unusable", at: 0, detail: "switching" });
      return Promise.resolve(a.up(a.member(0, { members: view.members })));
    },
    endClients: note("clients ended"),
    lease: { tryAcquire: () => Promise.resolve(held) },
    shell,
    roles: {
      hold: note("labels held"),
      release: note("labels go on"),
      pointPrimary: note("Service to"),
    },
    client: {
      of: () => ({
        get: ({ name }: { name: string }) =>
          Promise.resolve({ metadata: name === "main-0" ? deletion : {} }),
      }),
    },
    clock,
    log: silentLogger,
  } as unknown as DrainOptions);
  return { clock, done, drainer, view, end: () => end() };
}

t.test("the Service moves as soon as the group has switched, under the Lease to the Shell's end", async (t) => {
  const w = world();
  const drained = w.drainer.drain(NEVER);
  await settle();
  await w.clock.advance(2_000);
  t.strictSame(w.done.splice(0), ["labels held", "Shell started"], "not before");
  w.view.refused = true;
  await w.clock.advance(500);
  w.view.refused = false;
  w.view.members = SWITCHED;
  await w.clock.advance(100);
  t.strictSame(w.done, ["Service to main-1", "clients ended", "labels go on"]);
  w.end();
  t.equal(await drained, "handed over to main-1");
  t.strictSame(w.done.slice(3), ["Shell ended", "Lease given up"]);
});

t.test("a Shell that fails, and a group that did not switch", async (t) => {
  const w = world({ outcome: { ok: false, failure: { message: "51004" } } });
  const drained = w.drainer.drain(NEVER);
  await settle();
  w.end();
  await settle();
  for (let n = 0; n < 110; n++) await w.clock.advance(50);
  t.match(await drained, /not handed over: 51004/);
  t.strictSame(w.done.slice(2), ["Shell ended", "labels go on", "Lease given up"]);
});

const DELETED = { deletionTimestamp: "2026-01-01T00:02:00Z", deletionGracePeriodSeconds: 120 };

t.test("a Pod that is being deleted keeps kube-proxy busy: the switch waits", async (t) => {
  const w = world({ deletion: DELETED });
  w.drainer.drain(NEVER);
  await settle();
  await w.clock.advance(2_400);
  t.strictSame(w.done, [], "two of its turns, of a second each, and some time to take changes in");
  await w.clock.advance(100);
  t.strictSame(w.done, ["labels held", "Shell started"]);
});

t.test("who is elected away meanwhile has nothing to hand over", async (t) => {
  const w = world({ deletion: DELETED });
  const drained = w.drainer.drain(NEVER);
  await settle();
  w.view.members = SWITCHED;
  await w.clock.advance(2_500);
  t.equal(await drained, "not the primary");
});

t.test("no wait where it helps nobody", async (t) => {
  const short = world({ deletion: { ...DELETED, deletionGracePeriodSeconds: 10 } });
  short.drainer.drain(NEVER);
  await settle();
  t.match(short.done, ["labels held", "Shell started"], "little time is left to stop");
  const alone = world({ deletion: DELETED, members: [a.row(0)] });
  t.equal(await alone.drainer.drain(NEVER), "no other ONLINE member");
  const secondary = world({ deletion: DELETED, members: SWITCHED });
  t.equal(await secondary.drainer.drain(NEVER), "not the primary");
});
