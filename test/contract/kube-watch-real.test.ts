// Watches against the real API server: nothing is lost, whatever happens to it.

import t from "tap";
import { startApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { silentLogger as log } from "../../src/base/log.ts";
import {
  type ConfigMap,
  configMaps,
  namespaces,
  pods,
  type Service,
  services,
} from "../../src/api/kinds.ts";
import { type Store, StoreWriter } from "../../src/kube/store.ts";
import { watch } from "../../src/kube/watch.ts";
import { follow, limit, map, newNamespace, watchUntil } from "./kube-support.ts";

const server = await startApiServer(t);
const client = server.client();

const names = (store: Store<ConfigMap>) =>
  store.list().map(({ metadata }) => metadata.name).filter((name) => name !== "kube-root-ca.crt")
    .sort().join();

t.test("a watch begins with the whole state and follows it", async (t) => {
  const namespace = await newNamespace(client, "watched");
  await client.of(configMaps).create(map("before", {}, namespace), limit());
  const following = follow(t, client, configMaps, namespace);
  await following.until((store) => store.synced && names(store) === "before");
  await client.of(configMaps).create(map("after", {}, namespace), limit());
  await client.of(configMaps).delete({ namespace, name: "before" }, {}, limit());
  await following.until((store) => names(store) === "after");
  const [one] = following.store.list();
  t.equal(
    (one?.metadata as { managedFields?: unknown } | undefined)?.managedFields,
    undefined,
    "managedFields are dropped",
  );
  t.equal(following.inits(), 1);
});

t.test("what is deferred is what the server holds", async (t) => {
  const namespace = await newNamespace(client, "deferred");
  const named = (name: string) => ({ name, namespace, annotations: { odd: '"},"spec":{"é' } });
  const ports = [{ name: "a", port: 80, targetPort: 80 }];
  const service = { apiVersion: "v1", kind: "Service", metadata: named("a"), spec: { ports } };
  await client.of(services).create(service, limit());
  const writer = new StoreWriter<Service>();
  let deferred = 0;
  const options = { client, type: services, namespace, log, clock, deferred: true };
  await watchUntil(options, (event) => {
    if ("rest" in event && !("spec" in event.object)) deferred++;
    writer.handle(event);
    return event.type === "initDone";
  });
  const live = await client.of(services).get({ namespace, name: "a" }, limit());
  Object.assign(live?.metadata ?? {}, { managedFields: undefined });
  t.same(writer.list(), [live]);
  t.equal(deferred, 1, "it was not parsed before");
});

t.test("a watch goes on after the server was killed and started again", async (t) => {
  const namespace = await newNamespace(client, "restarted");
  const following = follow(t, client, configMaps, namespace);
  await following.until((store) => store.synced);
  await client.of(configMaps).create(map("one", {}, namespace), limit());
  await following.until((store) => names(store) === "one");
  await server.killApiServer();
  await server.startApiServer();
  await client.of(configMaps).create(map("two", {}, namespace), limit());
  await following.until((store) => names(store) === "one,two");
  t.ok(following.restarts.length > 0);
});

t.test("a version from before the server's start is gone for a watch", async (t) => {
  const query = { watch: "1", resourceVersion: "1", timeoutSeconds: "30" };
  const request = { method: "GET", path: "/api/v1/configmaps", query, headers: {} } as const;
  // The server may say so at once or as the stream's first event: two carriers of one fact.
  const said = await client.openStream(request, limit()).then(async (chunks) => {
    const { value } = await chunks.next();
    await chunks.return(undefined);
    return new TextDecoder().decode(value);
  }, (error: unknown) => String(error));
  t.match(said, /410|Expired/);
});

t.test("a server that stands still is noticed and left", async (t) => {
  const namespace = await newNamespace(client, "frozen");
  const quick = server.client({ pingMs: 200, deadMs: 1000 });
  const following = follow(t, quick, configMaps, namespace);
  await following.until((store) => store.synced);
  server.freeze();
  t.teardown(() => server.thaw());
  t.match(await following.restarted, /did not answer a ping/);
  server.thaw();
  await client.of(configMaps).create(map("thawed", {}, namespace), limit());
  await following.until((store) => names(store) === "thawed");
});

t.test("150 watches at once do not hold up a request", async (t) => {
  const many = server.client();
  const stop = new AbortController();
  let synced = 0;
  const enough = Promise.withResolvers<void>();
  const take = ({ type }: { type: string }) => {
    if (type === "initDone" && ++synced === 150) enough.resolve();
  };
  const options = { client: many, type: namespaces, log, clock, take };
  const watches = Array.from({ length: 150 }, () => watch(options, stop.signal));
  await enough.promise;
  t.ok(await many.of(namespaces).get({ name: "default" }, limit()));
  stop.abort();
  t.ok((await Promise.allSettled(watches)).every(({ status }) => status === "rejected"));
});

t.test("a closed client ends its watches and refuses work", async (t) => {
  const one = server.client();
  const following = follow(t, one, pods, "default");
  await following.until((store) => store.synced);
  await one.close();
  await t.rejects(one.of(namespaces).get({ name: "default" }, limit()), { code: "KUBE_TRANSPORT" });
  following.stop();
  await following.ended;
});
