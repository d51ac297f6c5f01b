// Watches against a server that does what a real one will not do on demand. Every script fails the test
// when a request comes that it does not expect, or when a step is left over.

import t from "tap";
import { playScript, type Reply, type Step } from "../../fixtures/apiserver/scripted-apiserver.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { ConfigMap } from "../../src/api/kinds.ts";
import {
  added,
  bookmark,
  deleted,
  eagerClock,
  failure,
  followUntil,
  from,
  fromNothing,
  initial,
  limit,
  map,
  modified,
  names,
  status,
  WATCH,
} from "./scripted-support.ts";

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
  t.same(seen, ["init", "apply", "apply", "apply", "delete", "initDone", "apply"]);
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
  t.same(seen, ["init", "init", "apply", "init", "apply", "initDone"]);
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
    const want = ["init", "apply", "apply", "initDone", "apply", "apply"];
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
  t.same(seen, ["init", "apply", "init", "apply", "apply", "initDone"]);
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
