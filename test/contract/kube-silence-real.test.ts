// How long it takes with the defaults until a real API server that went silent is noticed and left: at most
// 30 seconds for watches and requests, in the worst moment, which is just after a sign of life.

import t from "tap";
import { startApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { startProxy } from "../../fixtures/apiserver/tcp-proxy.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { configMaps } from "../../src/api/kinds.ts";
import { follow, limit, map } from "./kube-support.ts";

const LIMIT_MS = 30_000;
t.setTimeout(120_000);

t.test("silence is noticed and left within 30 s", { timeout: 90_000 }, async (t) => {
  const server = await startApiServer(t, { controllers: false });
  const proxy = await startProxy(t, { upstreams: [server.port] });
  const admin = server.client();
  const client = server.client({ port: proxy.port });
  const following = follow(t, client, configMaps, "default");
  await admin.of(configMaps).create(map("before"), limit());
  await following.until((store) => store.synced && store.get("default/before") !== undefined);
  const get = () => client.of(configMaps).get({ namespace: "default", name: "before" }, limit());
  await get();

  const start = clock.monotonic();
  const within = async (what: string, work: Promise<unknown>) => {
    await work;
    const tookMs = Math.round(clock.monotonic() - start);
    t.ok(tookMs < LIMIT_MS, `${what} after ${tookMs} ms`);
  };
  const write = client.of(configMaps).create(map("lost"), limit()).then(
    () => t.fail("a write came through a black hole"),
    (error: unknown) => t.match(error, { code: "KUBE_TRANSPORT" }),
  );
  proxy.blackHole();
  await admin.of(configMaps).create(map("meanwhile"), limit());
  await Promise.all([
    within("the watch was left", following.restarted.then(() => proxy.restore())),
    within(
      "the watch was back",
      following.until((store) => store.get("default/meanwhile") !== undefined),
    ),
    within("a read was answered", get()),
    within("a write was given up", write),
  ]);
});
