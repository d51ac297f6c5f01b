import t from "tap";
import { MetricRegistry } from "../../../src/base/metrics.ts";
import { Workqueue } from "../../../src/runtime/workqueue.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";

function queue() {
  const clock = new FakeClock();
  const metrics = new MetricRegistry();
  /** How many keys need work. */
  const depth = () => Number(/workqueue_depth\{name="q"\} (\d+)/.exec(metrics.render())?.[1]);
  return { clock, metrics, depth, queue: new Workqueue({ name: "q", clock, metrics }) };
}

t.test("keys come out in the order of their first add, once each", async (t) => {
  const { queue: q, depth } = queue();
  for (const key of ["a", "b", "a", "c", "b"]) q.add(key);
  t.equal(depth(), 3);
  t.same([await q.get(), await q.get(), await q.get()], ["a", "b", "c"]);
});

t.test("a key added while it is worked on comes once more after done()", async (t) => {
  const { queue: q, depth } = queue();
  q.add("a");
  t.equal(await q.get(), "a");
  for (let i = 0; i < 3; i++) q.add("a");
  let second: string | undefined;
  void q.get().then((key) => second = key);
  await settle();
  t.equal(second, undefined, "nobody else may work on it meanwhile");
  q.done("a");
  await settle();
  t.equal(second, "a");
  q.done("a");
  t.equal(depth(), 0);
});

t.test("get() waits, and every add wakes one waiter", async (t) => {
  const { queue: q } = queue();
  const got: (string | undefined)[] = [];
  const waiting = [1, 2].map(() => q.get().then((key) => got.push(key)));
  await settle();
  q.add("a");
  await settle();
  t.same(got, ["a"]);
  q.add("b");
  await Promise.all(waiting);
  t.same(got, ["a", "b"]);
});

t.test("addAfter() keeps the earliest time of a key", async (t) => {
  const { queue: q, clock, depth } = queue();
  q.addAfter("a", 5000);
  q.addAfter("a", 1000);
  q.addAfter("a", 3000);
  await clock.advance(999);
  t.equal(depth(), 0);
  await clock.advance(1);
  t.equal(depth(), 1);
  t.equal(clock.pending, 0, "the later times are forgotten");
  q.addAfter("b", 0);
  t.equal(depth(), 2);
});

t.test("addRateLimited() doubles until forget()", async (t) => {
  const { queue: q, clock, depth } = queue();
  const delayOf = async () => {
    q.addRateLimited("a");
    let ms = 0;
    while (depth() === 0) {
      await clock.advance(1);
      ms++;
    }
    q.done(await q.get() ?? "");
    return ms;
  };
  t.same([await delayOf(), await delayOf(), await delayOf()], [5, 10, 20]);
  q.forget("a");
  t.equal(await delayOf(), 5);
});

t.test("addRateLimited() of all keys together is ten a second after the first hundred", async (t) => {
  const { queue: q, clock, depth } = queue();
  for (let i = 0; i < 120; i++) q.addRateLimited(`key ${i}`);
  await clock.advance(5);
  t.equal(depth(), 100, "each key's own delay is 5 ms");
  await clock.advance(995);
  t.equal(depth(), 110);
  await clock.advance(1000);
  t.equal(depth(), 120);
});

t.test("addRateLimited() waits for whichever limit is later", async (t) => {
  const { queue: q, clock, depth } = queue();
  for (let i = 0; i < 11; i++) q.addRateLimited("a");
  q.forget("b");
  t.equal(clock.pending, 1);
  await clock.advance(5);
  t.equal(depth(), 1, "the earliest of one key's delays counts");
  q.done(await q.get() ?? "");
  q.addRateLimited("a");
  await clock.advance(5 * 2 ** 11 - 1);
  t.equal(depth(), 0, "its own delay, though the overall limit would let it through");
  await clock.advance(1);
  t.equal(depth(), 1);
});

t.test("shutDown() hands out what is queued, drops what is delayed and takes nothing in", async (t) => {
  const { queue: q, clock } = queue();
  q.add("a");
  q.addAfter("b", 10);
  void q.shutDown();
  q.add("c");
  q.addAfter("d", 10);
  t.equal(clock.pending, 0);
  t.equal(await q.get(), "a");
  t.equal(await q.get(), undefined);
});

t.test("shutDown() wakes every waiter", async (t) => {
  const { queue: q } = queue();
  const waiting = [q.get(), q.get()];
  await q.shutDown();
  t.same(await Promise.all(waiting), [undefined, undefined]);
});

t.test("shutDown() waits for what is being worked on", async (t) => {
  const { queue: q } = queue();
  q.add("a");
  await q.get();
  let ended = false;
  const drained = q.shutDown().then(() => ended = true);
  await settle();
  t.notOk(ended);
  q.done("a");
  await drained;
});

t.test("shutDown() ends when everything has been given back, what was marked meanwhile too", async (t) => {
  const { queue: q } = queue();
  q.add("a");
  q.add("b");
  await q.get();
  q.add("a"); // marked while it is worked on
  let ended = false;
  const drained = q.shutDown().then(() => ended = true);
  t.equal(await q.get(), "b");
  q.done("a");
  q.done("b");
  await settle();
  t.notOk(ended, "a is to be done once more");
  t.equal(await q.get(), "a");
  await settle();
  t.notOk(ended, "and is being done");
  q.done("a");
  await drained;
  t.equal(await q.get(), undefined);
});

t.test("metrics have their conventional names", async (t) => {
  const { queue: q, clock, metrics } = queue();
  q.add("a");
  q.add("b");
  q.add("b");
  await clock.advance(2000);
  await q.get();
  await clock.advance(3000);
  q.addRateLimited("b");
  q.addAfter("c", 1000);
  const text = metrics.render();
  for (
    const line of [
      'workqueue_adds_total{name="q"} 2',
      'workqueue_depth{name="q"} 1',
      'workqueue_retries_total{name="q"} 2',
      'workqueue_queue_duration_seconds_sum{name="q"} 2',
      'workqueue_unfinished_work_seconds{name="q"} 3',
      'workqueue_longest_running_processor_seconds{name="q"} 3',
    ]
  ) t.match(text, line);
});

// A small generator of repeatable randomness (mulberry32).
function randomFrom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What the queue must do, said in the simplest way; keys in the order in which they began to wait. */
class Model {
  ready: string[] = [];
  readonly again = new Set<string>();
  readonly working = new Set<string>();
  readonly due = new Map<string, number>();
  /** Adds of each key that no get() has answered yet. */
  readonly unanswered = new Set<string>();

  get depth(): number {
    return this.ready.length + this.again.size;
  }

  want(key: string): void {
    this.unanswered.add(key);
    if (this.working.has(key)) this.again.add(key);
    else if (!this.ready.includes(key)) this.ready.push(key);
  }

  later(key: string, at: number): void {
    if ((this.due.get(key) ?? Infinity) <= at) return;
    this.due.delete(key); // of two that are due at once, the one that was set first comes first
    this.due.set(key, at);
  }

  /** The delays that are over by `now`, in their order. */
  pass(now: number): void {
    for (const [key, at] of [...this.due].sort((a, b) => a[1] - b[1])) {
      if (at > now) continue;
      this.due.delete(key);
      this.want(key);
    }
  }

  take(): string | undefined {
    const key = this.ready.shift();
    if (key !== undefined) {
      this.working.add(key);
      this.unanswered.delete(key);
    }
    return key;
  }

  giveBack(key: string): void {
    this.working.delete(key);
    if (this.again.delete(key)) this.ready.push(key);
  }
}

/** One random history; what is wrong, or undefined. */
async function play(seed: number): Promise<string | undefined> {
  const random = randomFrom(seed);
  const { queue: q, clock, depth } = queue();
  const model = new Model();
  const failures = new Map<string, number>();
  const steps = 60;
  for (let step = 0; step < steps; step++) {
    const key = "abcd"[Math.floor(random() * 4)] ?? "a";
    const dice = random();
    if (dice < 0.25) {
      q.add(key);
      model.want(key);
    } else if (dice < 0.35) {
      const ms = 1 + Math.floor(random() * 2000);
      q.addAfter(key, ms);
      model.later(key, clock.monotonic() + ms);
    } else if (dice < 0.45) {
      const failed = failures.get(key) ?? 0;
      failures.set(key, failed + 1);
      q.addRateLimited(key);
      model.later(key, clock.monotonic() + 5 * 2 ** failed);
    } else if (dice < 0.5) {
      q.forget(key);
      failures.delete(key);
    } else if (dice < 0.6) {
      await clock.advance(Math.floor(random() * 1500));
      model.pass(clock.monotonic());
    } else if (dice < 0.8) {
      if (depth() !== model.depth) {
        return `step ${step}: depth ${depth()}, want ${model.depth}`;
      }
      if (model.ready.length === 0) continue;
      const busy = new Set(model.working);
      const got = await q.get() ?? "";
      const want = model.take();
      if (busy.has(got)) return `step ${step}: ${got} is handed out twice`;
      if (got !== want) return `step ${step}: got ${got}, want ${want}`;
    } else if (model.working.has(key)) {
      q.done(key);
      model.giveBack(key);
    }
  }
  return await drain(q, model);
}

/** Everything that was wanted and not answered comes once more, then nothing. */
async function drain(q: Workqueue, model: Model): Promise<string | undefined> {
  for (const key of [...model.working]) {
    q.done(key);
    model.giveBack(key);
  }
  const drained = q.shutDown();
  for (let key = await q.get(); key !== undefined; key = await q.get()) {
    const want = model.take();
    if (key !== want) return `at the end: got ${key}, want ${want}`;
    q.done(key);
  }
  await drained;
  return model.unanswered.size === 0 ? undefined : `never came: ${[...model.unanswered]}`;
}

t.test("a thousand random histories agree with the model", async (t) => {
  for (let seed = 1; seed <= 1000; seed++) {
    const difference = await play(seed);
    if (difference) {
      t.fail(`seed ${seed}: ${difference}`);
      return;
    }
  }
  t.pass("no difference");
});
