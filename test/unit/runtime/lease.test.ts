// The times that a Lease is kept by, with a clock that the test moves. One Lease object stands beside it,
// which knows versions and nothing else; the real one is in test/contract/runtime-real.test.ts.

import t from "tap";
import { silentLogger as log } from "../../../src/base/log.ts";
import { ApiError } from "../../../src/kube/api-error.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import type { Lease } from "../../../src/kube/object.ts";
import { LeaseLock, type LeaseOptions } from "../../../src/runtime/lease.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";

const refusal = (code: number, reason: string) =>
  new ApiError("no", code, { status: { code, reason } });

/** One Lease, and what was asked of it. */
class OneLease {
  lease: Lease | undefined;
  readonly asked: string[] = [];
  readonly lanes: string[] = [];
  /** Requests are not answered while this is set; one that is aborted ends. */
  silent = false;
  /** Writes are carried out, and answered after this. */
  slow: Promise<void> | undefined;
  #version = 0;

  onLane(lane: string): this {
    this.lanes.push(lane);
    return this;
  }

  of(): this {
    return this;
  }

  get(_ref: unknown, signal: AbortSignal): Promise<Lease | undefined> {
    return this.#answer("get", signal, () => this.lease);
  }

  create(lease: Lease, signal: AbortSignal): Promise<Lease> {
    return this.#answer("create", signal, () => {
      if (this.lease) throw refusal(409, "AlreadyExists");
      return this.put(lease);
    });
  }

  replace(lease: Lease, _how: unknown, signal: AbortSignal): Promise<Lease> {
    return this.#answer("replace", signal, () => {
      const { resourceVersion } = lease.metadata;
      if (this.lease === undefined) throw refusal(404, "NotFound");
      if (resourceVersion !== this.lease?.metadata.resourceVersion) throw refusal(409, "Conflict");
      return this.put(lease);
    });
  }

  put(lease: Lease): Lease {
    const metadata = { ...lease.metadata, resourceVersion: String(++this.#version) };
    return this.lease = { ...lease, metadata };
  }

  /** Changes fields of the record, as somebody else. */
  change(spec: object): void {
    if (this.lease) this.put({ ...this.lease, spec: { ...this.lease.spec, ...spec } });
  }

  async #answer<T>(what: string, signal: AbortSignal, answer: () => T): Promise<T> {
    this.asked.push(what);
    signal.throwIfAborted();
    if (this.silent) {
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    }
    const answered = answer();
    await this.slow;
    return answered;
  }
}

function start(t: { teardown(run: () => unknown): void }, options: Partial<LeaseOptions> = {}) {
  const clock = new FakeClock();
  const server = new OneLease();
  const stop = new AbortController();
  const lock = (identity: string) =>
    new LeaseLock({
      client: server as unknown as KubeClient,
      namespace: "db",
      name: "lock",
      identity,
      mayCreate: true,
      clock,
      log,
      ...options,
    });
  t.teardown(() => stop.abort());
  return { clock, server, lock, stop, signal: stop.signal };
}

for (
  const { name, options } of [
    { name: "a renew deadline not below the duration", options: { renewDeadlineMs: 15_000 } },
    { name: "a retry period too close to the deadline", options: { retryPeriodMs: 8_334 } },
    { name: "no retry period", options: { retryPeriodMs: 0 } },
    { name: "an empty identity", options: { identity: "" } },
  ]
) {
  t.test(`a LeaseLock refuses ${name}`, async (t) => {
    const { lock } = start(t, options);
    t.throws(() => lock("me"), /lease/);
  });
}

t.test("a held Lease is renewed by one write, on the lane for it", async (t) => {
  const { clock, server, lock, signal } = start(t);
  const held = await lock("me").acquire(signal);
  t.ok(held?.stillMine());
  t.same(server.asked.splice(0), ["get", "create"]);
  await clock.advance(2000);
  t.same(server.asked, ["replace"]);
  t.same(server.lanes, ["lease"]);
  t.match(server.lease?.spec, { holderIdentity: "me", leaseTransitions: 0 });
  const released = held?.release();
  t.notOk(held?.stillMine(), "from the moment on when it is given up");
  await released;
});

t.test("a conflict while renewing is looked at: labels of others are kept", async (t) => {
  const { clock, server, lock, signal } = start(t);
  const held = await lock("me").acquire(signal);
  const { lease } = server;
  if (lease) server.put({ ...lease, metadata: { ...lease.metadata, labels: { a: "b" } } });
  server.change({ strategy: "OldestEmulationVersion" });
  server.asked.length = 0;
  await clock.advance(2000);
  t.same(server.asked, ["replace", "get", "replace"]);
  t.ok(held?.stillMine());
  t.match(server.lease, {
    metadata: { labels: { a: "b" } },
    spec: { strategy: "OldestEmulationVersion", holderIdentity: "me" },
  });
});

t.test("a Lease that was deleted is made again by its holder", async (t) => {
  const { clock, server, lock, signal } = start(t);
  const held = await lock("me").acquire(signal);
  server.lease = undefined;
  server.asked.length = 0;
  await clock.advance(2000);
  t.same(server.asked, ["replace", "get", "create"]);
  t.ok(held?.stillMine());
});

t.test("a hold counts from before its renewal was sent, and ends ten seconds later", async (t) => {
  const { clock, server, lock, signal } = start(t);
  const held = await lock("me").acquire(signal);
  await clock.advance(1999);
  server.silent = true;
  await clock.advance(8000);
  t.ok(held?.stillMine());
  t.notOk(held?.lost.aborted);
  await clock.advance(1);
  t.notOk(held?.stillMine());
  t.ok(held?.lost.aborted, "five seconds before anybody else may begin");
  t.match(held?.lost.reason, { message: "the lease lock was lost" });
  server.silent = false;
  server.asked.length = 0;
  await held?.release();
  t.same(server.asked, [], "what is lost is not given up");
});

t.test("an answer that comes late does not make the hold longer", async (t) => {
  const { clock, server, lock, signal } = start(t);
  const held = await lock("me").acquire(signal);
  const slow = Promise.withResolvers<void>();
  server.slow = slow.promise;
  await clock.advance(6000);
  t.match(server.asked, ["get", "create", "replace"], "sent after two seconds");
  slow.resolve();
  await settle();
  server.silent = true;
  await clock.advance(5999);
  t.ok(held?.stillMine());
  await clock.advance(1);
  t.notOk(held?.stillMine(), "ten seconds after it was sent");
});

t.test("one request that hangs leaves time for another", async (t) => {
  const { clock, server, lock, signal } = start(t);
  const held = await lock("me").acquire(signal);
  server.silent = true;
  await clock.advance(2000);
  server.silent = false;
  server.asked.length = 0;
  await clock.advance(5000);
  await clock.advance(2000);
  t.equal(server.asked.at(-1), "replace", "after half of the renew deadline it is tried again");
  t.ok(held?.stillMine());
  await clock.advance(5000);
  t.ok(held?.stillMine());
});

t.test("a machine that was suspended has lost the Lease, though its clock stood still", async (t) => {
  const { clock, lock, signal } = start(t);
  const one = lock("me");
  const held = await one.acquire(signal);
  clock.suspend(1999);
  t.ok(one.held, "the wall clock is set by small steps");
  clock.suspend(1);
  t.notOk(one.held);
  t.notOk(held?.stillMine());
  await clock.advance(2000);
  t.ok(held?.lost.aborted);
});

t.test("a Lease that was taken from its holder is lost at once", async (t) => {
  const { clock, server, lock, signal } = start(t);
  const held = await lock("me").acquire(signal);
  server.change({ holderIdentity: "other", leaseDurationSeconds: 15 });
  await clock.advance(2000);
  t.ok(held?.lost.aborted);
  await held?.release();
  t.equal(server.lease?.spec?.holderIdentity, "other");
});

t.test("a candidate takes over when the record has stood still for its duration", async (t) => {
  const { clock, server, lock, signal } = start(t);
  await lock("first").acquire(signal);
  server.silent = true; // the first one is cut off
  await clock.advance(10_000);
  server.silent = false;
  const second = lock("second");
  let taken = false;
  void second.acquire(signal).then(() => taken = true);
  await settle();
  t.equal(second.holder, "first");
  await clock.advance(14_000);
  t.notOk(taken);
  await clock.advance(2000);
  t.ok(taken);
  t.match(server.lease?.spec, { holderIdentity: "second", leaseTransitions: 1 });
});

t.test("a Lease that is given up is taken at the next look", async (t) => {
  const { clock, server, lock, signal, stop } = start(t);
  const own = new AbortController();
  const held = await lock("first").acquire(own.signal);
  own.abort();
  t.notOk(held?.stillMine());
  server.asked.length = 0;
  await clock.advance(4000);
  t.equal(server.lease?.spec?.holderIdentity, "first");
  t.same(server.asked, ["replace", "replace"], "renewed while its holder winds up");
  await held?.release();
  t.match(server.lease?.spec, { holderIdentity: "", leaseDurationSeconds: 1 });
  const second = lock("second").acquire(signal);
  await settle();
  t.ok(await second);
  stop.abort();
});

t.test("two candidates that create the Lease at once: one gets it", async (t) => {
  const { clock, server, lock, signal } = start(t);
  const [one, two] = [lock("one"), lock("two")];
  const won: string[] = [];
  void one.acquire(signal).then(() => won.push("one"));
  void two.acquire(signal).then(() => won.push("two"));
  await clock.advance(10_000);
  t.equal(won.length, 1);
  t.equal(server.lease?.spec?.holderIdentity, won[0]);
  t.ok(server.asked.filter((what) => what === "create").length === 2, "both tried");
});
