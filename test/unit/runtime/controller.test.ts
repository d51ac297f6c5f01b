// The retry policy as a table, and the loop around it with a clock that the test moves and watches that the
// test feeds.

import t from "tap";
import { configMaps, pods } from "../../../src/api/kinds.ts";
import { TerminalError } from "../../../src/base/errors.ts";
import { createLogger } from "../../../src/base/log.ts";
import { MetricRegistry } from "../../../src/base/metrics.ts";
import { keyOf } from "../../../src/kube/store.ts";
import {
  afterReconcile,
  Controller,
  type ControllerOptions,
  type Outcome,
} from "../../../src/runtime/controller.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";
import { Streams } from "./streams.ts";

const failed = (error: unknown, how = {}) => ({ error, expired: false, aborted: false, ...how });

const ROWS: { name: string; outcome: Outcome; want: ReturnType<typeof afterReconcile> }[] = [
  {
    name: "forgets after success",
    outcome: { result: {} },
    want: { end: "success", again: "no" },
  },
  {
    name: "comes back when asked to",
    outcome: { result: { requeueAfterMs: 5000 } },
    want: { end: "requeue_after", again: 5000 },
  },
  {
    name: "comes back at once when asked to",
    outcome: { result: { requeueAfterMs: 0 } },
    want: { end: "requeue_after", again: 0 },
  },
  {
    name: "backs off after an error",
    outcome: failed(Object.assign(new Error("no"), { code: "KUBE_API" })),
    want: { end: "error", again: "backoff" },
  },
  {
    name: "backs off after something thrown that is no error",
    outcome: failed(undefined),
    want: { end: "panic", again: "backoff" },
  },
  {
    name: "backs off after a pass that took too long, whatever it throws",
    outcome: failed(new TerminalError("never"), { expired: true, aborted: true }),
    want: { end: "timeout", again: "backoff" },
  },
  {
    name: "drops what cannot succeed",
    outcome: failed(new TerminalError("never")),
    want: { end: "terminal", again: "no" },
  },
  {
    name: "drops what was asked to end",
    outcome: failed(new TypeError("undefined"), { aborted: true }),
    want: { end: "aborted", again: "no" },
  },
];

for (const { name, outcome, want } of ROWS) {
  t.test(`afterReconcile() ${name}`, async (t) => t.strictSame(afterReconcile(outcome), want));
}

function start(
  t: { teardown(run: () => unknown): void },
  reconcile: ControllerOptions["reconcile"],
  more: Partial<ControllerOptions> = {},
) {
  const clock = new FakeClock();
  const streams = new Streams();
  const metrics = new MetricRegistry();
  const lines: Record<string, unknown>[] = [];
  const write = (text: string) => void lines.push(JSON.parse(text));
  const log = createLogger({ level: "debug", format: "json", write, clock });
  const client = streams.client();
  const keys = (object: Parameters<typeof keyOf>[0]) => [keyOf(object)];
  const controller = new Controller({
    name: "test",
    workers: 2,
    sources: [{ type: configMaps, keys }],
    ...{ client, reconcile, log, clock, metrics },
    ...more,
  });
  const stop = new AbortController();
  const ended = controller.run(stop.signal);
  const end = async () => {
    stop.abort();
    await ended;
  };
  t.teardown(end);
  const count = (name: string) =>
    Number(
      new RegExp(`^controller_runtime_${name}[{].*[}] (\\d+)$`, "m").exec(metrics.render())?.[1],
    );
  return { clock, streams, controller, metrics, lines, end, count };
}

const ALL = "/api/v1/configmaps";

t.test("workers begin when every store is whole", async (t) => {
  const seen: string[] = [];
  const { streams } = start(t, (key) => {
    seen.push(key);
    return Promise.resolve({});
  }, {
    sources: [{ type: configMaps, keys: (one) => [keyOf(one)] }, { type: pods, keys: () => [] }],
  });
  await streams.whole(ALL, "db/a");
  t.same(seen, [], "a reconcile would take what is not there yet for missing");
  await streams.whole("/api/v1/pods");
  t.same(seen, ["db/a"]);
});

t.test("workers begin when they may, with warm stores", async (t) => {
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const { controller, streams, lines } = start(t, (key) => {
    seen.push(key);
    return Promise.resolve({});
  }, {
    mayBegin: gate.promise,
    sources: [{ type: configMaps, keys: (one) => [keyOf(one)] }, { type: pods, keys: () => [] }],
  });
  t.same(controller.missing, ["ConfigMap", "Pod"]);
  await streams.whole(ALL, "db/a");
  t.same(controller.missing, ["Pod"]);
  t.same(seen, []);
  await streams.whole("/api/v1/pods");
  t.same(controller.missing, []);
  t.same(seen, [], "a standby only fills its stores");
  t.ok(lines.some(({ msg }) => msg === "stores filled"));
  gate.resolve();
  await settle();
  t.same(seen, ["db/a"]);
});

t.test("a controller that never began ends at once", async (t) => {
  const { streams, end } = start(t, () => Promise.resolve({}), { mayBegin: new Promise(() => {}) });
  await streams.whole(ALL, "db/a");
  await end();
});

t.test("several namespaces are several watches, one queue and one store", async (t) => {
  const seen: string[] = [];
  const { clock, controller, streams } = start(t, (key) => {
    seen.push(key);
    return Promise.resolve({});
  }, { sources: [{ type: configMaps, namespaces: ["a", "b"], keys: (one) => [keyOf(one)] }] });
  const [a, b] = ["a", "b"].map((name) => `/api/v1/namespaces/${name}/configmaps`) as [
    string,
    string,
  ];
  await settle();
  t.same(streams.paths.sort(), [a, b]);
  await streams.whole(a, "a/one", "a/two");
  t.same(controller.missing, ["ConfigMap"]);
  await streams.whole(b, "b/one");
  t.same(seen.splice(0).sort(), ["a/one", "a/two", "b/one"]);
  // One namespace is listed anew, without an object that was there.
  await streams.gone(a);
  await clock.advance(1000);
  await streams.whole(a, "a/one");
  t.same(seen, ["a/two"], "gone; nothing of the other namespace is");
  t.same(controller.store(configMaps).list().map(keyOf).sort(), ["a/one", "b/one"]);
});

t.test("a bug in keys() costs the object that it fails on, and is told", async (t) => {
  const seen: string[] = [];
  const { streams, lines } = start(t, (key) => {
    seen.push(key);
    return Promise.resolve({});
  }, {
    sources: [{
      type: configMaps,
      keys: (one) => {
        if (one.metadata.name === "b") throw new TypeError("a bug");
        return [keyOf(one)];
      },
    }],
  });
  await streams.whole(ALL, "db/a", "db/b", "db/c");
  t.same(seen, ["db/a", "db/c"]);
  const told = lines.filter(({ msg }) => msg === "watch event not understood");
  t.match(told, [{ kind: "ConfigMap", err: "a bug", stack: String }]);
});

t.test("an object that cannot be read is counted, and its key reconciled", async (t) => {
  const seen: (string | undefined)[] = [];
  const { controller, metrics, streams } = start(t, (key) => {
    seen.push(controller.store(configMaps).unreadable(key));
    return Promise.resolve({});
  });
  await streams.whole(ALL, "db/a");
  await streams.garble(ALL, "db/a");
  t.same(seen, [undefined, "malformed spec or status"]);
  t.match(metrics.render(), 'watch_unreadable_total{controller="test",kind="ConfigMap"} 1\n');
  t.ok(controller.store(configMaps).get("db/a"), "the last good state is still there");
});

t.test("a key is worked on by one worker at a time, and again if it changed meanwhile", async (t) => {
  const passes: PromiseWithResolvers<void>[] = [];
  const { controller, streams } = start(t, async () => {
    const pass = Promise.withResolvers<void>();
    passes.push(pass);
    await pass.promise;
    return {};
  });
  await streams.whole(ALL);
  for (let i = 0; i < 3; i++) {
    controller.enqueue("a", "test");
    await settle();
  }
  t.equal(passes.length, 1);
  passes[0]?.resolve();
  await settle();
  t.equal(passes.length, 2);
  passes[1]?.resolve();
  await settle();
  t.equal(passes.length, 2);
});

t.test("a pass that never ends is aborted, counted and tried again", async (t) => {
  const signals: AbortSignal[] = [];
  const { clock, controller, streams, count, lines } = start(t, (_key, _context, signal) => {
    signals.push(signal);
    return signals.length === 1 ? new Promise(() => {}) : Promise.resolve({});
  });
  await streams.whole(ALL);
  controller.enqueue("a", "test");
  await clock.advance(119_999);
  t.notOk(signals[0]?.aborted);
  await clock.advance(1);
  t.ok(signals[0]?.aborted, "so it can no longer write");
  t.equal(count("reconcile_timeouts_total"), 1);
  t.equal(count("reconcile_errors_total"), 1);
  t.equal(count("active_workers"), 0);
  t.match(lines.at(-1), { msg: "reconcile failed", err: "not ended within 120000 ms" });
  await clock.advance(5);
  t.equal(signals.length, 2);
  t.notOk(signals[1]?.aborted);
});

t.test("the end waits for a pass that winds up", async (t) => {
  const wound = Promise.withResolvers<Record<string, never>>();
  const { controller, streams, end, metrics } = start(t, () => wound.promise);
  await streams.whole(ALL);
  controller.enqueue("a", "test");
  controller.enqueue("b", "test");
  controller.enqueue("c", "test");
  await settle();
  let ended = false;
  const ending = end().then(() => ended = true);
  await settle();
  t.notOk(ended);
  wound.reject(new Error("told to end"));
  await ending;
  t.match(
    metrics.render(),
    'reconcile_total{controller="test",result="aborted"} 2',
    "c never began",
  );
});

t.test("a pass comes again when it asked to; a good one ends the growing of delays", async (t) => {
  const results = [{ requeueAfterMs: 700 }, new Error("no"), new Error("no"), {}, new Error("no")];
  const at: number[] = [];
  const { clock, controller, streams } = start(t, () => {
    at.push(clock.monotonic());
    const result = results.shift() ?? {};
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
  });
  await streams.whole(ALL);
  controller.enqueue("a", "test");
  await clock.advance(700);
  await clock.advance(5);
  await clock.advance(10);
  controller.enqueue("a", "test");
  await clock.advance(5);
  const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
  t.same(waits, [700, 5, 10, 0, 5]);
});

const FAILURES = [
  { name: "a bug", error: new TypeError("x is not a function"), counted: "reconcile_panics_total" },
  { name: "no error at all", error: "text", counted: "reconcile_panics_total" },
  {
    name: "what cannot succeed",
    error: new TerminalError("never"),
    counted: "terminal_reconcile_errors_total",
  },
  { name: "an expected error", error: Object.assign(new Error("no"), { code: "KUBE_API" }) },
];

for (const { name, error, counted } of FAILURES) {
  t.test(`${name} is counted as such`, async (t) => {
    const { controller, streams, count } = start(t, () => {
      throw error; // before any promise
    });
    await streams.whole(ALL);
    controller.enqueue("a", "test");
    await settle();
    t.equal(count("reconcile_errors_total"), 1);
    for (const special of ["reconcile_panics_total", "terminal_reconcile_errors_total"]) {
      t.equal(count(special), special === counted ? 1 : 0, special);
    }
  });
}
