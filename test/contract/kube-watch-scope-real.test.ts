// What a watch may be limited to, against the real API server: metadata, a selection, single namespaces.

import t from "tap";
import { startApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { silentLogger as log } from "../../src/base/log.ts";
import { type ConfigMap, configMaps } from "../../src/api/kinds.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import type { KubeObject } from "../../src/kube/object.ts";
import type { ListOptions } from "../../src/kube/objects.ts";
import { metadataOnly, type ResourceType } from "../../src/kube/resource.ts";
import { StoreWriter } from "../../src/kube/store.ts";
import type { WatchOptions } from "../../src/kube/watch.ts";
import { follow, limit, map, newNamespace, watchUntil } from "./kube-support.ts";

const server = await startApiServer(t);
const client = server.client();

t.test("a watch of metadata only gets no data, streamed or listed", async (t) => {
  const namespace = await newNamespace(client, "metadata");
  await client.of(configMaps).create(map("one", { text: "x" }, namespace), limit());
  const type = metadataOnly(configMaps);
  const following = follow(t, client, type, namespace);
  await following.until((store) => store.get("metadata/one") !== undefined);
  await client.of(configMaps).create(map("two", { text: "x" }, namespace), limit());
  await following.until((store) => store.get("metadata/two") !== undefined);
  const { items } = await client.of(type).list({ namespace }, limit());
  for (const one of [...following.store.list(), ...items]) {
    t.same([one.kind, one.apiVersion, "data" in one], ["ConfigMap", "v1", false]);
    t.ok(one.metadata.uid);
  }
  t.same(following.restarts, []);
});

/** A client whose server refuses streaming lists, and gives few objects at a time. */
function oldFashioned(client: KubeClient): KubeClient {
  return {
    openStream: (request: Parameters<KubeClient["openStream"]>[0], signal: AbortSignal) => {
      // The server refuses this combination itself.
      const query = { ...request.query };
      if (query.sendInitialEvents) query.resourceVersionMatch = "Exact";
      return client.openStream({ ...request, query }, signal);
    },
    of: (type: ResourceType<KubeObject>) => ({
      list: (options: ListOptions, signal: AbortSignal) =>
        client.of(type).list({ ...options, limit: 3 }, signal),
    }),
  } as unknown as KubeClient;
}

async function followUntil(
  writer: StoreWriter<ConfigMap>,
  scope: { client: KubeClient; namespace: string } & Partial<WatchOptions<ConfigMap>>,
  holds: () => boolean,
): Promise<void> {
  await watchUntil({ type: configMaps, log, clock, ...scope }, (event) => {
    writer.handle(event, scope.namespace);
    return holds();
  });
}

t.test("a server that refuses streaming lists is listed in pages, then watched", async (t) => {
  const namespace = await newNamespace(client, "pages");
  for (let name = 0; name < 8; name++) {
    await client.of(configMaps).create(map(`m${name}`, {}, namespace), limit());
  }
  const writer = new StoreWriter<ConfigMap>({}, [namespace]);
  const fieldSelector = "metadata.name!=m1";
  const scope = { client: oldFashioned(client), namespace, fieldSelector };
  let created = false;
  await followUntil(writer, scope, () => {
    if (!writer.synced) return false;
    const names = writer.list().map(({ metadata }) => metadata.name);
    if (!created) {
      created = true;
      t.ok(names.includes("m7") && !names.includes("m1"));
      void client.of(configMaps).create(map("late", {}, namespace), limit());
    }
    return names.includes("late");
  });
});

t.test("one store holds several namespaces, each from a watch of its own", async (t) => {
  const namespaces = ["first", "second"];
  const writer = new StoreWriter<ConfigMap>({}, namespaces);
  for (const namespace of [...namespaces, "third"]) {
    await newNamespace(client, namespace);
    await client.of(configMaps).create(map("one", {}, namespace), limit());
  }
  t.notOk(writer.synced);
  for (const namespace of namespaces) {
    const holds = () => writer.get(`${namespace}/one`) !== undefined;
    await followUntil(writer, { client, namespace, labelSelector: "!none" }, holds);
  }
  t.ok(writer.synced);
  t.notOk(writer.get("third/one"));
});
