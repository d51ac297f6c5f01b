// What a request looks like on its way to the server: built alone, or noted when a verb sends it.

import t from "tap";
import { type ConfigMap, configMaps, nodes, pods, statefulSets } from "../../../src/api/kinds.ts";
import { silentLogger as log } from "../../../src/base/log.ts";
import { KubeClient } from "../../../src/kube/client.ts";
import * as build from "../../../src/kube/request.ts";
import { metadataOnly, resourcePath, type ResourceType } from "../../../src/kube/resource.ts";
import type { Transport } from "../../../src/kube/transport.ts";
import { FakeClock } from "../base/fake-clock.ts";

const ref = { namespace: "db", name: "main" };
const object: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata: ref, data: { a: "1" } };
const json = (type: string) => ({ "content-type": `application/${type}` });
const strict = { fieldValidation: "Strict" };
const ours: ResourceType<ConfigMap> = {
  group: "mysql.oracle.com",
  version: "v1alpha1",
  kind: "Cluster",
  plural: "mysqlclusters",
  namespaced: true,
};

/** The request that a verb makes. */
async function sent(ask: (client: KubeClient, signal: AbortSignal) => Promise<unknown>) {
  const requests: build.KubeRequest[] = [];
  const send = (request: build.KubeRequest) => {
    requests.push(request);
    return Promise.reject(new Error("no server"));
  };
  const options = { userAgent: "test", log, clock: new FakeClock() };
  const client = new KubeClient({ send } as unknown as Transport, options);
  await ask(client, new AbortController().signal).catch((error) => {
    if (error.message !== "no server") throw error;
  });
  return requests[0];
}

type Row = {
  name: string;
  got: build.KubeRequest | Promise<build.KubeRequest | undefined>;
  want: build.KubeRequest;
};

const ROWS: Row[] = [
  {
    name: "get() names one object",
    got: sent((client, signal) => client.of(statefulSets).get(ref, signal)),
    want: {
      what: "get StatefulSet db/main",
      method: "GET",
      path: "/apis/apps/v1/namespaces/db/statefulsets/main",
      query: {},
      headers: {},
    },
  },
  {
    name: "get() needs no namespace for a cluster-wide kind",
    got: sent((client, signal) => client.of(nodes).get({ name: "node1" }, signal)),
    want: {
      what: "get Node node1",
      method: "GET",
      path: "/api/v1/nodes/node1",
      query: {},
      headers: {},
    },
  },
  {
    name: "get() names a part of an object",
    got: sent((client, signal) =>
      client.of(statefulSets).get({ ...ref, subresource: "scale" }, signal)
    ),
    want: {
      what: "get StatefulSet db/main",
      method: "GET",
      path: "/apis/apps/v1/namespaces/db/statefulsets/main/scale",
      query: {},
      headers: {},
    },
  },
  {
    name: "get() asks for nothing but metadata",
    got: sent((client, signal) => client.of(metadataOnly(nodes)).get({ name: "node1" }, signal)),
    want: {
      what: "get Node node1",
      method: "GET",
      path: "/api/v1/nodes/node1",
      query: {},
      headers: { accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" },
    },
  },
  {
    name: "list() asks for everything at once",
    got: sent((client, signal) => client.of(pods).list({}, signal)),
    want: {
      what: "list pods",
      method: "GET",
      path: "/api/v1/pods",
      query: {},
      headers: {},
    },
  },
  {
    name: "list() goes on with nothing but token, limit and selectors",
    got: sent((client, signal) =>
      client.of(pods).list({
        ...{ namespace: "db", labelSelector: "a=b,c in (d)" },
        ...{ continueToken: "x/y=", limit: 500 },
      }, signal)
    ),
    want: {
      what: "list pods",
      method: "GET",
      path: "/api/v1/namespaces/db/pods",
      query: { labelSelector: "a=b,c in (d)", limit: "500", continue: "x/y=" },
      headers: {},
    },
  },
  {
    name: "list() asks for what a field says",
    got: sent((client, signal) =>
      client.of(pods).list({ fieldSelector: "metadata.name=main-0" }, signal)
    ),
    want: {
      what: "list pods",
      method: "GET",
      path: "/api/v1/pods",
      query: { fieldSelector: "metadata.name=main-0" },
      headers: {},
    },
  },
  {
    name: "list() asks for nothing but metadata",
    got: sent((client, signal) => client.of(metadataOnly(pods)).list({}, signal)),
    want: {
      what: "list pods",
      method: "GET",
      path: "/api/v1/pods",
      query: {},
      headers: { accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" },
    },
  },
  {
    name: "buildWatch() streams a list when no version is known",
    got: build.buildWatch(pods, { namespace: "db" }, {
      resourceVersion: undefined,
      timeoutSeconds: 300,
    }),
    want: {
      what: "watch /api/v1/namespaces/db/pods",
      method: "GET",
      path: "/api/v1/namespaces/db/pods",
      query: {
        watch: "1",
        allowWatchBookmarks: "true",
        timeoutSeconds: "300",
        sendInitialEvents: "true",
        resourceVersionMatch: "NotOlderThan",
      },
      headers: {},
    },
  },
  {
    name: "buildWatch() goes on from a version without initial events",
    got: build.buildWatch(ours, {}, { resourceVersion: "42", timeoutSeconds: 300 }),
    want: {
      what: "watch /apis/mysql.oracle.com/v1alpha1/mysqlclusters",
      method: "GET",
      path: "/apis/mysql.oracle.com/v1alpha1/mysqlclusters",
      query: {
        watch: "1",
        allowWatchBookmarks: "true",
        timeoutSeconds: "300",
        resourceVersion: "42",
      },
      headers: {},
    },
  },
  {
    name: "create() posts to the collection",
    got: sent((client, signal) => client.of(configMaps).create(object, signal)),
    want: {
      what: "create ConfigMap db/main",
      method: "POST",
      path: "/api/v1/namespaces/db/configmaps",
      query: strict,
      headers: json("json"),
      body: JSON.stringify(object),
    },
  },
  {
    name: "apply() takes fields over",
    got: sent((client, signal) =>
      client.of(configMaps).apply(object, { fieldManager: "mysql-operator" }, signal)
    ),
    want: {
      what: "apply ConfigMap db/main",
      method: "PATCH",
      path: "/api/v1/namespaces/db/configmaps/main",
      query: { fieldManager: "mysql-operator", force: "true", ...strict },
      headers: json("apply-patch+yaml"),
      body: JSON.stringify(object),
    },
  },
  {
    name: "apply() applies a subresource politely",
    got: sent((client, signal) =>
      client.of(ours).apply(object, {
        fieldManager: "agent",
        subresource: "status",
        force: false,
        dryRun: true,
      }, signal)
    ),
    want: {
      what: "apply Cluster db/main",
      method: "PATCH",
      path: "/apis/mysql.oracle.com/v1alpha1/namespaces/db/mysqlclusters/main/status",
      query: { fieldManager: "agent", force: "false", dryRun: "All", ...strict },
      headers: json("apply-patch+yaml"),
      body: JSON.stringify(object),
    },
  },
  {
    name: "patch() merges by default",
    got: sent((client, signal) =>
      client.of(configMaps).patch(ref, { body: { data: { a: null } } }, signal)
    ),
    want: {
      what: "patch ConfigMap db/main",
      method: "PATCH",
      path: "/api/v1/namespaces/db/configmaps/main",
      query: strict,
      headers: json("merge-patch+json"),
      body: '{"data":{"a":null}}',
    },
  },
  {
    name: "patch() sends operations",
    got: sent((client, signal) =>
      client.of(configMaps).patch(ref, {
        body: [],
        contentType: "json",
        fieldManager: "m",
        subresource: "status",
      }, signal)
    ),
    want: {
      what: "patch ConfigMap db/main",
      method: "PATCH",
      path: "/api/v1/namespaces/db/configmaps/main/status",
      query: { fieldManager: "m", ...strict },
      headers: json("json-patch+json"),
      body: "[]",
    },
  },
  {
    name: "replace() puts the object",
    got: sent((client, signal) => client.of(configMaps).replace(object, {}, signal)),
    want: {
      what: "replace ConfigMap db/main",
      method: "PUT",
      path: "/api/v1/namespaces/db/configmaps/main",
      query: strict,
      headers: json("json"),
      body: JSON.stringify(object),
    },
  },
  {
    name: "delete() carries its preconditions",
    got: sent((client, signal) =>
      client.of(configMaps).delete(ref, {
        uid: "u",
        resourceVersion: "3",
      }, signal)
    ),
    want: {
      what: "delete ConfigMap db/main",
      method: "DELETE",
      path: "/api/v1/namespaces/db/configmaps/main",
      query: {},
      headers: json("json"),
      body:
        '{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"u","resourceVersion":"3"}}',
    },
  },
];

for (const { name, got, want } of ROWS) {
  t.test(name, async (t) => t.strictSame(await got, want));
}

for (const name of ["", ".", "..", "a/b", "../secrets", "a%2fb"]) {
  t.test(`resourcePath() refuses the name ${JSON.stringify(name)}`, async (t) => {
    t.throws(() => resourcePath(pods, { namespace: "db", name }), /cannot be part of an API path/);
    t.throws(
      () => resourcePath(pods, { namespace: name, name: "a" }),
      /cannot be part of an API path/,
    );
  });
}

t.test("a namespaced object needs its namespace", async (t) => {
  t.throws(() => resourcePath(pods, { name: "a" }), /Pod a is namespaced/);
  const homeless = { ...object, metadata: { name: "a" } };
  const create = sent((client, signal) => client.of(configMaps).create(homeless, signal));
  await t.rejects(create, /ConfigMap a is namespaced/);
});

t.test("withGuard() keeps writes from being sent, and no reads", async (t) => {
  const guarded = (client: KubeClient) =>
    client.withGuard(() => {
      throw new Error("not the leader");
    });
  const get = await sent((client, signal) => guarded(client).of(configMaps).get(ref, signal));
  t.equal(get?.method, "GET");
  const create = sent((client, signal) => guarded(client).of(configMaps).create(object, signal));
  await t.rejects(create, /not the leader/);
});
