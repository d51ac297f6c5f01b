// The client against a server that does what a real one will not do on demand. Every script fails the
// test when a request comes that it does not expect, or when a step is left over.

import t from "tap";
import { playScript, type Reply, type Step } from "../../fixtures/apiserver/scripted-apiserver.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { silentLogger as log } from "../../src/base/log.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { TokenSource } from "../../src/kube/connection.ts";
import { configMaps } from "../../src/kube/resource.ts";
import { StoreWriter } from "../../src/kube/store.ts";
import type { ConfigMap } from "../../src/kube/types.ts";
import { watch } from "../../src/kube/watch.ts";
import { FakeClock } from "../unit/base/fake-clock.ts";

const limit = () => AbortSignal.timeout(20_000);
const PATH = "/api/v1/namespaces/db/configmaps";
const WATCH = `GET ${PATH}`;
const namespace = "db";

const map = (name: string, resourceVersion: string): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace, resourceVersion, uid: `uid-${name}` },
});
const added = (name: string, rv: string) => ({ type: "ADDED", object: map(name, rv) });
const modified = (name: string, rv: string) => ({ type: "MODIFIED", object: map(name, rv) });
const deleted = (name: string, rv: string) => ({ type: "DELETED", object: map(name, rv) });
const bookmark = (rv: string, end?: string) => ({
  type: "BOOKMARK",
  object: {
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: {
      resourceVersion: rv,
      ...(end ? { annotations: { "k8s.io/initial-events-end": end } } : {}),
    },
  },
});
const status = (code: number, reason: string, more: object = {}) => ({
  kind: "Status",
  apiVersion: "v1",
  status: "Failure",
  code,
  reason,
  message: `${reason} it is`,
  ...more,
});
const failure = (code: number, reason: string) => ({ type: "ERROR", object: status(code, reason) });

/** Waiting costs no time, and is noted. */
function eagerClock(): Clock & { slept: number[] } {
  const slept: number[] = [];
  return {
    ...systemClock,
    slept,
    random: () => 0,
    sleep: (ms, signal) => {
      slept.push(ms);
      return systemClock.sleep(0, signal);
    },
  };
}

/** A streaming list is asked for. */
const fromNothing = (t: Tap) => ({ query }: { query: URLSearchParams }) => {
  t.equal(query.get("sendInitialEvents"), "true");
  t.equal(query.get("resourceVersion"), null);
  t.equal(query.get("allowWatchBookmarks"), "true");
};
/** A watch that goes on from a version. */
const from = (t: Tap, rv: string) => ({ query }: { query: URLSearchParams }) => {
  t.equal(query.get("resourceVersion"), rv);
  t.equal(query.get("sendInitialEvents"), null);
  const seconds = Number(query.get("timeoutSeconds"));
  t.ok(seconds >= 300 && seconds <= 600);
};
/** What a step needs of a test. */
type Tap = { equal(got: unknown, want: unknown): unknown; ok(got: unknown): unknown };

const initial = (t: Tap, then?: (reply: Reply) => void): Step => ({
  expect: WATCH,
  check: fromNothing(t),
  reply: (reply) => {
    reply.head(200);
    reply.events(added("a", "5"), added("b", "3"), bookmark("9", "true"));
    then?.(reply);
  },
});

/** Follows until `wanted` is what the store holds; returns what was seen on the way. */
async function followUntil(
  client: KubeClient,
  wanted: string,
  clock: Clock,
  onState: (state: string) => unknown = () => {},
) {
  const stop = new AbortController();
  const writer = new StoreWriter<ConfigMap>();
  const seen: string[] = [];
  const restarts: string[] = [];
  const guard = limit();
  const late = () => stop.abort(new Error(`the store never held ${wanted} but ${names(writer)}`));
  guard.addEventListener("abort", late);
  const options = { namespace, log, clock, onRestart: (why: string) => restarts.push(why) };
  try {
    for await (const event of watch(client, configMaps, options, stop.signal)) {
      seen.push(event.type);
      writer.handle(event);
      onState(names(writer));
      if (
        writer.store.synced && event.type !== "init" && event.type !== "initApply" &&
        names(writer) === wanted
      ) break;
    }
  } finally {
    guard.removeEventListener("abort", late);
  }
  return { seen, restarts, writer };
}

const names = (writer: StoreWriter<ConfigMap>) =>
  writer.store.list().map(({ metadata }) => `${metadata.name}${metadata.resourceVersion}`).sort()
    .join();

t.test("a streaming list ends with the marked bookmark only", async (t) => {
  const server = await playScript(t, [{
    expect: WATCH,
    check: fromNothing(t),
    reply: (reply) => {
      reply.head(200);
      reply.events(
        added("a", "5"),
        bookmark("6"),
        bookmark("7", "false"),
        modified("a", "8"),
        added("b", "2"),
        deleted("b", "9"),
        bookmark("9", "true"),
        modified("a", "10"),
      );
    },
  }]);
  const { seen } = await followUntil(server.client(), "a10", systemClock);
  t.same(seen, ["init", "initApply", "initApply", "initApply", "delete", "initDone", "apply"]);
});

t.test("a server without streaming lists is listed in pages", async (t) => {
  const page = (items: ConfigMap[], more?: string) => ({
    kind: "ConfigMapList",
    metadata: { resourceVersion: "20", ...(more ? { continue: more } : {}) },
    items,
  });
  const server = await playScript(t, [
    { expect: WATCH, reply: (reply) => reply.json(422, status(422, "Invalid")) },
    {
      expect: WATCH,
      check: ({ query }) => t.same([...query], [["limit", "500"]]),
      reply: (reply) => reply.json(200, page([map("a", "5")], "p2")),
    },
    {
      expect: WATCH,
      check: ({ query }) => t.same([...query], [["limit", "500"], ["continue", "p2"]]),
      reply: (reply) => reply.json(200, page([], "p3")),
    },
    { expect: WATCH, reply: (reply) => reply.json(200, page([map("b", "6")])) },
    {
      expect: WATCH,
      check: from(t, "20"),
      reply: (reply) => {
        reply.head(200);
        reply.events(modified("b", "21"));
      },
    },
  ]);
  await followUntil(server.client(), "a5,b21", eagerClock());
});

t.test("pages that have expired are asked for at once, without a phantom of the first try", async (t) => {
  const page = (items: ConfigMap[], more?: string) => ({
    metadata: { resourceVersion: "20", ...(more ? { continue: more } : {}) },
    items,
  });
  const server = await playScript(t, [
    { expect: WATCH, reply: (reply) => reply.json(422, status(422, "Invalid")) },
    { expect: WATCH, reply: (reply) => reply.json(200, page([map("phantom", "5")], "p2")) },
    { expect: WATCH, reply: (reply) => reply.json(410, status(410, "Expired")) },
    {
      expect: WATCH,
      check: ({ query }) => t.same([...query], []),
      reply: (reply) => reply.json(200, page([map("a", "6")])),
    },
  ]);
  const { seen } = await followUntil(server.client(), "a6", eagerClock());
  t.same(seen, ["init", "init", "initApply", "init", "initApply", "initDone"]);
});

for (
  const row of [
    {
      name: "in the middle of a stream",
      break: (reply: Reply) => reply.events(modified("a", "10"), failure(410, "Expired")),
      steps: [],
    },
    {
      name: "at the start of a watch",
      break: (reply: Reply) => {
        reply.events(modified("a", "10"));
        reply.end();
      },
      steps: [{ expect: WATCH, reply: (reply: Reply) => reply.json(410, status(410, "Gone")) }],
    },
  ]
) {
  t.test(`410 ${row.name} leads to one new list, and what it lacks is gone`, async (t) => {
    const clock = eagerClock();
    const server = await playScript(t, [
      initial(t, row.break),
      ...row.steps,
      {
        expect: WATCH,
        check: fromNothing(t),
        reply: (reply) => {
          reply.head(200);
          reply.events(added("c", "50"), bookmark("60", "true"));
        },
      },
    ]);
    const { seen, writer } = await followUntil(server.client(), "c50", clock);
    t.same(seen.filter((type) => type === "init").length, 2);
    t.same(names(writer), "c50");
    t.equal(clock.slept.length, 1, "with a pause before it");
  });
}

// Every way in which a stream may end in the middle; what came before counts, half a line does not.
const half = JSON.stringify(modified("a", "11")).slice(0, 60);
const ENDS: Record<string, (reply: Reply) => void> = {
  "the end of the stream": (reply) => reply.end(),
  "the end in the middle of a line": (reply) => {
    reply.write(half);
    reply.end();
  },
  "RST_STREAM NO_ERROR": (reply) => reply.reset(0),
  "RST_STREAM INTERNAL_ERROR": (reply) => reply.reset(2),
  "RST_STREAM REFUSED_STREAM": (reply) => reply.reset(7),
  "RST_STREAM CANCEL in the middle of a line": (reply) => {
    reply.write(half);
    reply.reset(8);
  },
  "a lost connection": (reply) => reply.stream.write("", () => reply.drop()),
  "GOAWAY with an error": (reply) => reply.stream.write("", () => reply.goAway(2)),
  "a line that is no JSON": (reply) => reply.write("<html>\n"),
};

for (const [name, end] of Object.entries(ENDS)) {
  t.test(`a watch goes on where it was after ${name}`, async (t) => {
    let running: Reply | undefined;
    const server = await playScript(t, [
      initial(t, (reply) => {
        running = reply;
        reply.events(modified("a", "10"));
      }),
      {
        expect: WATCH,
        check: from(t, "10"),
        reply: (reply) => {
          reply.head(200);
          reply.events(modified("a", "11"));
        },
      },
    ]);
    // Only once it was seen: a reset may overtake what was sent before it.
    const breakOnce = (state: string) => {
      if (state !== "a10,b3" || !running) return;
      end(running);
      running = undefined;
    };
    const { seen } = await followUntil(server.client(), "a11,b3", eagerClock(), breakOnce);
    const want = ["init", "initApply", "initApply", "initDone", "apply", "apply"];
    t.same(seen, want, "nothing is lost or seen twice");
  });
}

t.test("half an initial state is thrown away", async (t) => {
  const server = await playScript(t, [
    {
      expect: WATCH,
      check: fromNothing(t),
      reply: (reply) => {
        reply.head(200);
        reply.events(added("phantom", "5"));
        reply.end();
      },
    },
    initial(t),
  ]);
  const { seen } = await followUntil(server.client(), "a5,b3", eagerClock());
  t.same(seen, ["init", "initApply", "init", "initApply", "initApply", "initDone"]);
});

t.test("after a graceful GOAWAY a stream goes on and new ones take a new connection", async (t) => {
  let running: Reply | undefined;
  const ready = Promise.withResolvers<void>();
  const server = await playScript(t, [
    initial(t, (reply) => running = reply),
    {
      expect: "GET /api/v1/nodes",
      reply: (reply) => {
        reply.head(200);
        reply.end();
      },
    },
  ]);
  const client = server.client();
  const onState = (state: string) => state === "a5,b3" && ready.resolve();
  const following = followUntil(client, "a10,b3", systemClock, onState);
  await ready.promise;
  running?.goAway();
  const request = { method: "GET", path: "/api/v1/nodes", query: {}, headers: {} } as const;
  // Until the client has heard of the GOAWAY, the old connection would do as well.
  await new Promise<void>((resolve) => running?.session.ping(() => resolve()));
  for await (const _chunk of await client.openStream(request, limit()));
  t.equal(server.connections, 2);
  running?.events(modified("a", "10"));
  t.same((await following).restarts, []);
});

t.test("a peer that is silent is given up, and the watch goes on elsewhere", async (t) => {
  const server = await playScript(t, [initial(t), {
    expect: WATCH,
    check: from(t, "9"),
    reply: (reply) => {
      reply.head(200);
      reply.events(modified("a", "10"));
    },
  }]);
  const client = server.client({ pingMs: 100, deadMs: 400 });
  const onState = (state: string) => state === "a5,b3" && server.freeze();
  const { restarts } = await followUntil(client, "a10,b3", eagerClock(), onState);
  t.match(restarts[0], /did not answer a ping/);
  t.equal(server.connections, 2);
});

t.test("a server that closes at once is not asked in a loop", async (t) => {
  const clock = eagerClock();
  const closing: Step = {
    expect: WATCH,
    check: from(t, "9"),
    reply: (reply) => {
      reply.head(200);
      reply.end();
    },
  };
  const server = await playScript(t, [
    initial(t, (reply) => reply.end()),
    ...Array.from({ length: 6 }, () => closing),
    {
      expect: WATCH,
      reply: (reply) => {
        reply.head(200);
        reply.events(modified("a", "10"));
      },
    },
  ]);
  await followUntil(server.client(), "a10,b3", clock);
  t.same(
    clock.slept,
    [500, 1000, 2000, 4000, 8000, 15_000],
    "the first close was of a used watch and costs nothing",
  );
});

t.test("a busy server is asked for the same version, no earlier than it says", async (t) => {
  const clock = eagerClock();
  const server = await playScript(t, [
    initial(t, (reply) => reply.end()),
    {
      expect: WATCH,
      check: from(t, "9"),
      reply: (reply) => reply.json(429, status(429, "TooManyRequests"), { "retry-after": "7" }),
    },
    { expect: WATCH, check: from(t, "9"), reply: (reply) => reply.json(503, "<html>") },
    {
      expect: WATCH,
      check: from(t, "9"),
      reply: (reply) => reply.json(401, status(401, "Unauthorized")),
    },
    {
      expect: WATCH,
      check: from(t, "9"),
      reply: (reply) => {
        reply.head(200);
        reply.events(failure(429, "TooManyRequests"));
      },
    },
    {
      expect: WATCH,
      check: from(t, "9"),
      reply: (reply) => {
        reply.head(200);
        reply.events({ type: "SURPRISE", object: {} }, modified("a", "10"));
      },
    },
  ]);
  await followUntil(server.client(), "a10,b3", clock);
  t.same(clock.slept, [7000, 1000, 2000, 4000]);
});

t.test("an error in the stream that is not about the version leads to a new list", async (t) => {
  const server = await playScript(t, [
    initial(t, (reply) => reply.events(failure(500, "InternalError"))),
    {
      expect: WATCH,
      check: fromNothing(t),
      reply: (reply) => {
        reply.head(200);
        reply.events(added("a", "5"), bookmark("60", "true"));
      },
    },
  ]);
  await followUntil(server.client(), "a5", eagerClock());
});

const one = { namespace, name: "a" };
const GET_ONE = `GET ${PATH}/a`;
const POST = `POST ${PATH}`;
const tooMany: Step["reply"] = (reply) =>
  reply.json(429, status(429, "TooManyRequests"), { "retry-after": "1" });

t.test("requests wait as long as the server says", async (t) => {
  const clock = eagerClock();
  const server = await playScript(t, [
    { expect: GET_ONE, reply: tooMany },
    { expect: GET_ONE, reply: tooMany },
    { expect: GET_ONE, reply: (reply) => reply.json(200, map("a", "1")) },
    { expect: POST, reply: tooMany },
    { expect: POST, reply: (reply) => reply.json(500, "oops", { "retry-after": "2" }) },
    {
      expect: POST,
      check: ({ body }) => t.match(JSON.parse(body), { metadata: { name: "a" } }),
      reply: (reply) => reply.json(201, map("a", "1")),
    },
  ]);
  const client = server.client({ clock });
  t.ok(await client.get(configMaps, one, limit()));
  t.ok(await client.create(configMaps, map("a", ""), limit()));
  t.same(clock.slept, [1000, 1000, 1000, 2000]);
});

t.test("requests give up on a server that only says wait", async (t) => {
  const server = await playScript(
    t,
    Array.from({ length: 4 }, () => ({ expect: GET_ONE, reply: tooMany })),
  );
  await t.rejects(
    server.client({ clock: eagerClock() }).get(configMaps, one, limit()),
    /429 TooManyRequests/,
  );
});

t.test("an error without an invitation to repeat comes out at once", async (t) => {
  const server = await playScript(t, [
    { expect: GET_ONE, reply: (reply) => reply.json(500, status(500, "InternalError")) },
    { expect: GET_ONE, reply: (reply) => reply.json(429, status(429, "TooManyRequests")) },
  ]);
  const client = server.client();
  await t.rejects(client.get(configMaps, one, limit()), {
    message: "cannot get ConfigMap db/a: 500 InternalError: InternalError it is",
  });
  await t.rejects(client.get(configMaps, one, limit()), /429 TooManyRequests/);
});

t.test("a read is repeated when its answer breaks off, however it does", async (t) => {
  const broken = (end: (reply: Reply) => void): Step => ({
    expect: GET_ONE,
    reply: (reply) => {
      reply.head(200);
      reply.write('{"kind":"ConfigMap","metad');
      end(reply);
    },
  });
  const server = await playScript(t, [
    broken((reply) => reply.end()),
    broken((reply) => reply.reset(8)),
    broken((reply) => reply.stream.write("", () => reply.drop())),
    { expect: GET_ONE, reply: (reply) => reply.json(200, map("a", "1")) },
  ]);
  t.match(await server.client({ clock: eagerClock() }).get(configMaps, one, limit()), {
    metadata: { name: "a" },
  });
});

t.test("a list whose page was cut off is asked for again", async (t) => {
  const server = await playScript(t, [
    {
      expect: WATCH,
      reply: (reply) => reply.json(200, '{"metadata":{"resourceVersion":"1"},"items":[{"met'),
    },
    {
      expect: WATCH,
      reply: (reply) =>
        reply.json(200, { metadata: { resourceVersion: "1" }, items: [map("a", "1")] }),
    },
  ]);
  t.equal(
    (await server.client({ clock: eagerClock() }).list(configMaps, { namespace }, limit())).items
      .length,
    1,
  );
});

t.test("a write whose fate is unknown is not repeated", async (t) => {
  const server = await playScript(t, [{ expect: POST, reply: (reply) => reply.drop() }]);
  await t.rejects(server.client().create(configMaps, map("a", ""), limit()), {
    code: "KUBE_TRANSPORT",
  });
});

t.test("a refused token is read again and the request sent once more", async (t) => {
  let token = "old";
  const source = new TokenSource(() => Promise.resolve(token));
  const server = await playScript(t, [
    {
      expect: POST,
      check: ({ headers }) => t.equal(headers.authorization, "Bearer old"),
      reply: (reply) => {
        token = "new";
        reply.json(401, status(401, "Unauthorized"));
      },
    },
    {
      expect: POST,
      check: ({ headers }) => t.equal(headers.authorization, "Bearer new"),
      reply: (reply) => reply.json(201, map("a", "1")),
    },
    { expect: GET_ONE, reply: (reply) => reply.json(401, status(401, "Unauthorized")) },
  ], { token: source });
  const client = server.client();
  t.ok(await client.create(configMaps, map("a", ""), limit()));
  await t.rejects(
    client.get(configMaps, one, limit()),
    /401 Unauthorized/,
    "the same token is not tried twice",
  );
});

t.test("a request without an answer ends at its deadline", async (t) => {
  const clock = new FakeClock();
  const arrived = Promise.withResolvers<void>();
  const server = await playScript(t, [{ expect: POST, reply: () => arrived.resolve() }]);
  const client = server.client({ clock, deadMs: 3_600_000 });
  const sent = t.rejects(
    client.create(configMaps, map("a", ""), limit()),
    /cannot create ConfigMap db\/a: no answer within 30000 ms/,
  );
  await arrived.promise;
  await clock.advance(29_999);
  await clock.advance(1);
  await sent;
});

t.test("aborts around the dispatch neither leak streams nor end the process", async (t) => {
  const late: Reply[] = [];
  const server = await playScript(t, [
    { expect: GET_ONE, reply: (reply) => reply.json(200, map("a", "1")) },
    { expect: GET_ONE, reply: (reply) => reply.json(200, map("a", "1")) },
    { expect: GET_ONE, reply: (reply) => reply.json(200, map("a", "1")) },
  ], { stray: { path: `${PATH}/stray`, reply: (reply) => late.push(reply) } });
  const client = server.client();
  await client.get(configMaps, one, limit());
  // From before the dispatch to some turns after it.
  const aborted = Array.from({ length: 60 }, async (_, i) => {
    const controller = new AbortController();
    const request = t.rejects(
      client.get(configMaps, { namespace, name: "stray" }, controller.signal),
      { name: "AbortError" },
    );
    for (let tick = 0; tick < i % 30; tick++) await undefined;
    controller.abort();
    await request;
  });
  await Promise.all(aborted);
  await client.get(configMaps, one, limit());
  for (const reply of late) if (!reply.stream.closed) reply.json(200, map("stray", "1"));
  await client.get(configMaps, one, limit());
  const open = late.filter(({ stream }) => !stream.closed && !stream.destroyed);
  t.equal(open.length, 0, "the server was told of every abort");
  late[0]?.drop();
  await t.rejects(client.get(configMaps, one, AbortSignal.abort()), { name: "AbortError" });
});
