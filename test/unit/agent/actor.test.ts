// The actor with a Lease, a decision and an action of the test's own: what is done, and what is not.

import t from "tap";
import type { AgentAction } from "../../../src/agent/actions.ts";
import { Actor, type ActorOptions } from "../../../src/agent/actor.ts";
import { AgentMetrics } from "../../../src/agent/metrics.ts";
import { ActionError, type Permit } from "../../../src/agent/perform.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLogger } from "../../../src/base/log.ts";
import type { LeaseLock } from "../../../src/runtime/lease.ts";
import { decide } from "../../../src/agent/decide.ts";
import * as a from "./builders.ts";
import { approved, compared, outage } from "./situations.ts";

const ADD: AgentAction = { type: "add-instance", via: "main-0:3306", method: "incremental" };
const START: AgentAction = { type: "start-group-replication" };
const NEVER = new AbortController().signal;

type World = {
  actor: Actor;
  done: string[];
  lease: { free: boolean; lost: boolean; held: number };
};

function world(changes: Partial<ActorOptions> = {}): World {
  const done: string[] = [];
  const lease = { free: true, lost: false, held: 0 };
  const actionLease = {
    holder: "main-1_uid",
    tryAcquire: () => {
      if (!lease.free) return Promise.resolve(undefined);
      lease.held++;
      return Promise.resolve({
        signal: NEVER,
        stillMine: () => !lease.lost,
        release: () => Promise.resolve(void lease.held--),
      });
    },
  } as unknown as LeaseLock;
  const actor = new Actor({
    lease: actionLease,
    lookAgain: () => Promise.resolve(a.facts(2)),
    decide: () => ADD,
    perform: (action) => Promise.resolve(void done.push(action.type)),
    ended: () => done.push("ended"),
    metrics: new AgentMetrics(a.identity(2)),
    clock: { ...systemClock, monotonic: () => a.NOW, random: () => 0 },
    log: silentLogger,
    ...changes,
  });
  return { actor, done, lease };
}

async function settle({ actor }: World, action: AgentAction): Promise<void> {
  actor.consider(action, NEVER);
  while (actor.running !== undefined) await new Promise((resolve) => setImmediate(resolve));
}

t.test("an action under the Lease is decided again, done, and the Lease given up", async (t) => {
  const w = world();
  await settle(w, ADD);
  t.same(w.done, ["add-instance", "ended"]);
  t.equal(w.lease.held, 0);
});

t.test("an action that is no longer right is not done", async (t) => {
  const w = world({ decide: () => ({ type: "steady" }) });
  await settle(w, ADD);
  t.same(w.done, ["ended"]);
  t.equal(w.lease.held, 0);
});

t.test("somebody else's Lease is waited for", async (t) => {
  const w = world();
  w.lease.free = false;
  await settle(w, ADD);
  t.same(w.done, ["ended"]);
  t.equal(w.actor.leaseHolder, "main-1_uid");
  w.lease.free = true;
  await settle(w, ADD);
  t.same(w.done, ["ended"], "not asked for again at once");
  await settle(w, { type: "steady" });
  t.equal(w.actor.leaseHolder, undefined);
});

t.test("the own member is not started while somebody has the Lease", async (t) => {
  const w = world({ decide: () => START });
  w.lease.free = false;
  await settle(w, START);
  t.same(w.done, ["ended"], "MySQL Shell may be giving the members new passwords");
  t.equal(w.actor.leaseHolder, "main-1_uid");
});

t.test("the own member is started without the API server", async (t) => {
  const away = () => Promise.reject(new Error("ECONNREFUSED"));
  const noLease = { holder: "", tryAcquire: away } as unknown as LeaseLock;
  const lookAgain = (how: "withApi" | "withoutApi") =>
    how === "withApi" ? away() : Promise.resolve(a.facts(2));
  for (const changes of [{ lease: noLease, lookAgain }, { lookAgain }]) {
    const changed = world({ ...changes, decide: () => ADD });
    await settle(changed, START);
    t.same(changed.done, ["ended"], "it is decided again, too");
    const w = world({ ...changes, decide: () => START });
    await settle(w, START);
    t.same(w.done, ["start-group-replication", "ended"]);
    t.same(w.actor.history.failures, {});
    t.equal(w.lease.held, 0);
    await settle(w, ADD);
    t.same(w.done, ["start-group-replication", "ended", "ended"], "and nothing else is done");
  }
});

t.test("a step learns that the Lease is lost", async (t) => {
  let permit: Permit | undefined;
  const w = world({
    perform: (_action, _facts, given) => {
      permit = given;
      return Promise.resolve();
    },
  });
  await settle(w, ADD);
  t.ok(permit?.stillMine());
  w.lease.lost = true;
  t.notOk(permit?.stillMine());
});

t.test("a failure is remembered until the member is steady", async (t) => {
  const w = world({
    perform: () => Promise.reject(new ActionError("busy", "add-instance failed: locked")),
  });
  await settle(w, ADD);
  await settle(w, ADD);
  t.match(w.actor.history, {
    failures: { "add-instance": 2 },
    retryAt: a.NOW + 2_000,
    lastFailure: "add-instance failed: locked",
  });
  t.equal(w.lease.held, 0, "the Lease is given up");
  await settle(w, { type: "wait", reason: "WaitingForPrimary", message: "" });
  t.match(w.actor.history, { failures: { "add-instance": 2 } });
  await settle(w, { type: "steady" });
  t.same(w.actor.history.failures, {});
});

t.test("what time does not cure is tried rarely", async (t) => {
  const w = world({ perform: () => Promise.reject(new ActionError("denied", "1045")) });
  await settle(w, ADD);
  t.equal(w.actor.history.retryAt, a.NOW + 30_000);
});

t.test("one action at a time, none after stop()", async (t) => {
  let finish: () => void = () => {};
  const w = world({ perform: () => new Promise((resolve) => finish = resolve) });
  w.actor.consider(START, NEVER);
  w.actor.consider(ADD, NEVER);
  t.equal(w.actor.running?.type, "start-group-replication");
  const stopped = w.actor.stop();
  finish();
  await stopped;
  t.equal(w.actor.running, undefined);
  w.actor.consider(START, NEVER);
  t.equal(w.actor.running, undefined);
});

t.test("of two agents that want to start the group again, the second finds it started", async (t) => {
  const before = outage(0, { 0: 10, 1: 10, 2: 10 });
  const after = { ...before, peers: [1, 2].map((n) => a.peer(n)), outage: undefined };
  const w = world({ decide, lookAgain: () => Promise.resolve(after) });
  t.equal(decide(before).type, "reboot-cluster");
  await settle(w, decide(before));
  t.same(w.done, ["ended"]);
  t.equal(w.lease.held, 0);
});

t.test("an approved plan is not carried out once a member holds more than it says", async (t) => {
  const cluster = a.cluster({ stopped: ["main-2"] });
  const before = approved(outage(1, { 0: 10, 1: 12 }, { cluster }));
  const after = { ...before, outage: compared({ 0: 10, 1: 13 }) };
  t.equal(decide(before).type, "reboot-cluster");
  const w = world({ decide, lookAgain: () => Promise.resolve(after) });
  await settle(w, decide(before));
  t.same(w.done, ["ended"]);
});
