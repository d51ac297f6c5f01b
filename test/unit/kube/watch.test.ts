// The times that a watch keeps, with a clock that the test moves and a stream that the test feeds.

import t from "tap";
import { silentLogger as log } from "../../../src/base/log.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import type { KubeRequest } from "../../../src/kube/request.ts";
import { configMaps } from "../../../src/api/kinds.ts";
import { watch } from "../../../src/kube/watch.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";

/** Opens streams that say what they are given and end when they are aborted. */
class Streams {
  readonly opened: KubeRequest[] = [];
  readonly closedBy: unknown[] = [];
  #say: (line: string) => void = () => {};

  say(event: object): Promise<void> {
    this.#say(JSON.stringify(event) + "\n");
    return settle();
  }

  openStream(request: KubeRequest, signal: AbortSignal): Promise<AsyncGenerator<Uint8Array>> {
    this.opened.push(request);
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#say = (line) => controller.enqueue(new TextEncoder().encode(line));
        signal.addEventListener("abort", () => {
          this.closedBy.push(signal.reason);
          controller.error(signal.reason);
        }, { once: true });
      },
    });
    return Promise.resolve((async function* () {
      yield* stream;
    })());
  }
}

function start(t: { teardown(run: () => unknown): void }) {
  const clock = new FakeClock();
  const streams = new Streams();
  const stop = new AbortController();
  const events: string[] = [];
  const ended = (async () => {
    const client = streams as unknown as KubeClient;
    for await (const event of watch(client, configMaps, { log, clock }, stop.signal)) {
      events.push(event.type);
    }
  })().catch(() => {}); // by the abort
  const end = async () => {
    stop.abort();
    await ended;
  };
  t.teardown(end);
  return { clock, streams, events, end };
}

const change = (resourceVersion: string) => ({
  type: "MODIFIED",
  object: {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a", resourceVersion, managedFields: [] },
  },
});
const bookmark = (resourceVersion: string, annotations = {}) => ({
  type: "BOOKMARK",
  object: { metadata: { resourceVersion, annotations } },
});
const initialEnd = bookmark("7", { "k8s.io/initial-events-end": "true" });

t.test("initial events that stop coming are asked for again", async (t) => {
  const { clock, streams, events } = start(t);
  await settle();
  await streams.say(change("5"));
  await clock.advance(29_999);
  await streams.say(change("6"));
  await clock.advance(29_999);
  t.equal(streams.opened.length, 1);
  await clock.advance(1);
  t.match(streams.closedBy[0], { message: /silent for 30000 ms/ });
  await clock.advance(500);
  t.equal(streams.opened.length, 2);
  t.same(events, ["init", "initApply", "initApply", "init"]);
});

t.test("a watch that sends bookmarks is given up when they stop", async (t) => {
  const { clock, streams } = start(t);
  await settle();
  await streams.say(initialEnd);
  await clock.advance(99_999);
  await streams.say(bookmark("9"));
  await clock.advance(99_999);
  t.equal(streams.opened.length, 1);
  await clock.advance(1);
  t.match(streams.closedBy[0], { message: /silent for 100000 ms/ });
  t.equal(streams.opened.length, 2, "at once: it had been of use");
  t.equal(streams.opened[1]?.query.resourceVersion, "9");
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
  t.match(streams.closedBy[0], { message: /did not close the watch in time/ });
  t.equal(streams.opened[1]?.query.resourceVersion, "300010");
});

t.test("an abort ends the stream and every timer", async (t) => {
  const { clock, streams, end } = start(t);
  await settle();
  await streams.say(initialEnd);
  await end();
  t.equal(streams.closedBy.length, 1);
  t.equal(clock.pending, 0);
});
