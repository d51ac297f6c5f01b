import t from "tap";
import { MetricRegistry } from "../../../src/base/metrics.ts";
import { Workqueue } from "../../../src/runtime/workqueue.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";

const never = new AbortController().signal;

function queue() {
  const clock = new FakeClock();
  const metrics = new MetricRegistry();
  return { clock, metrics, queue: new Workqueue({ name: "q", clock, metrics }) };
}

t.test("keys come out in the order of their first add, once each", async (t) => {
  const { queue: q } = queue();
  for (const key of ["a", "b", "a", "c", "b"]) q.add(key);
  t.equal(q.length, 3);
  t.same([await q.get(never), await q.get(never), await q.get(never)], ["a", "b", "c"]);
});

t.test("a key added while it is worked on comes once more after done()", async (t) => {
  const { queue: q } = queue();
  q.add("a");
  t.equal(await q.get(never), "a");
  for (let i = 0; i < 3; i++) q.add("a");
  t.equal(q.length, 0, "nobody else may work on it meanwhile");
  q.done("a");
  t.equal(await q.get(never), "a");
  q.done("a");
  t.equal(q.length, 0);
});

t.test("get() waits, and every add wakes one waiter", async (t) => {
  const { queue: q } = queue();
  const got: (string | undefined)[] = [];
  const waiting = [1, 2].map(() => q.get(never).then((key) => got.push(key)));
  await settle();
  q.add("a");
  await settle();
  t.same(got, ["a"]);
  q.add("b");
  await Promise.all(waiting);
  t.same(got, ["a", "b"]);
});

t.test("get() ends at an abort and does not swallow a key", async (t) => {
  const { queue: q } = queue();
  const controller = new AbortController();
  const waiting = q.get(controller.signal);
  controller.abort();
  t.equal(await waiting, undefined);
  q.add("a");
  t.equal(await q.get(controller.signal), undefined);
  t.equal(await q.get(never), "a");
});

t.test("addAfter() keeps the earliest time of a key", async (t) => {
  const { queue: q, clock } = queue();
  q.addAfter("a", 5000);
  q.addAfter("a", 1000);
  q.addAfter("a", 3000);
  await clock.advance(999);
  t.equal(q.length, 0);
  await clock.advance(1);
  t.equal(q.length, 1);
  t.equal(clock.pending, 0, "the later times are forgotten");
  q.addAfter("b", 0);
  t.equal(q.length, 2);
});

t.test("addRateLimited() doubles until forget()", async (t) => {
  const { queue: q, clock } = queue();
  const delayOf = async () => {
    q.addRateLimited("a");
    let ms = 0;
    while (q.length === 0) {
      await clock.advance(1);
      ms++;
    }
    q.done(await q.get(never) ?? "");
    return ms;
  };
  t.same([await delayOf(), await delayOf(), await delayOf()], [5, 10, 20]);
  q.forget("a");
  t.equal(await delayOf(), 5);
});

t.test("shutDown() hands out what is queued, drops what is delayed and takes nothing in", async (t) => {
  const { queue: q, clock } = queue();
  q.add("a");
  q.addAfter("b", 10);
  q.shutDown();
  q.add("c");
  q.addAfter("d", 10);
  t.equal(clock.pending, 0);
  t.equal(await q.get(never), "a");
  t.equal(await q.get(never), undefined);
});

t.test("shutDown() wakes every waiter", async (t) => {
  const { queue: q } = queue();
  const waiting = [q.get(never), q.get(never)];
  await settle();
  q.shutDown();
  t.same(await Promise.all(waiting), [undefined, undefined]);
});

t.test("metrics have their conventional names", async (t) => {
  const { queue: q, clock, metrics } = queue();
  q.add("a");
  q.add("b");
  q.add("b");
  await clock.advance(2000);
  await q.get(never);
  await clock.advance(3000);
  q.addRateLimited("b");
  const text = metrics.render();
  for (
    const line of [
      'workqueue_adds_total{name="q"} 2',
      'workqueue_depth{name="q"} 1',
      'workqueue_retries_total{name="q"} 1',
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

/** What the queue must do, said in the simplest way: per key, whether it is wanted and whether it is worked on. */
async function play(seed: number): Promise<string | undefined> {
  const random = randomFrom(seed);
  const { queue: q, clock } = queue();
  const wanted: string[] = [];
  const working = new Set<string>();
  const due = new Map<string, number>();
  const want = (key: string) => {
    if (!wanted.includes(key)) wanted.push(key);
  };
  const fire = () => {
    for (const [key, at] of [...due].sort((a, b) => a[1] - b[1])) {
      if (at > clock.monotonic()) continue;
      due.delete(key);
      want(key);
    }
  };
  for (let step = 0; step < 60; step++) {
    const key = "abcd"[Math.floor(random() * 4)] ?? "a";
    const dice = random();
    if (dice < 0.3) {
      q.add(key);
      want(key);
    } else if (dice < 0.45) {
      const ms = 1 + Math.floor(random() * 20);
      q.addAfter(key, ms);
      due.set(key, Math.min(due.get(key) ?? Infinity, clock.monotonic() + ms));
    } else if (dice < 0.6) {
      await clock.advance(Math.floor(random() * 15));
      fire();
    } else if (dice < 0.8) {
      const ready = wanted.filter((candidate) => !working.has(candidate));
      if (q.length !== ready.length) {
        return `step ${step}: length ${q.length}, want ${ready.length}`;
      }
      if (ready.length === 0) continue;
      const got = await q.get(never) ?? "";
      if (!ready.includes(got)) return `step ${step}: got ${got}, ready ${ready}`;
      wanted.splice(wanted.indexOf(got), 1);
      working.add(got);
    } else if (working.has(key)) {
      q.done(key);
      working.delete(key);
    }
  }
  return undefined;
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
