// How a running watch ends and goes on, against a server that does what a real one will not do on demand.

import t from "tap";
import { playScript, type Reply, type Step } from "../../fixtures/apiserver/scripted-apiserver.ts";
import { systemClock } from "../../src/base/clock.ts";
import { configMaps } from "../../src/api/kinds.ts";
import { watch } from "../../src/kube/watch.ts";
import { silentLogger as log } from "../../src/base/log.ts";
import {
  added,
  answer,
  answerAndEnd,
  bookmark,
  deleted,
  eagerClock,
  failure,
  followUntil,
  from,
  fromNothing,
  initial,
  limit,
  modified,
  refuse,
  status,
  WATCH,
} from "./scripted-support.ts";

// Every way in which a stream may end in the middle; what came before counts, half a line does not.
const half = JSON.stringify(modified("a", "11")).slice(0, 60);
const ENDS: Record<string, (reply: Reply) => void> = {
  "the end of the stream": (reply) => reply.end(),
  "the end in the middle of a line": (reply) => {
    reply.write(half);
    reply.end();
  },
  "the end of a line without a line end": (reply) => {
    reply.write(JSON.stringify(modified("a", "11")));
    reply.end();
  },
  "RST_STREAM NO_ERROR": (reply) => reply.reset(0),
  "RST_STREAM INTERNAL_ERROR": (reply) => reply.reset(2),
  "RST_STREAM REFUSED_STREAM": (reply) => reply.reset(7),
  "RST_STREAM CANCEL in the middle of a line": (reply) => {
    reply.write(half);
    reply.reset(8);
  },
  "RST_STREAM ENHANCE_YOUR_CALM": (reply) => reply.reset(11),
  "a lost connection": (reply) => reply.stream.write("", () => reply.drop()),
  "GOAWAY with an error": (reply) => reply.stream.write("", () => reply.goAway(2)),
};

for (const [name, end] of Object.entries(ENDS)) {
  t.test(`a watch goes on where it was after ${name}`, async (t) => {
    let running: Reply | undefined;
    const server = await playScript(t, [
      initial(t, (reply) => {
        running = reply;
        reply.events(modified("a", "10"));
      }),
      { expect: WATCH, check: from(t, "10"), reply: answer(modified("a", "11")) },
    ]);
    // Only once it was seen: a reset may overtake what was sent before it.
    const onState = (state: string) => {
      if (state !== "a10,b3" || !running) return;
      end(running);
      running = undefined;
    };
    const { seen } = await followUntil(server.client(), "a11,b3", eagerClock(), { onState });
    const want = ["init", "apply", "apply", "initDone", "apply", "apply"];
    t.same(seen, want, "nothing is lost or seen twice");
  });
}

t.test("half an initial state is thrown away", async (t) => {
  const server = await playScript(t, [
    { expect: WATCH, check: fromNothing(t), reply: answerAndEnd(added("phantom", "5")) },
    initial(t),
  ]);
  const { seen } = await followUntil(server.client(), "a5,b3", eagerClock());
  t.same(seen, ["init", "apply", "init", "apply", "apply", "initDone"]);
});

t.test("bookmarks move a quiet watch on: the next one begins there", async (t) => {
  const server = await playScript(t, [
    initial(t, (reply) => {
      reply.events(bookmark("40"), bookmark("41"), bookmark("39"));
      reply.end();
    }),
    { expect: WATCH, check: from(t, "41"), reply: answer(modified("a", "50")) },
  ]);
  await followUntil(server.client(), "a50,b3", eagerClock());
});

t.test("what is sent again is not taken in again, and brings nothing back", async (t) => {
  const again = [modified("a", "10"), added("b", "3"), deleted("a", "8"), bookmark("7")];
  const server = await playScript(t, [
    initial(t, (reply) => {
      reply.events(modified("a", "10"), deleted("b", "11"), ...again);
      reply.end();
    }),
    { expect: WATCH, check: from(t, "11"), reply: answer(...again, modified("a", "12")) },
  ]);
  const { seen } = await followUntil(server.client(), "a12", eagerClock());
  t.same(seen, ["init", "apply", "apply", "initDone", "apply", "delete", "apply"]);
});

t.test("after a graceful GOAWAY a stream goes on and new ones take a new connection", async (t) => {
  let running: Reply | undefined;
  const ready = Promise.withResolvers<void>();
  const server = await playScript(t, [
    initial(t, (reply) => running = reply),
    { expect: "GET /api/v1/nodes", reply: answerAndEnd() },
  ]);
  const client = server.client();
  const onState = (state: string) => state === "a5,b3" && ready.resolve();
  const following = followUntil(client, "a10,b3", systemClock, { onState });
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
  const server = await playScript(t, [
    initial(t),
    { expect: WATCH, check: from(t, "9"), reply: answer(modified("a", "10")) },
  ]);
  const client = server.client({ pingMs: 100, deadMs: 400 });
  const onState = (state: string) => state === "a5,b3" && server.freeze();
  const { restarts } = await followUntil(client, "a10,b3", eagerClock(), { onState });
  t.match(restarts[0], /did not answer a ping/);
  t.equal(server.connections, 2);
});

for (
  const row of [
    { name: "and says nothing", says: [] },
    {
      name: "and only repeats itself",
      says: [bookmark("9"), modified("a", "8"), { type: "SURPRISE" }],
    },
  ]
) {
  t.test(`a server that closes at once ${row.name} is not asked in a loop`, async (t) => {
    const clock = eagerClock();
    const closing: Step = { expect: WATCH, check: from(t, "9"), reply: answerAndEnd(...row.says) };
    const server = await playScript(t, [
      initial(t, (reply) => reply.end()),
      ...Array.from({ length: 6 }, () => closing),
      { expect: WATCH, reply: answer(modified("a", "10")) },
    ]);
    await followUntil(server.client(), "a10,b3", clock);
    const want = [500, 1000, 2000, 4000, 8000, 15_000];
    t.same(clock.slept, want, "the first close was of a used watch and costs nothing");
  });
}

// What a watch does after each error: go on from its version, or begin again. Either with a pause.
const BUSY = { begins: from, reply: answer(modified("a", "10")) };
const BROKEN = {
  begins: fromNothing,
  reply: answer(added("a", "10"), added("b", "3"), bookmark("60", "true")),
};
const ERRORS: Record<string, { says: (reply: Reply) => void; then: typeof BUSY | typeof BROKEN }> =
  {
    "an ERROR 410": { says: answer(failure(410, "Gone")), then: BROKEN },
    "an ERROR 429": { says: answer(failure(429, "TooManyRequests")), then: BUSY },
    "an ERROR 500": { says: answer(failure(500, "InternalError")), then: BROKEN },
    "an ERROR 503": { says: answer(failure(503, "ServiceUnavailable")), then: BROKEN },
    "an ERROR 504": { says: answer(failure(504, "Timeout")), then: BROKEN },
    "an ERROR 403": { says: answer(failure(403, "Forbidden")), then: BROKEN },
    "an ERROR about a stored object": {
      says: answer(failure(500, "StoreReadError")),
      then: BROKEN,
    },
    "an ERROR without a code": {
      says: answer({ type: "ERROR", object: { kind: "Status" } }),
      then: BROKEN,
    },
    "a Status without an event": { says: answer(status(500, "InternalError")), then: BROKEN },
    "HTTP 401": { says: refuse(401, "Unauthorized"), then: BUSY },
    "HTTP 403": { says: refuse(403, "Forbidden"), then: BUSY },
    "HTTP 429": { says: refuse(429, "TooManyRequests"), then: BUSY },
    "HTTP 500": { says: refuse(500, "InternalError"), then: BUSY },
    "HTTP 503 from a proxy": { says: (reply) => reply.json(503, "<html>"), then: BUSY },
  };

for (const [name, { says, then }] of Object.entries(ERRORS)) {
  t.test(`after ${name} a watch ${then === BUSY ? "goes on" : "begins again"}`, async (t) => {
    const clock = eagerClock();
    const server = await playScript(t, [
      initial(t, (reply) => reply.end()),
      { expect: WATCH, check: from(t, "9"), reply: says },
      { expect: WATCH, check: then.begins(t, "9"), reply: then.reply },
    ]);
    await followUntil(server.client(), "a10,b3", clock);
    t.same(clock.slept, [500]);
  });
}

t.test("a busy server is asked no earlier than it says", async (t) => {
  const clock = eagerClock();
  const server = await playScript(t, [
    initial(t, (reply) => reply.end()),
    { expect: WATCH, reply: refuse(429, "TooManyRequests", { "retry-after": "7" }) },
    { expect: WATCH, reply: refuse(503, "ServiceUnavailable", { "retry-after": "9" }) },
    { expect: WATCH, reply: refuse(429, "TooManyRequests") },
    { expect: WATCH, check: from(t, "9"), reply: answer(modified("a", "10")) },
  ]);
  await followUntil(server.client(), "a10,b3", clock);
  t.same(clock.slept, [7000, 9000, 2000]);
});

t.test("150 watches find their place where a connection takes 100 streams", async (t) => {
  const one: Step = { expect: WATCH, reply: answer(added("a", "5"), bookmark("9", "true")) };
  const server = await playScript(t, Array.from({ length: 150 }, () => one));
  const client = server.client();
  const stop = new AbortController();
  const synced = Promise.withResolvers<void>();
  let count = 0;
  const take = ({ type }: { type: string }) => {
    if (type === "initDone" && ++count === 150) synced.resolve();
  };
  const options = { client, type: configMaps, namespace: "db", log, clock: systemClock, take };
  const watches = Array.from({ length: 150 }, () => watch(options, stop.signal));
  const late = limit();
  late.addEventListener("abort", () => synced.reject(new Error(`only ${count} were synced`)));
  await synced.promise;
  t.ok(server.connections <= 3, `${server.connections} connections`);
  stop.abort();
  t.ok((await Promise.allSettled(watches)).every(({ status }) => status === "rejected"));
});
