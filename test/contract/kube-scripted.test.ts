// Requests against a server that does what a real one will not do on demand. Every script fails the test
// when a request comes that it does not expect, or when a step is left over.

import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import t from "tap";
import { playScript, type Reply, type Step } from "../../fixtures/apiserver/scripted-apiserver.ts";
import { configMaps } from "../../src/api/kinds.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { MetricRegistry } from "../../src/base/metrics.ts";
import type { ApiError } from "../../src/kube/api-error.ts";
import { FakeClock, settle } from "../unit/base/fake-clock.ts";
import {
  eagerClock,
  limit,
  map as mapOf,
  namespace,
  PATH,
  status,
  WATCH,
} from "./scripted-support.ts";

const one = { namespace, name: "a" };
const GET_ONE = `GET ${PATH}/a`;
const POST = `POST ${PATH}`;
const refusalOf = (request: Promise<unknown>): Promise<ApiError> =>
  request.then(() => assert.fail("it was not refused"), (error) => error);
const tooMany: Step["reply"] = (reply) =>
  reply.json(429, status(429, "TooManyRequests"), { "retry-after": "1" });

t.test("requests wait as long as the server says", async (t) => {
  const clock = eagerClock();
  const server = await playScript(t, [
    { expect: GET_ONE, reply: tooMany },
    { expect: GET_ONE, reply: tooMany },
    { expect: GET_ONE, reply: (reply) => reply.json(200, mapOf("a", "1")) },
    { expect: POST, reply: tooMany },
    { expect: POST, reply: (reply) => reply.json(500, "oops", { "retry-after": "2" }) },
    {
      expect: POST,
      check: ({ body }) => t.match(JSON.parse(body), { metadata: { name: "a" } }),
      reply: (reply) => reply.json(201, mapOf("a", "1")),
    },
  ]);
  const client = server.client({ clock });
  t.ok(await client.of(configMaps).get(one, limit()));
  t.ok(await client.of(configMaps).create(mapOf("a", ""), limit()));
  t.same(clock.slept, [1000, 1000, 1000, 2000]);
});

t.test("the time of day when to come back is understood", async (t) => {
  const clock = eagerClock();
  const noon = Date.parse("2026-01-02T12:00:00Z");
  const date = { "retry-after": "Fri, 02 Jan 2026 12:00:07 GMT" };
  const server = await playScript(t, [
    { expect: POST, reply: (reply) => reply.json(503, "<html>later</html>", date) },
    { expect: POST, reply: (reply) => reply.json(201, mapOf("a", "1")) },
  ]);
  const client = server.client({ clock: { ...clock, now: () => noon } });
  t.ok(await client.of(configMaps).create(mapOf("a", ""), limit()));
  t.same(clock.slept, [7000]);
});

t.test("a delay that is too long for the request is left to the caller", async (t) => {
  const clock = eagerClock();
  const wait = (value: string): Step["reply"] => (reply) =>
    reply.json(429, status(429, "TooManyRequests"), { "retry-after": value });
  const server = await playScript(t, [
    { expect: GET_ONE, reply: wait("30") },
    { expect: GET_ONE, reply: wait("86400") },
  ]);
  const client = server.client({ clock });
  for (const retryAfterMs of [30_000, 300_000]) {
    await t.rejects(client.of(configMaps).get(one, limit()), { code: "KUBE_API", retryAfterMs });
  }
  t.same(clock.slept, [], "the refusal says more than a deadline that passes");
});

t.test("requests give up on a server that only says wait", async (t) => {
  const server = await playScript(
    t,
    Array.from({ length: 4 }, () => ({ expect: GET_ONE, reply: tooMany })),
  );
  await t.rejects(
    server.client({ clock: eagerClock() }).of(configMaps).get(one, limit()),
    /429 TooManyRequests/,
  );
});

t.test("an error without an invitation to repeat comes out at once", async (t) => {
  const server = await playScript(t, [
    { expect: GET_ONE, reply: (reply) => reply.json(500, status(500, "InternalError")) },
    { expect: GET_ONE, reply: (reply) => reply.json(429, status(429, "TooManyRequests")) },
  ]);
  const client = server.client();
  await t.rejects(client.of(configMaps).get(one, limit()), {
    message: "cannot get ConfigMap db/a: 500 InternalError: InternalError it is",
  });
  await t.rejects(client.of(configMaps).get(one, limit()), /429 TooManyRequests/);
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
    { expect: GET_ONE, reply: (reply) => reply.json(200, mapOf("a", "1")) },
  ]);
  t.match(await server.client({ clock: eagerClock() }).of(configMaps).get(one, limit()), {
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
        reply.json(200, { metadata: { resourceVersion: "1" }, items: [mapOf("a", "1")] }),
    },
  ]);
  t.equal(
    (await server.client({ clock: eagerClock() }).of(configMaps).list({ namespace }, limit())).items
      .length,
    1,
  );
});

t.test("a write whose fate is unknown is not repeated", async (t) => {
  const server = await playScript(t, [{ expect: POST, reply: (reply) => reply.drop() }]);
  await t.rejects(server.client().of(configMaps).create(mapOf("a", ""), limit()), {
    code: "KUBE_TRANSPORT",
  });
});

t.test("a warning is logged once", async (t) => {
  const header =
    '299 - "v1beta1 Thing is deprecated", 299 api "has \\"quotes\\", and a comma", 110 - "stale"';
  const warned: Step = {
    expect: GET_ONE,
    reply: (reply) => reply.json(200, mapOf("a", "1"), { warning: header }),
  };
  const server = await playScript(t, [warned, warned]);
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const log = createLogger({ level: "warn", format: "text", write, clock: systemClock });
  const client = server.client({ log });
  await client.of(configMaps).get(one, limit());
  await client.onLane("lease").of(configMaps).get(one, limit());
  t.equal(lines.length, 2);
  t.match(lines[0], /request="get ConfigMap db\/a" warning="v1beta1 Thing is deprecated"/);
  t.match(lines[1], 'warning="has \\"quotes\\", and a comma"');
});

t.test("a redirect is an error: credentials go nowhere else", async (t) => {
  const server = await playScript(t, [{
    expect: GET_ONE,
    reply: (reply) => reply.json(302, "", { location: `${PATH}/b` }),
  }]);
  t.match(await refusalOf(server.client().of(configMaps).get(one, limit())), { httpStatus: 302 });
});

t.test("a refusal keeps its Status, or the beginning of what a proxy said", async (t) => {
  const whole = status(422, "Invalid", {
    details: { name: "a", kind: "ConfigMap", causes: [{ field: "data", message: "no" }] },
    metadata: {},
  });
  const page = `<html>${"x".repeat(100_000)}</html>`;
  const server = await playScript(t, [
    { expect: GET_ONE, reply: (reply) => reply.json(422, whole) },
    {
      expect: GET_ONE,
      reply: (reply) => reply.json(502, page, { "content-type": "text/html" }),
    },
  ]);
  const client = server.client();
  const refused = await refusalOf(client.of(configMaps).get(one, limit()));
  t.match(refused, { reason: "Invalid", status: whole });
  const error = await refusalOf(client.of(configMaps).get(one, limit()));
  t.match(error, { httpStatus: 502, reason: "Unknown" });
  t.ok(error.message.length < 2200, `${error.message.length} characters`);
});

t.test("what the server says it did not look at is sent again, a write as well", async (t) => {
  const REFUSED_STREAM = 7;
  const server = await playScript(t, [
    { expect: POST, reply: (reply) => reply.stream.close(REFUSED_STREAM) },
    { expect: POST, reply: (reply) => reply.json(201, mapOf("a", "1")) },
  ]);
  t.ok(await server.client().of(configMaps).create(mapOf("a", ""), limit()));
});

t.test("every exchange is counted under client-go's names", async (t) => {
  const metrics = new MetricRegistry();
  const server = await playScript(t, [
    { expect: POST, reply: tooMany },
    { expect: POST, reply: (reply) => reply.json(201, mapOf("a", "1")) },
    { expect: POST, reply: (reply) => reply.drop() },
  ]);
  const client = server.client({ metrics, clock: eagerClock() });
  await client.of(configMaps).create(mapOf("a", ""), limit());
  await t.rejects(client.of(configMaps).create(mapOf("a", ""), limit()));
  const host = server.url.replace("https://", "");
  const lines = metrics.render().split("\n");
  for (const code of ["429", "201", "<error>"]) {
    const labels = `code="${code}",method="POST",host="${host}"`;
    t.ok(lines.includes(`rest_client_requests_total{${labels}} 1`), code);
  }
  t.ok(lines.includes(
    `rest_client_request_duration_seconds_count{verb="POST",host="${host}"} 3`,
  ));
});

t.test("a request without an answer ends at its deadline", async (t) => {
  for (const [given, limitMs] of [[{}, 30_000], [{ limitMs: 5_000 }, 5_000]] as const) {
    const clock = new FakeClock();
    const arrived = Promise.withResolvers<void>();
    const server = await playScript(t, [{ expect: POST, reply: () => arrived.resolve() }]);
    const client = server.client({ clock, deadMs: 3_600_000, ...given });
    const failed = client.of(configMaps).create(mapOf("a", ""), limit()).catch((error) => error);
    await arrived.promise;
    await clock.advance(limitMs - 1);
    t.equal(await Promise.race([failed, settle()]), undefined, "not before");
    await clock.advance(1);
    const message = `cannot create ConfigMap db/a: no answer within ${limitMs} ms`;
    t.match(await failed, { message });
  }
});

t.test("aborts around the dispatch neither leak streams nor end the process", async (t) => {
  const late: Reply[] = [];
  const server = await playScript(t, [
    { expect: GET_ONE, reply: (reply) => reply.json(200, mapOf("a", "1")) },
    { expect: GET_ONE, reply: (reply) => reply.json(200, mapOf("a", "1")) },
    { expect: GET_ONE, reply: (reply) => reply.json(200, mapOf("a", "1")) },
  ], { stray: { path: `${PATH}/stray`, reply: (reply) => late.push(reply) } });
  const client = server.client();
  await client.of(configMaps).get(one, limit());
  const stray = { namespace, name: "stray" };
  const send = ({ signal }: AbortController): Promise<unknown> =>
    t.rejects(client.of(configMaps).get(stray, signal), { name: "AbortError" });
  // Alone, and as the last of many with one signal; from before the dispatch to some turns after it.
  for (let ticks = 0; ticks < 30; ticks++) {
    const [alone, shared] = [new AbortController(), new AbortController()];
    const running = Array.from({ length: 3 }, () => send(shared));
    const before = late.length;
    while (late.length < before + 3) await turn();
    const requests = [send(alone), send(shared), send(shared)];
    for (let tick = 0; tick < ticks; tick++) await undefined;
    alone.abort();
    shared.abort();
    await Promise.all([...running, ...requests]);
  }
  await client.of(configMaps).get(one, limit());
  // Its answer comes after all that was sent before.
  const open = () => late.filter(({ stream }) => !stream.closed && !stream.destroyed);
  t.equal(open().length, 0, "the server was told of every abort");
  for (const reply of late) if (!reply.stream.closed) reply.json(200, mapOf("stray", "1"));
  await client.of(configMaps).get(one, limit());
  t.equal(open().length, 0, "and answers that come all the same are turned down");
  late[0]?.drop();
  await t.rejects(client.of(configMaps).get(one, AbortSignal.abort()), { name: "AbortError" });
});

t.test("a stream that nobody reads may be aborted", async (t) => {
  const opened = Promise.withResolvers<Reply>();
  const server = await playScript(t, [{
    expect: WATCH,
    reply: (reply) => {
      reply.head(200);
      reply.write("{}\n");
      opened.resolve(reply);
    },
  }]);
  const controller = new AbortController();
  const request = { method: "GET", path: PATH, query: {}, headers: {} } as const;
  await server.client().openStream(request, controller.signal);
  controller.abort();
  const { stream } = await opened.promise;
  if (!stream.closed) await new Promise((resolve) => stream.once("close", resolve));
  t.ok(stream.closed, "and the server is told");
});
