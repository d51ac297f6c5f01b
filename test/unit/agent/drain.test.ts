import t from "tap";
import { Drainer, type DrainOptions } from "../../../src/agent/drain.ts";
import { silentLogger } from "../../../src/base/log.ts";
import * as a from "./builders.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";

const NEVER = new AbortController().signal;
const SWITCHED = [a.row(0, { role: "SECONDARY" }), a.row(1, { role: "PRIMARY" }), a.row(2)];

/** The agent of the primary, MySQL Shell still at work; `done` says what happened in which order. */
function world(outcome: object = { ok: true }) {
  const clock = new FakeClock();
  const done: string[] = [];
  const view = { members: a.THREE, refused: false };
  let end: () => void = () => {};
  const shell = {
    run: () => new Promise((resolve) => end = () => resolve((done.push("Shell ended"), outcome))),
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
    roles: { pointPrimary: note("Service to") },
    client: { of: () => ({ get: () => Promise.resolve({ metadata: {} }) }) },
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
  t.strictSame(w.done, [], "not before");
  w.view.refused = true;
  await w.clock.advance(500);
  w.view.refused = false;
  w.view.members = SWITCHED;
  await w.clock.advance(100);
  t.strictSame(w.done, ["Service to main-1", "clients ended"]);
  w.end();
  t.equal(await drained, "handed over to main-1");
  t.strictSame(w.done.slice(2), ["Shell ended", "Lease given up"]);
});

t.test("a Shell that fails, and a group that did not switch", async (t) => {
  const w = world({ ok: false, failure: { message: "51004" } });
  const drained = w.drainer.drain(NEVER);
  await settle();
  w.end();
  await settle();
  for (let n = 0; n < 110; n++) await w.clock.advance(50);
  t.match(await drained, /not handed over: 51004/);
  t.strictSame(w.done, ["Shell ended", "Lease given up"]);
});
