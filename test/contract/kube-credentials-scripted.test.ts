// Credentials that the server refuses, and credentials that do not come. Like kube-scripted.test.ts.

import t from "tap";
import { playScript, type Step } from "../../fixtures/apiserver/scripted-apiserver.ts";
import { Renewable } from "../../src/access/renewable.ts";
import { configMaps } from "../../src/api/kinds.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger as log } from "../../src/base/log.ts";
import { Secret } from "../../src/base/secret.ts";
import type { Connection, Credentials } from "../../src/kube/dispatcher.ts";
import { FakeClock } from "../unit/base/fake-clock.ts";
import { limit, map as mapOf, namespace, PATH, status } from "./scripted-support.ts";

const one = { namespace, name: "a" };
const GET_ONE = `GET ${PATH}/a`;
const POST = `POST ${PATH}`;

/** The connection with a token that is read as src/access does it. */
const withToken = (read: () => string) => (connection: Connection): Connection => {
  let last: Credentials | undefined;
  const source = new Renewable<Credentials>(async () => {
    const token = read();
    if (token !== last?.token?.reveal()) {
      last = { ...await connection.credentials(), token: new Secret(token) };
    }
    return { value: last, validMs: 10_000 };
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
  t.ok(await client.of(configMaps).create(mapOf("a", ""), limit()));
  await t.rejects(
    client.of(configMaps).get(one, limit()),
    /401 Unauthorized/,
    "the same token is not tried twice",
  );
});

t.test("many refused requests read the token once", async (t) => {
  let reads = 0;
  const refused = Array.from({ length: 20 }, (): Step => ({
    expect: GET_ONE,
    reply: async (reply) => {
      await all.promise; // they all went out with the old token
      reply.json(401, status(401, "Unauthorized"));
    },
  }));
  const all = Promise.withResolvers<void>();
  let arrived = 0;
  for (const step of refused) step.check = () => ++arrived === 20 && all.resolve();
  const repeated = Array.from({ length: 20 }, (): Step => ({
    expect: GET_ONE,
    check: ({ headers }) => t.equal(headers.authorization, "Bearer token-2"),
    reply: (reply) => reply.json(200, mapOf("a", "1")),
  }));
  const adapt = withToken(() => `token-${++reads}`);
  const server = await playScript(t, [...refused, ...repeated], { adapt });
  const client = server.client();
  await Promise.all(Array.from({ length: 20 }, () => client.of(configMaps).get(one, limit())));
  t.equal(reads, 2);
});

t.test("credentials that never come are not waited for longer than a request may take", async (t) => {
  const clock = new FakeClock();
  const adapt = (connection: Connection): Connection => ({
    ...connection,
    credentials: () => new Promise(() => {}),
  });
  const server = await playScript(t, [], { adapt });
  const sent = t.rejects(
    server.client({ clock }).of(configMaps).get(one, limit()),
    /cannot get ConfigMap db\/a: no answer within 30000 ms/,
  );
  await clock.advance(30_000);
  await sent;
});
