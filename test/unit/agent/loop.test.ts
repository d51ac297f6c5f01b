import t from "tap";
import type { Facts, LocalView } from "../../../src/agent/facts.ts";
import { AgentLoop, type LoopOptions } from "../../../src/agent/loop.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";
import * as a from "./builders.ts";

/** A loop whose parts only note what they are told; `peers` are those that a look finds. */
function looping(local: LocalView, peers: Facts["peers"]) {
  const clock = new FakeClock();
  const told = { pulse: [] as (string | undefined)[], returning: [] as boolean[] };
  const world = { local, peers };
  const facts = (): Facts =>
    a.facts(1, { now: clock.monotonic(), local: world.local, peers: world.peers });
  const nothing = () => {};
  const loop = new AgentLoop({
    clock,
    log: silentLogger,
    identity: a.identity(1),
    local: {
      look: () => Promise.resolve({ ...world.local, at: clock.monotonic() }),
      open: () => Promise.reject(new Error("the guard has nothing to do here")),
    },
    observer: { full: () => Promise.resolve(facts()), light: () => ({ ...facts(), peers: [] }) },
    actor: {
      consider: nothing,
      history: a.facts(1).history,
      noteAutoRejoin: (returns: boolean) => told.returning.push(returns),
    },
    pulse: { want: (primary?: string) => told.pulse.push(primary) },
    cluster: { read: () => Promise.resolve(), refresh: nothing, facts: a.cluster() },
    peers: { close: nothing },
    roles: { want: nothing },
    publisher: { publish: nothing },
    metrics: { observed: nothing },
    drainer: { draining: false },
    countRestarts: () => Promise.resolve(0),
  } as unknown as LoopOptions);
  const stop = new AbortController();
  const ended = loop.run(stop.signal);
  return { clock, ended, stop, told, world };
}

t.test("while a server comes back by itself, the primary of its group is written on", async (t) => {
  const returning = a.up(a.outside(1, "ERROR"), a.data({ starting: "autoRejoin" }));
  const { clock, ended, stop, told, world } = looping(returning, []);
  await settle();
  t.same(told.pulse, [undefined], "there is no group yet");
  world.peers = [a.peer(0), a.peer(2)];
  await clock.advance(100);
  t.equal(told.pulse.at(-1), a.addressOfOrdinal(0));
  t.equal(told.returning.at(-1), true);
  world.local = a.up(a.outside(1, "ERROR"));
  await clock.advance(100);
  t.equal(told.pulse.at(-1), undefined, "it has given up");
  world.local = returning;
  await clock.advance(100);
  t.equal(told.pulse.at(-1), a.addressOfOrdinal(0));
  world.local = a.up(a.member(1));
  await clock.advance(100);
  t.equal(told.pulse.at(-1), undefined, "it is back");
  world.local = returning;
  await clock.advance(1_000);
  stop.abort();
  await ended;
  t.equal(told.pulse.at(-1), undefined, "nor after the agent's end");
});
