// Connections to a real API server that are cut, go silent or lead to another server: watches and requests
// notice it, come back and have missed nothing.

import dns from "node:dns";
import t from "tap";
import { startApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { startProxy, type TcpProxy } from "../../fixtures/apiserver/tcp-proxy.ts";
import { type ConfigMap, configMaps } from "../../src/api/kinds.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import type { Store } from "../../src/kube/store.ts";
import { follow, limit, map, newNamespace } from "./kube-support.ts";

const server = await startApiServer(t, { controllers: false });
const admin = server.client();
type Test = { teardown(run: () => Promise<void>): void };
const QUICK = { pingMs: 200, deadMs: 1500 };

const names = (store: Store<ConfigMap>) =>
  store.list().map(({ metadata }) => metadata.name).sort().join();
const create = (namespace: string, name: string, client = admin) =>
  client.of(configMaps).create(map(name, {}, namespace), limit());
const read = (client: KubeClient, namespace: string, name: string) =>
  client.of(configMaps).get({ namespace, name }, limit());

const FAULTS: { name: string; happen: (proxy: TcpProxy) => void; why: RegExp }[] = [
  { name: "cut", happen: (proxy) => proxy.cut(), why: /closed|failed|busy/ },
  { name: "stalled", happen: (proxy) => proxy.stall(), why: /did not answer a ping/ },
  {
    name: "swallowed",
    happen: (proxy) => proxy.blackHole(),
    why: /did not answer a ping/,
  },
];

for (const { name, happen, why } of FAULTS) {
  t.test(`connections that are ${name} are left, by watches and requests`, async (t) => {
    const namespace = await newNamespace(admin, `conn-${name}`);
    const proxy = await startProxy(t, { upstreams: [server.port] });
    const client = server.client({ ...QUICK, port: proxy.port });
    const all = Array.from({ length: 3 }, () => follow(t, client, configMaps, namespace));
    await Promise.all(all.map(({ until }) => until((store) => store.synced)));
    await create(namespace, "before", client);
    await Promise.all(all.map(({ until }) => until((store) => names(store) === "before")));
    happen(proxy);
    const reading = read(client, namespace, "before");
    await create(namespace, "meanwhile"); // not through the proxy
    for (const { restarted } of all) t.match(await restarted, why);
    proxy.restore();
    t.ok(await reading, "a read that was under way is repeated");
    await Promise.all(
      all.map(({ until }) => until((store) => names(store) === "before,meanwhile")),
    );
    t.strictSame(all.map(({ inits }) => inits()), [1, 1, 1], "nobody had to list again");
    t.ok(await create(namespace, "after", client));
  });
}

t.test("a write into a silent connection fails in time and is not repeated", async (t) => {
  const namespace = await newNamespace(admin, "silent-write");
  const proxy = await startProxy(t, { upstreams: [server.port] });
  const client = server.client({ ...QUICK, port: proxy.port });
  await read(client, namespace, "warm-up");
  proxy.stall();
  await t.rejects(create(namespace, "once", client), {
    code: "KUBE_TRANSPORT",
    message: /did not answer a ping/,
  });
  t.equal(await read(client, namespace, "once"), undefined);
  t.equal(proxy.count.connections, 2);
});

t.test("another API server on the same etcd takes over, and the first one again", async (t) => {
  const namespace = await newNamespace(admin, "replaced");
  const replica = await server.startReplica();
  const beside = server.client({ port: replica.port });
  const proxy = await startProxy(t, { upstreams: [server.port, replica.port] });
  const client = server.client({ port: proxy.port });
  const following = follow(t, client, configMaps, namespace);
  await create(namespace, "one", client);
  await following.until((store) => store.synced && names(store) === "one");
  await server.killApiServer();
  await create(namespace, "two", beside);
  await beside.of(configMaps).delete({ namespace, name: "one" }, {}, limit());
  t.ok(await read(client, namespace, "two"));
  await following.until((store) => names(store) === "two");
  await server.startApiServer();
  await replica.kill();
  await create(namespace, "three", server.client());
  t.ok(await read(client, namespace, "three"));
  await following.until((store) => names(store) === "three,two");
  t.ok(following.restarts.length >= 2);
});

/** Lets every name have these addresses, for the time of one test. */
function nameResolvesTo(t: Test, addresses: readonly string[]): void {
  const original = dns.lookup;
  const all = addresses.map((address) => ({ address, family: 4 }));
  const answer = (_name: string, options: { all?: boolean }, done: (...found: unknown[]) => void) =>
    options.all ? done(null, all) : done(null, addresses[0], 4);
  dns.lookup = answer as unknown as typeof dns.lookup;
  t.teardown(async () => void (dns.lookup = original));
}

// Deno resolves names by itself, where no test can answer.
const skip = "Deno" in globalThis && "Deno cannot be told what a name resolves to";

t.test("of two addresses behind one name the dead one is passed over", { skip }, async (t) => {
  const [first, second] = ["127.0.0.2", "127.0.0.3"];
  const one = await startProxy(t, { upstreams: [server.port], host: first });
  const two = await startProxy(t, { upstreams: [server.port], host: second, port: one.port });
  const namespace = await newNamespace(admin, "two-addresses");
  nameResolvesTo(t, [first, second]);
  const client = server.client({ port: one.port, host: "localhost" });
  const following = follow(t, client, configMaps, namespace);
  await following.until((store) => store.synced);
  t.equal(two.count.connections, 0);
  await one.stop();
  await create(namespace, "on-the-second", client);
  await following.until((store) => names(store) === "on-the-second");
  t.ok(two.count.connections > 0);
});
