// Requests against a server that does what a real one will not do on demand. Every script fails the test
// when a request comes that it does not expect, or when a step is left over.

import t from "tap";
import { playScript, type Reply, type Step } from "../../fixtures/apiserver/scripted-apiserver.ts";
import { configMaps } from "../../src/api/kinds.ts";
import { Renewable } from "../../src/access/renewable.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger as log } from "../../src/base/log.ts";
import { Secret } from "../../src/base/secret.ts";
import type { Connection, Credentials } from "../../src/kube/connection.ts";
import { FakeClock } from "../unit/base/fake-clock.ts";
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
  t.ok(await client.get(configMaps, one, limit()));
  t.ok(await client.create(configMaps, mapOf("a", ""), limit()));
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
    { expect: GET_ONE, reply: (reply) => reply.json(200, mapOf("a", "1")) },
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
        reply.json(200, { metadata: { resourceVersion: "1" }, items: [mapOf("a", "1")] }),
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
  await t.rejects(server.client().create(configMaps, mapOf("a", ""), limit()), {
    code: "KUBE_TRANSPORT",
  });
});

/** The connection with a token that is read as src/access does it. */
const withToken = (read: () => string) => (connection: Connection): Connection => {
  const source = new Renewable<Credentials>(async () => {
    const value = { ...await connection.credentials(), token: new Secret(read()) };
    return { value, validMs: 10_000 };
  }, { clock: systemClock, log });
  return {
    ...connection,
    credentials: () => source.current(),
    renew: (used) => source.renew(used),
  };
};

t.test("a refused token is read again and the request sent once more", async (t) => {
  let token = "old";
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
      reply: (reply) => reply.json(201, mapOf("a", "1")),
    },
    { expect: GET_ONE, reply: (reply) => reply.json(401, status(401, "Unauthorized")) },
  ], { adapt: withToken(() => token) });
  const client = server.client();
  t.ok(await client.create(configMaps, mapOf("a", ""), limit()));
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
    client.create(configMaps, mapOf("a", ""), limit()),
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
    { expect: GET_ONE, reply: (reply) => reply.json(200, mapOf("a", "1")) },
    { expect: GET_ONE, reply: (reply) => reply.json(200, mapOf("a", "1")) },
    { expect: GET_ONE, reply: (reply) => reply.json(200, mapOf("a", "1")) },
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
  for (const reply of late) if (!reply.stream.closed) reply.json(200, mapOf("stray", "1"));
  await client.get(configMaps, one, limit());
  const open = late.filter(({ stream }) => !stream.closed && !stream.destroyed);
  t.equal(open.length, 0, "the server was told of every abort");
  late[0]?.drop();
  await t.rejects(client.get(configMaps, one, AbortSignal.abort()), { name: "AbortError" });
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
