// How connections come about: HTTP/1.1 where a server knows nothing else, tunnels through proxies, and
// certificates that are exchanged while the client runs.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { setImmediate as turn } from "node:timers/promises";
import { join } from "node:path";
import t from "tap";
import { freePort } from "../../fixtures/apiserver/programs.ts";
import {
  type Certificates,
  clientName,
  type Handler,
  newCertificates,
  startConnectProxy,
  startTlsServer,
} from "../../fixtures/apiserver/tls-server.ts";
import { loadConnection } from "../../src/access/connection.ts";
import { openTunnel } from "../../src/access/proxy.ts";
import { configMaps } from "../../src/api/kinds.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { describeError } from "../../src/base/errors.ts";
import { silentLogger as log } from "../../src/base/log.ts";
import { connect, type KubeClient } from "../../src/kube/client.ts";
import { FakeClock } from "../unit/base/fake-clock.ts";
import { eagerClock, limit, map, namespace, PATH } from "./scripted-support.ts";

const ref = { namespace, name: "a" };
const watchRequest = { method: "GET", path: PATH, query: { watch: "1" }, headers: {} } as const;

/** A client by a kubeconfig, as in life. */
async function clientOf(
  t: Tap,
  cluster: Record<string, unknown>,
  more: { user?: object; env?: Record<string, string>; clock?: Clock } = {},
): Promise<KubeClient> {
  const dir = mkdtempSync(join(tmpdir(), "kubeconfig-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const config = {
    "current-context": "c",
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user: more.user ?? {} }],
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
  };
  writeFileSync(join(dir, "config"), JSON.stringify(config));
  const deps = { clock: more.clock ?? systemClock, log };
  const where = { kubeconfig: `${dir}/config`, env: more.env ?? {} };
  const client = connect(await loadConnection({ ...where, ...deps }), { userAgent: "t", ...deps });
  t.teardown(() => client.close());
  return client;
}
type Tap = { teardown(run: () => unknown): void };

const inline = ({ ca }: Certificates) => ({ "certificate-authority-data": btoa(ca) });

/** Waits for a fact, turn by turn of the event loop. */
async function until(fact: () => boolean): Promise<void> {
  const signal = limit();
  while (!fact()) {
    signal.throwIfAborted();
    await turn();
  }
}

t.test("a server without HTTP/2 gets a connection for every watch, and requests beside them", async (t) => {
  const watches = new Set<Parameters<Handler>[1]>();
  const server = await startTlsServer(t, { http1: true }, (request, response) => {
    response.setHeader("content-type", "application/json");
    if (!request.url?.includes("watch=1")) {
      request.resume().on("end", () => response.end(JSON.stringify(map("a", "1"))));
      return;
    }
    t.equal(request.httpVersion, "1.1");
    watches.add(response);
    response.on("close", () => watches.delete(response));
    response.write("first\n");
  });
  const client = await clientOf(t, { server: server.url, ...inline(server.certificates) });
  t.ok(await client.of(configMaps).get(ref, limit()));
  const stop = new AbortController();
  const streams = await Promise.all(
    Array.from({ length: 30 }, () => client.openStream(watchRequest, stop.signal)),
  );
  t.equal(watches.size, 30, "all at once");
  t.ok(await client.of(configMaps).create(map("a", ""), limit()));
  for (const response of watches) response.write("second\n");
  const read = streams.slice(0, 10).map(async (stream) => {
    let text = "";
    for await (const chunk of stream) {
      text += Buffer.from(chunk).toString();
      if (text === "first\nsecond\n") break;
    }
    return text;
  });
  t.same(new Set(await Promise.all(read)), new Set(["first\nsecond\n"]));
  await until(() => watches.size === 20);
  stop.abort(); // nobody reads these
  await until(() => watches.size === 0);
  t.ok(await client.of(configMaps).get(ref, limit()), "aborts harm nothing else");
  t.ok(server.open <= 3, `${server.open} connections are left`);
});

t.test("watches, requests and the Lease have connections of their own", async (t) => {
  const server = await startTlsServer(t, { maxStreams: 10 }, (request, response) => {
    response.setHeader("content-type", "application/json");
    if (request.url?.includes("watch=1")) response.write("first\n");
    else response.end(JSON.stringify(map("a", "1")));
  });
  const client = await clientOf(t, { server: server.url, ...inline(server.certificates) });
  const watchMore = (count: number) =>
    Promise.all(
      Array.from({ length: count }, () => client.openStream(watchRequest, limit())),
    );
  for (let i = 0; i < 3; i++) {
    t.ok(await client.of(configMaps).get(ref, limit()));
    t.ok(await client.onLane("lease").of(configMaps).get(ref, limit()));
    await watchMore(3);
  }
  t.equal(server.made, 3);
  await watchMore(26);
  t.ok(server.made >= 6, "35 watches of 10 on a connection: all are open");
  const made = server.made;
  await Promise.all(Array.from({ length: 10 }, () => client.of(configMaps).get(ref, limit())));
  t.equal(server.made, made, "and are in nobody's way");
});

t.test("a read is repeated when an HTTP/1.1 connection breaks, a write is not", async (t) => {
  let asked = 0;
  const server = await startTlsServer(t, { http1: true }, (request, response) => {
    asked++;
    response.setHeader("content-type", "application/json");
    if (asked === 2) response.end(JSON.stringify(map("a", "1")));
    else request.socket.destroy();
  });
  const client = await clientOf(t, { server: server.url, ...inline(server.certificates) });
  t.ok(await client.of(configMaps).get(ref, limit()));
  t.equal(asked, 2);
  await t.rejects(client.of(configMaps).create(map("a", ""), limit()), { code: "KUBE_TRANSPORT" });
  t.equal(asked, 3);
});

t.test("what could not be sent is sent when the server is there, a write as well", async (t) => {
  const certificates = newCertificates("client");
  const port = await freePort();
  const clock = eagerClock();
  const begin = (): Promise<unknown> =>
    startTlsServer(t, { port, certificates }, (_, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(map("a", "1")));
    });
  const sleep: Clock["sleep"] = async (ms, signal) => {
    if (clock.slept.length === 1) await begin();
    await clock.sleep(ms, signal);
  };
  const cluster = { server: `https://127.0.0.1:${port}`, ...inline(certificates) };
  const client = await clientOf(t, cluster, { clock: { ...clock, sleep } });
  t.ok(await client.of(configMaps).create(map("a", ""), limit()));
  t.same(clock.slept, [100, 200]);
});

t.test("a server that never comes up is named in the error", async (t) => {
  const port = await freePort();
  const client = await clientOf(t, { server: `https://127.0.0.1:${port}` }, {
    clock: eagerClock(),
  });
  const error = await client.of(configMaps).create(map("a", ""), limit()).catch((error) => error);
  t.match(describeError(error), /cannot create ConfigMap db\/a: no connection: .*ECONNREFUSED/);
  t.match(describeError(error), new RegExp(`127.0.0.1:${port}`));
});

t.test("HTTP/2 goes through a proxy's tunnel", async (t) => {
  const seen: (string | undefined)[][] = [];
  const judge = (target: string, authorization: string | undefined): number => {
    seen.push([target, authorization]);
    return 200;
  };
  const server = await startTlsServer(t, {}, (request, response) => {
    t.equal(request.httpVersion, "2.0");
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(map("a", "1")));
  });
  const cluster = { server: server.url, ...inline(server.certificates) };
  const target = `127.0.0.1:${server.port}`;
  const plain = await startConnectProxy(t, judge);
  const login = plain.url.replace("://", "://us%40er:pw@");
  const client = await clientOf(t, { ...cluster, "proxy-url": login });
  for (let i = 0; i < 3; i++) t.ok(await client.of(configMaps).get(ref, limit()));
  t.same(seen.splice(0), [[target, `Basic ${btoa("us@er:pw")}`]], "one tunnel for three requests");

  const overTls = await startConnectProxy(t, judge, server.certificates);
  const secure = await clientOf(t, { ...cluster, "proxy-url": overTls.url });
  t.ok(await secure.of(configMaps).get(ref, limit()));
  t.same(seen.splice(0), [[target, undefined]]);

  const direct = await clientOf(t, cluster, { env: { HTTPS_PROXY: plain.url } });
  t.ok(await direct.of(configMaps).get(ref, limit()));
  t.same(seen, [], "none to this machine");
});

t.test("a proxy that refuses is named, its password is not", async (t) => {
  const proxy = await startConnectProxy(t, () => 407);
  const login = proxy.url.replace("://", "://user:pw-secret@");
  const client = await clientOf(t, { server: "https://api.example:6443", "proxy-url": login }, {
    clock: eagerClock(),
  });
  const error = await client.of(configMaps).get(ref, limit()).catch((error) => error);
  t.match(
    describeError(error),
    `no connection: cannot reach api.example:6443 through the proxy ${proxy.url}: it answered 407`,
  );
  t.notMatch(describeError(error), /pw-secret/);
});

t.test("a proxy that says nothing is given up", async (t) => {
  const clock = new FakeClock();
  const reached = Promise.withResolvers<void>();
  const silent = createServer((socket) => {
    socket.on("error", () => {});
    reached.resolve();
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.teardown(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const proxy = new URL(`http://127.0.0.1:${port}`);
  const opened = t.rejects(
    openTunnel(proxy, new URL("https://api.example"), { ca: undefined, clock }),
    /cannot reach api.example:443 through the proxy .*: no answer within 10000 ms/,
  );
  await reached.promise;
  await clock.advance(10_000);
  await opened;
  t.equal(clock.pending, 0);
});

t.test("certificates of both ends may be exchanged while the client runs", async (t) => {
  const [first, second] = [newCertificates("first"), newCertificates("second")];
  const names: string[] = [];
  let expired = "nobody";
  const watches: Parameters<Handler>[1][] = [];
  const trust = [first.ca, second.ca];
  const server = await startTlsServer(t, { certificates: first, trust }, (request, response) => {
    response.setHeader("content-type", "application/json");
    if (request.url?.includes("watch=1")) {
      watches.push(response);
      response.write("first\n");
      return;
    }
    const name = clientName(request);
    names.push(name);
    response.statusCode = name === expired ? 401 : 200;
    response.end(JSON.stringify(map("a", "1")));
  });
  const dir = t.testdir({});
  const write = (given: Certificates): void => {
    for (const name of ["ca", "clientCert", "clientKey"] as const) {
      writeFileSync(join(dir, name), given[name]);
    }
  };
  write(first);
  let skewMs = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + skewMs };
  const client = await clientOf(
    t,
    { server: server.url, "certificate-authority": `${dir}/ca` },
    {
      user: { "client-certificate": `${dir}/clientCert`, "client-key": `${dir}/clientKey` },
      clock,
    },
  );
  await client.of(configMaps).get(ref, limit());
  const stream = await client.openStream(watchRequest, limit());

  server.use(second);
  write(second);
  skewMs += 10_000;
  await client.of(configMaps).get(ref, limit());
  await client.of(configMaps).get(ref, limit());
  t.same(names.splice(0), ["first", "second", "second"], "new connections use the new ones");
  for (const response of watches) response.end("second\n");
  let text = "";
  for await (const chunk of stream) text += Buffer.from(chunk).toString();
  t.equal(text, "first\nsecond\n", "and a watch from before goes on");

  expired = "second";
  server.use(first);
  write(first);
  await client.of(configMaps).get(ref, limit());
  t.same(names.splice(0), ["second", "first"], "at once when the server refuses the old one");
});
