// What a real API server no longer knows, and what it holds a lot of: etcd compacted while nobody was
// connected, pages that expire, ten thousand objects over a slow line, objects of a megabyte, a slow reader.

import t from "tap";
import { startApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { startProxy } from "../../fixtures/apiserver/tcp-proxy.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { type ConfigMap, configMaps, type Secret, secrets } from "../../src/api/kinds.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import type { ListOptions } from "../../src/kube/objects.ts";
import type { ResourceType } from "../../src/kube/resource.ts";
import type { Store } from "../../src/kube/store.ts";
import { LineDecoder } from "../../src/base/lines.ts";
import { buildWatch } from "../../src/kube/request.ts";
import { follow, limit, map, newNamespace } from "./kube-support.ts";

t.setTimeout(180_000);
// Secrets come straight from etcd, so its compaction is felt at once; the rest from the server's cache.
const flags = ["--watch-cache-sizes=secrets#0"];
const server = await startApiServer(t, { controllers: false, flags });
const admin = server.client();

const names = (store: Store<ConfigMap | Secret>) =>
  store.list().map(({ metadata }) => metadata.name).sort().join();
const secret = (name: string, namespace: string): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace },
});
const changed = ({ before, after }: { before?: unknown; after?: unknown }) =>
  before && after ? "changed" : after ? "new" : "gone";

const CARRIERS: { type: ResourceType<ConfigMap | Secret>; from: string; forget: () => unknown }[] =
  [
    { type: secrets, from: "etcd", forget: () => server.etcd.compact() },
    {
      type: configMaps,
      from: "the server's cache",
      forget: async () => {
        await server.etcd.compact();
        await server.killApiServer();
        await server.startApiServer();
      },
    },
  ];

for (const { type, from, forget } of CARRIERS) {
  t.test(`what ${from} forgot while nobody was connected is listed once again`, async (t) => {
    const namespace = await newNamespace(admin, `compacted-${type.plural}`);
    const one = (name: string, value: string) => ({
      apiVersion: "v1",
      kind: type.kind,
      metadata: { name, namespace, annotations: { value } },
    });
    for (const name of ["changed", "deleted", "same"]) {
      await admin.of(type).create(one(name, "1"), limit());
    }
    const proxy = await startProxy(t, { upstreams: [server.port] });
    const following = follow(t, server.client({ port: proxy.port }), type, namespace);
    await following.until((store) => names(store) === "changed,deleted,same" && store.synced);
    following.changes.length = 0;

    proxy.route([]);
    proxy.cut();
    await admin.of(type).delete({ namespace, name: "deleted" }, {}, limit());
    await admin.of(type).apply(one("changed", "2"), { fieldManager: "t" }, limit());
    await admin.of(type).create(one("new", "1"), limit());
    await forget();
    proxy.route([server.port]);

    await following.until((store) => names(store) === "changed,new,same");
    t.match(following.restarts.join("\n"), /gone/);
    t.equal(following.inits(), 2, "one new list");
    t.strictSame(
      following.changes.map((change) => `${change.key.split("/")[1]} ${changed(change)}`).sort(),
      ["changed changed", "deleted gone", "new new"],
    );
  });
}

t.test("ten thousand objects arrive over a line of 20 ms each way", async (t) => {
  const namespace = await newNamespace(admin, "many");
  const many = Array.from(
    { length: 10_000 },
    (_, n) => map(`map-${n}`, { text: "x".repeat(500) }, namespace),
  );
  await server.etcd.put("configmaps", many);
  const proxy = await startProxy(t, { upstreams: [server.port], delayMs: 20 });
  const client = server.client({ port: proxy.port });
  const following = follow(t, client, configMaps, namespace);
  await following.until((store) => store.synced);
  t.equal(following.store.list().length, 10_000);
  t.equal(following.inits(), 1);
  t.equal((await client.of(configMaps).list({ namespace }, limit())).items.length, 10_000);
  await client.of(configMaps).delete({ namespace, name: "map-7" }, {}, limit());
  await following.until((store) => store.list().length === 9999);
});

t.test("a server without streaming lists is listed in pages, also when they expire", async (t) => {
  const { port } = await server.startReplica(["--feature-gates=WatchList=false"]);
  const namespace = await newNamespace(admin, "pages");
  const names = Array.from({ length: 1201 }, (_, n) => `secret-${n}`);
  await server.etcd.put("secrets", names.map((name) => secret(name, namespace)));
  const moveOn = async () => {
    await admin.of(configMaps).create(map(`moved-${clock.monotonic()}`, {}, namespace), limit());
    await server.etcd.compact();
  };

  const watcher = server.client({ port });
  const followed = expireAfterFirstPage(watcher, moveOn);
  const following = follow(t, watcher, secrets, namespace);
  await following.until((store) => store.synced && store.list().length === 1201);
  await admin.of(secrets).delete({ namespace, name: "secret-7" }, {}, limit());
  await following.until((store) => store.list().length === 1200);
  t.strictSame(followed, ["500 of more", "410", "1201"]);
  t.equal(following.changes.length, 1202, "nothing of the half list was told");
});

/** Notes what each page brought, and lets the history be forgotten after the first. */
function expireAfterFirstPage(client: KubeClient, forget: () => Promise<void>): string[] {
  const pages: string[] = [];
  const of = client.of.bind(client);
  const list = async (options: ListOptions, signal: AbortSignal) => {
    try {
      const page = await of(secrets).list(options, signal);
      pages.push(`${page.items.length}${page.continueToken ? " of more" : ""}`);
      if (pages.length === 1) await forget();
      return page;
    } catch (error) {
      pages.push(String((error as { httpStatus?: number }).httpStatus));
      throw error;
    }
  };
  client.of = () => ({ list }) as never;
  return pages;
}

t.test("objects of a megabyte come whole", async (t) => {
  const namespace = await newNamespace(admin, "huge");
  const text = "päßt €𝄞 ".repeat(66_000); // 990,000 bytes of UTF-8
  const following = follow(t, server.client(), configMaps, namespace);
  await following.until((store) => store.synced);
  for (const name of ["a", "b", "c"]) {
    await admin.of(configMaps).create(map(name, { text }, namespace), limit());
  }
  await following.until((store) => names(store) === "a,b,c");
  t.ok(following.store.list().every(({ data }) => data?.text === text), "as events");
  const again = follow(t, server.client(), configMaps, namespace);
  await again.until((store) => store.synced);
  t.ok(again.store.list().every(({ data }) => data?.text === text), "as a list");
  t.equal(again.store.list().length, 3);
});

t.test("a slow reader slows its server down, loses nothing and holds up nobody", async (t) => {
  const namespace = await newNamespace(admin, "slow");
  const proxy = await startProxy(t, { upstreams: [server.port] });
  const client = server.client({ port: proxy.port });
  const beside = follow(t, client, secrets, namespace);
  await beside.until((store) => store.synced);
  // What a watch reads from: it takes the next portion when everybody has seen the last one.
  const start = { resourceVersion: undefined, timeoutSeconds: 300 };
  const chunks = await client.openStream(buildWatch(configMaps, { namespace }, start), limit());
  const decoder = new LineDecoder();
  const lines: string[] = [];
  const read = async (until: RegExp) => {
    while (!until.test(lines.at(-1) ?? "")) {
      const { value } = await chunks.next();
      lines.push(...decoder.push(value ?? new Uint8Array()).map((line) => line.toString()));
    }
  };
  await read(/"k8s.io\/initial-events-end":"true"/);

  const before = proxy.count.down;
  for (let n = 0; n < 30; n++) {
    const big = map("big", { text: String(n).padEnd(900_000) }, namespace);
    await admin.of(configMaps).apply(big, { fieldManager: "t" }, limit());
  }
  await admin.of(secrets).create(secret("small", namespace), limit());
  await beside.until((store) => names(store) === "small");
  t.ok(await client.of(secrets).get({ namespace, name: "small" }, limit()));
  const held = proxy.count.down - before;
  t.ok(held < 20_000_000, `${held} of 27,000,000 bytes have left the server`);

  await admin.of(configMaps).create(map("last", {}, namespace), limit());
  await read(/"name":"last"/);
  t.match(lines.at(-2), /"text":"29 /);
  t.equal(lines.filter((line) => line.includes('"name":"big"')).length, 30, "nothing is lost");
  await chunks.return(undefined);
});
