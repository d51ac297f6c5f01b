// What a watch makes of a stream that the test feeds, and the times that it keeps, with a clock that the
// test moves.

import t from "tap";
import { systemClock } from "../../../src/base/clock.ts";
import { createLogger, silentLogger as log } from "../../../src/base/log.ts";
import { ApiError } from "../../../src/kube/api-error.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import type { ListOptions, ListPage } from "../../../src/kube/objects.ts";
import type { KubeObject } from "../../../src/kube/object.ts";
import type { KubeRequest } from "../../../src/kube/request.ts";
import { metadataOnly, type ResourceType } from "../../../src/kube/resource.ts";
import { configMaps } from "../../../src/api/kinds.ts";
import { watch } from "../../../src/kube/watch.ts";
import type { WatcherEvent } from "../../../src/kube/watcher.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";

const UTF8 = new TextEncoder();

/** Opens streams that say what they are given and end when they are aborted. */
class Streams {
  readonly opened: KubeRequest[] = [];
  readonly closedBy: unknown[] = [];
  readonly listed: object[] = [];
  pages: ListPage<KubeObject>[] = [];
  refusal: Error | undefined;
  #say: (line: string) => void = () => {};

  /** All of it in one portion. */
  say(...events: unknown[]): Promise<void> {
    const lines = events.map((one) => typeof one === "string" ? one : JSON.stringify(one) + "\n");
    this.#say(lines.join(""));
    return settle();
  }

  openStream(request: KubeRequest, signal: AbortSignal): Promise<AsyncGenerator<Uint8Array>> {
    this.opened.push(request);
    if (this.refusal && request.query.sendInitialEvents) return Promise.reject(this.refusal);
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#say = (line) => controller.enqueue(UTF8.encode(line));
        signal.addEventListener("abort", () => {
          this.closedBy.push(signal.reason);
          controller.error(signal.reason);
        }, { once: true });
      },
      cancel: () => void this.closedBy.push("left"),
    });
    return Promise.resolve(stream.values() as unknown as AsyncGenerator<Uint8Array>);
  }

  of() {
    const list = ({ limit, continueToken }: ListOptions): Promise<ListPage<KubeObject>> => {
      this.listed.push({ limit, continueToken });
      return Promise.resolve(this.pages.shift() ?? Promise.reject(new Error("no such page")));
    };
    return { list };
  }

  /** What was asked for since this was called last. */
  requests(): string[] {
    return [
      ...this.opened.splice(0).map(({ query }) => `watch ${query.resourceVersion ?? "anew"}`),
      ...this.listed.splice(0).map((page) => `list ${JSON.stringify(page)}`),
    ];
  }
}

type Test = { teardown(run: () => unknown): void; ok(fact: unknown): unknown };

function start(t: Test, type: ResourceType<KubeObject> = configMaps) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = createLogger({ level: "warn", format: "json", clock, write });
  const streams = new Streams();
  const stop = new AbortController();
  const events: string[] = [];
  const restarts: string[] = [];
  const unreadable: string[] = [];
  const options = {
    client: streams as unknown as KubeClient,
    ...{ type, log, clock },
    onRestart: (why: string) => restarts.push(why),
    onUnreadable: (what: string) => unreadable.push(what),
    take: (event: WatcherEvent<KubeObject>) => {
      if (!("object" in event)) return void events.push(event.type);
      const { kind, metadata } = event.object;
      t.ok(kind === "ConfigMap" && !("managedFields" in metadata && metadata.managedFields));
      const { name, resourceVersion } = metadata;
      events.push(`${event.unreadable ? "unreadable" : event.type} ${name}${resourceVersion}`);
    },
  };
  // After the test has said how the server is; it ends by the abort.
  const ended = Promise.resolve().then(() => watch(options, stop.signal)).catch(() => {});
  const end = async () => {
    stop.abort();
    await ended;
  };
  t.teardown(end);
  return { clock, streams, events, restarts, unreadable, lines, end };
}

const object = (resourceVersion: string, more: object = {}, kind = "ConfigMap") => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "a", namespace: "db", resourceVersion, managedFields: [{}], ...more },
});
const change = (resourceVersion: string, more: object = {}) => ({
  type: "MODIFIED",
  object: object(resourceVersion, more),
});
const bookmark = (resourceVersion: string, annotations = {}) => ({
  type: "BOOKMARK",
  object: { metadata: { resourceVersion, annotations } },
});
const initialEnd = bookmark("7", { "k8s.io/initial-events-end": "true" });
const page = (resourceVersion: string, ...items: unknown[]): ListPage<KubeObject> => ({
  items: items as KubeObject[],
  resourceVersion,
  continueToken: undefined,
});

t.test("a streaming list that falls silent is replaced by a list in pages", async (t) => {
  const { clock, streams, events } = start(t);
  await settle();
  await streams.say(change("5"));
  await clock.advance(29_999);
  await streams.say(change("6"));
  streams.pages = [page("8", object("6"))];
  await clock.advance(29_999);
  t.same(streams.requests(), ["watch anew"]);
  await clock.advance(1);
  t.match(streams.closedBy[0], { message: /no answer within 30000 ms/ });
  t.same(streams.requests(), ["watch 8", 'list {"limit":500}']);
  t.same(events, ["init", "apply a5", "apply a6", "init", "apply a6", "initDone"]);
});

t.test("bookmarks do not keep a streaming list alive that never ends", async (t) => {
  const { clock, streams } = start(t);
  await settle();
  await streams.say(bookmark("5"));
  await clock.advance(30_000);
  t.match(streams.requests(), ["watch anew", /list/], "so that a watch with bookmarks is no sync");
});

t.test("a watch that sends bookmarks is given up when they stop", async (t) => {
  const { clock, streams } = start(t);
  await settle();
  await streams.say(initialEnd);
  await clock.advance(99_999);
  await streams.say(bookmark("9"));
  await clock.advance(99_999);
  t.same(streams.requests(), ["watch anew"]);
  await clock.advance(1);
  t.match(streams.closedBy[0], { message: /no answer within 100000 ms/ });
  t.same(streams.requests(), ["watch 9"], "at once: it had been of use");
});

t.test("a server that does not close a watch in time is left", async (t) => {
  const { clock, streams } = start(t);
  await settle();
  await streams.say(initialEnd);
  t.equal(streams.opened[0]?.query.timeoutSeconds, "300");
  for (let spentMs = 0; spentMs < 310_000; spentMs += 10_000) {
    await clock.advance(10_000);
    await streams.say(change(String(spentMs + 10)));
  }
  t.equal(streams.opened.length, 1);
  await clock.advance(5_000);
  t.match(streams.closedBy[0], { message: /no answer within 5000 ms/ });
  t.same(streams.requests(), ["watch anew", "watch 300010"]);
});

t.test("an abort ends the stream and every timer", async (t) => {
  const { clock, streams, end } = start(t);
  await settle();
  await streams.say(initialEnd);
  await end();
  t.equal(streams.closedBy.length, 1);
  t.equal(clock.pending, 0);
});

t.test("a refused streaming list is not asked for with every new list", async (t) => {
  const { clock, streams, restarts } = start(t);
  streams.refusal = new ApiError("cannot watch", 422, { status: {} });
  streams.pages = [page("8"), page("9"), page("10")];
  await settle();
  t.same(streams.requests(), ["watch anew", "watch 8", 'list {"limit":500}']);
  await streams.say({ type: "ERROR", object: { code: 410, reason: "Expired" } });
  await clock.advance(500);
  t.same(streams.requests(), ["watch 9", 'list {"limit":500}']);
  t.match(restarts, [/^refused: cannot watch: 422/, /^gone: 410 Expired/, /^refused/]);
  for (let waitedMs = 0; waitedMs < 600_000; waitedMs += 60_000) {
    await clock.advance(60_000);
    await streams.say(bookmark("9"));
  }
  streams.requests();
  await streams.say({ type: "ERROR", object: { code: 410, reason: "Expired" } });
  await clock.advance(500);
  t.same(
    streams.requests(),
    ["watch anew", "watch 10", 'list {"limit":500}'],
    "but again after a while",
  );
});

const MALFORMED: Record<string, object> = {
  "a label map that is a text": { labels: "no" },
  "annotations that are a number": { annotations: 5 },
  "owners that are no list": { ownerReferences: {} },
  "an owner that is nothing": { ownerReferences: [null] },
  "finalizers that are no list": { finalizers: "no" },
  "a uid that is a number": { uid: 5 },
};

for (const [name, metadata] of Object.entries(MALFORMED)) {
  t.test(`an object with ${name} is unreadable and the watch goes on behind it`, async (t) => {
    const { streams, events, unreadable, lines, clock } = start(t);
    await settle();
    await streams.say(change("5", metadata), initialEnd, change("8", metadata), change("9"));
    const want = ["init", "unreadable a5", "initDone", "unreadable a8", "apply a9"];
    t.same(events, want);
    t.equal(unreadable.length, 2, "each one counts");
    t.match(lines, [/"level":"warn".*ConfigMap db\/a: malformed/], "but it is told once");
    t.equal(lines.length, 1);
    t.match(unreadable[0], /^ConfigMap db\/a: malformed/);
    await clock.advance(100_000);
    t.same(streams.requests(), ["watch anew", "watch 9"]);
  });
}

t.test("an object with a malformed body, or without a version, is unreadable", async (t) => {
  const { streams, events } = start(t);
  await settle();
  const body = { ...object("8"), status: "fine" };
  const bare = { ...object("9"), metadata: { name: "a", namespace: "db" } };
  const null_ = { ...object("9"), status: null };
  await streams.say(
    initialEnd,
    ...[body, bare, null_].map((one) => ({ type: "ADDED", object: one })),
  );
  t.same(events.slice(2), ["unreadable a8", "unreadable aundefined", "apply a9"]);
});

t.test("what has no name and no known type is passed over, reported, and no reason to stop", async (t) => {
  const { streams, events, unreadable } = start(t);
  await settle();
  await streams.say(
    { type: "SURPRISE", object: {} },
    { type: "ADDED" },
    { type: "ADDED", object: null },
    { type: "ADDED", object: "text" },
    { type: "ADDED", object: { metadata: 5 } },
    { type: "ADDED", object: object("5", { name: "" }) },
    { type: "ADDED", object: object("5", { namespace: undefined }) },
    { type: "BOOKMARK", object: {} },
    5,
    null,
    initialEnd,
    change("8"),
  );
  t.same(events, ["init", "initDone", "apply a8"]);
  t.equal(unreadable.length, 10);
});

t.test("a list passes on what it can and marks the rest", async (t) => {
  const { streams, events, unreadable } = start(t);
  streams.refusal = new ApiError("cannot watch", 400, { status: {} });
  streams.pages = [
    page("8", null, object("5", { name: "" }), object("6", { labels: 1 }), object("7")),
  ];
  await settle();
  t.same(events, ["init", "init", "unreadable a6", "apply a7", "initDone"]);
  t.equal(unreadable.length, 3);
});

const BROKEN: Record<string, unknown> = {
  "a line that is not JSON": "<html>\n",
  "a compressed answer": "\u001f\u008b\n",
  "a Table": { type: "ADDED", object: { kind: "Table", metadata: { name: "a" } } },
  "an error without an event around it": { kind: "Status", code: 500 },
  "an error without a code": { type: "ERROR", object: {} },
  "an error without anything": { type: "ERROR" },
};

for (const [name, line] of Object.entries(BROKEN)) {
  t.test(`${name} leads to a new list, slowly, and what comes after it does not count`, async (t) => {
    const { streams, events, clock } = start(t);
    await settle();
    await streams.say(initialEnd, change("8"));
    streams.requests();
    await streams.say(line, change("9"));
    t.same(streams.requests(), []);
    await clock.advance(500);
    t.same(streams.requests(), ["watch anew"]);
    t.same(events, ["init", "initDone", "apply a8", "init"]);
    await streams.say(line);
    await clock.advance(999);
    t.same(streams.requests(), [], "and slower each time");
    await clock.advance(1);
    t.same(streams.requests(), ["watch anew"]);
  });
}

t.test("a server that stays away is told of, with why, but not with every attempt", async (t) => {
  const { streams, lines, clock } = start(t);
  streams.refusal = new ApiError("cannot watch", 503, { status: { message: "down" } });
  await settle();
  for (let waitedMs = 0; waitedMs < 240_000; waitedMs += 1000) await clock.advance(1000);
  t.ok(streams.opened.length > 15);
  t.equal(lines.length, 1);
  t.match(lines[0], /watch keeps failing.*busy: cannot watch: 503 ServiceUnavailable: down/);
});

t.test("a watch of metadata only takes nothing else", async (t) => {
  const { streams, events, clock } = start(t, metadataOnly(configMaps));
  await settle();
  t.match(streams.opened[0]?.headers.accept, /as=PartialObjectMetadata;g=meta.k8s.io;v=v1$/);
  const partial = { type: "ADDED", object: object("5", {}, "PartialObjectMetadata") };
  await streams.say(partial, initialEnd, change("8"));
  t.same(events, ["init", "apply a5", "initDone", "init"], "as the kind that was asked for");
  streams.requests();
  await clock.advance(500);
  t.same(streams.requests(), ["watch anew"]);
});

t.test("reading gives way to timers, however much there is to read", async (t) => {
  const line = UTF8.encode(JSON.stringify({ ...change("8"), pad: "x".repeat(50_000) }) + "\n");
  let chunks = 0;
  const streams = {
    // Always ready: without giving way, nothing else would ever run.
    async openStream() {
      return (async function* () {
        yield UTF8.encode(JSON.stringify(initialEnd) + "\n");
        for (; chunks < 1_000_000; chunks++) yield line;
      })();
    },
  };
  const stop = new AbortController();
  const turns: number[] = [];
  const timer = setInterval(() => {
    if (turns.push(performance.now()) === 10) stop.abort();
  }, 5);
  t.teardown(() => clearInterval(timer));
  const client = streams as unknown as KubeClient;
  const options = { client, type: configMaps, log, clock: systemClock, take: () => {} };
  await t.rejects(watch(options, stop.signal));
  t.ok(chunks < 1_000_000, `${chunks} chunks were read in ten turns`);
});
