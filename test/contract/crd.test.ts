// The generated CustomResourceDefinition on a real API server: it is accepted, it refuses the whole table of
// bad input with a message that names the path, it fills in the same defaults as the schema, it knows what
// may not change, and kubectl's columns and the scale subresource work.

import { readFile } from "node:fs/promises";
import t from "tap";
import { parse } from "yaml";
import { startApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { type Cluster, clusterSpecSchema } from "../../src/api/cluster.ts";
import { clusters } from "../../src/api/group.ts";
import { ApiError } from "../../src/kube/api-error.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { resourcePath } from "../../src/kube/resource.ts";
import { badNames, badSpecs, specSchema } from "../unit/api/bad-specs.ts";
import { type Change, changes } from "./cluster-changes.ts";
import { fullSpec } from "../unit/api/full-spec.ts";

const NAMESPACE = "default";
const LIMIT_MS = 60_000;
const server = await startApiServer(t, { controllers: false });
const client = server.client();
const signal = AbortSignal.timeout(LIMIT_MS);

type Json = Record<string, unknown>;

function send(method: "GET" | "POST" | "PUT" | "PATCH", path: string, options: {
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: unknown;
} = {}): Promise<Json> {
  const { query = {}, headers = {}, body } = options;
  const request = {
    method,
    path,
    query,
    headers: { "content-type": "application/json", ...headers },
  };
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  return client.raw({ ...request, ...text }, signal) as Promise<Json>;
}

const object = (name: string, spec: unknown): Json => ({
  apiVersion: "mysql.oracle.com/v1alpha1",
  kind: "Cluster",
  metadata: { name, namespace: NAMESPACE },
  spec,
});
const collection = resourcePath(clusters, { namespace: NAMESPACE });
const pathOf = (name: string, subresource?: string): string => (
  resourcePath(clusters, { namespace: NAMESPACE, name, ...(subresource && { subresource }) })
);
const dryRun = { query: { dryRun: "All" } };

/** The server's refusal of a request, or undefined if it was accepted. */
async function refusal(request: Promise<unknown>): Promise<string | undefined> {
  try {
    await request;
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && error.httpStatus === 422) return error.message;
    throw error;
  }
}

t.before(async () => {
  const file = new URL("../../deploy/crds/mysqlclusters.yaml", import.meta.url);
  const definition = parse(await readFile(file, "utf8")) as Json;
  const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  await send("POST", definitions, { body: definition });
  let established: Json[] = [];
  while (established.length === 0) {
    const live = await send("GET", `${definitions}/mysqlclusters.mysql.oracle.com`);
    const conditions = (live["status"] as { conditions?: Json[] } | undefined)?.conditions ?? [];
    established = conditions.filter(({ type, status }) =>
      type === "Established" && status === "True"
    );
    const wrong = conditions.find(({ type }) => type === "NonStructuralSchema");
    if (wrong !== undefined) throw new Error(JSON.stringify(wrong));
    signal.throwIfAborted();
  }
  // Discovery follows the condition after a moment.
  while (!await send("GET", collection).then(() => true, () => false)) signal.throwIfAborted();
});

/** Messages of all CEL rules below a schema, apart by whether they look at the old value. */
function rulesOf(node: unknown): { rule: string; message: string }[] {
  if (typeof node !== "object" || node === null) return [];
  const own = (node as Json)["x-kubernetes-validations"] as { rule: string; message: string }[];
  return [...(own ?? []), ...Object.values(node).flatMap(rulesOf)];
}
const isTransition = ({ rule }: { rule: string }): boolean => rule.includes("oldSelf");

t.test("the API server accepts every field of the spec", async (t) => {
  const made = await send("POST", collection, { ...dryRun, body: object("full", fullSpec) });
  t.match(made["spec"], fullSpec, "and drops none");
});

t.test("the API server fills in the same defaults as the schema", async (t) => {
  const rows = { empty: {}, "volume claim": { volumeClaimTemplate: { spec: storage("1Gi") } } };
  for (const [name, spec] of Object.entries(rows)) {
    const made = await send("POST", collection, { ...dryRun, body: object("defaults", spec) });
    t.strictSame(made["spec"], clusterSpecSchema.parse(spec), name);
  }
  const { spec: _, ...bare } = object("defaults", {});
  const made = await send("POST", collection, { ...dryRun, body: bare });
  t.strictSame(made["spec"], clusterSpecSchema.parse({}), "without any spec");
});

const storage = (size: string): Json => ({ resources: { requests: { storage: size } } });

t.test("the API server takes null for absent", async (t) => {
  const spec = Object.fromEntries(
    Object.keys(specSchema.properties ?? {}).map((key) => [key, null]),
  );
  const made = await send("POST", collection, { ...dryRun, body: object("nulls", spec) });
  t.strictSame(made["spec"], clusterSpecSchema.parse({}));
});

t.test("the API server refuses every row of the table and names the path", async (t) => {
  const messages: string[] = [];
  for (const { name, spec, path, onlyOperator } of badSpecs) {
    const message = await refusal(
      send("POST", collection, { ...dryRun, body: object("bad", spec) }),
    );
    messages.push(message ?? "");
    if (onlyOperator) t.equal(message, undefined, `${name}: left to the operator`);
    else t.ok(message?.includes(`${path}:`), name, { message: message ?? "accepted", spec });
  }
  const rules = rulesOf(specSchema).filter((rule) => !isTransition(rule));
  const never = rules.filter((rule) => !messages.some((message) => message.includes(rule.message)));
  t.strictSame(never, [], "every rule is in the table");
});

t.test("the API server refuses names that cannot name all derived objects", async (t) => {
  for (const { name, why } of badNames) {
    const message = await refusal(send("POST", collection, { ...dryRun, body: object(name, {}) }));
    t.match(message, /metadata\.name .*; (choose|start)/, why);
  }
  await send("POST", collection, { ...dryRun, body: object("a".repeat(52), {}) });
});

async function tryChange({ before, after }: Change, name: string): Promise<string | undefined> {
  const live = await send("POST", collection, { body: object(name, before) });
  const { metadata } = live as { metadata: { resourceVersion: string } };
  const changed = object(name, after);
  Object.assign(changed["metadata"] as Json, { resourceVersion: metadata.resourceVersion });
  return await refusal(send("PUT", pathOf(name), { ...dryRun, body: changed }));
}

t.test("the API server refuses changes that MySQL or Kubernetes cannot follow", async (t) => {
  const messages: string[] = [];
  for (const [index, change] of changes.entries()) {
    const message = await tryChange(change, `change-${index}`);
    messages.push(message ?? "");
    if (change.path === undefined) t.equal(message, undefined, change.name);
    else {t.ok(message?.includes(`${change.path}:`), change.name, {
        message: message ?? "accepted",
      });}
  }
  const rules = rulesOf(specSchema).filter(isTransition);
  const never = rules.filter((rule) => !messages.some((message) => message.includes(rule.message)));
  t.strictSame(never, [], "every rule about changes is in the table");
});

t.test("the scale subresource moves spec.members within its limits", async (t) => {
  await send("POST", collection, { body: object("scaled", {}) });
  const status = { status: { members: 3, labelSelector: "a=b" } };
  const merge = { "content-type": "application/merge-patch+json" };
  await send("PATCH", pathOf("scaled", "status"), { headers: merge, body: status });
  const scale = await send("GET", pathOf("scaled", "scale"));
  t.match(scale, { spec: { replicas: 3 }, status: { replicas: 3, selector: "a=b" } });
  const to = (replicas: number): Promise<Json> => (
    send("PATCH", pathOf("scaled", "scale"), { headers: merge, body: { spec: { replicas } } })
  );
  await to(5);
  const cluster = await client.of(clusters).get({ namespace: NAMESPACE, name: "scaled" }, signal);
  t.equal(cluster?.spec?.members, 5);
  for (const replicas of [0, 10]) t.match(await refusal(to(replicas)), /spec\.members/);
});

t.test("status is written through its subresource only, by two writers side by side", async (t) => {
  const made = await client.of(clusters).create(object("two", {}) as never, signal);
  const bootstrap = { instance: "two-0", serverUuid: "u", intentAt: "2026-01-02T03:04:05Z" };
  const { resourceVersion } = made.metadata;
  const body = { metadata: { resourceVersion }, status: { bootstrap } };
  const ref = { namespace: NAMESPACE, name: "two" };
  await client.of(clusters).patch(ref, { body, subresource: "status" }, signal);
  const late = client.of(clusters).patch(ref, { body, subresource: "status" }, signal);
  t.match(await late.catch((error) => error), { httpStatus: 409 }, "the precondition holds");
  await apply(client, {
    status: { members: 3, instances: [{ name: "two-0", ordinal: 0, state: "Down" }] },
  });
  await apply(client, { status: { members: 2 } });
  const live = await client.of(clusters).get(ref, signal);
  t.strictSame(live?.status, { members: 2, bootstrap }, "each keeps the other's part");
});

async function apply(client: KubeClient, part: Pick<Cluster, "status">): Promise<void> {
  const cluster = { ...object("two", undefined), ...part } as unknown as Cluster;
  await client.of(clusters).apply(
    cluster,
    { fieldManager: "mysql-operator", subresource: "status" },
    signal,
  );
}

t.test("kubectl's columns say members, status, primary, version and age", async (t) => {
  await send("POST", collection, { body: object("columns", {}) });
  const condition = {
    type: "Ready",
    status: "True",
    reason: "AllMembersOnline",
    message: "",
    lastTransitionTime: "2026-01-02T03:04:05Z",
  };
  const status = {
    membersSummary: "3/3",
    primary: "columns-0",
    version: "9.7.4",
    image: "r:9.7.4",
    bootstrap: { groupName: "g" },
    conditions: [condition],
  };
  const merge = { "content-type": "application/merge-patch+json" };
  await send("PATCH", pathOf("columns", "status"), { headers: merge, body: { status } });
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const table = await send("GET", pathOf("columns"), { headers: { accept } }) as {
    columnDefinitions: { name: string; priority: number }[];
    rows: { cells: unknown[] }[];
  };
  const names = table.columnDefinitions.map(({ name, priority }) => `${name} ${priority}`);
  const wanted = [
    "Name 0",
    "Members 0",
    "Status 0",
    "Primary 0",
    "Version 0",
    "Age 0",
    "Image 1",
    "Group 1",
  ];
  t.strictSame(names, wanted);
  const cells = [
    "columns",
    "3/3",
    "AllMembersOnline",
    "columns-0",
    "9.7.4",
    /^\d+s$/,
    "r:9.7.4",
    "g",
  ];
  t.match(table.rows[0]?.cells, cells);
});

t.test("short name and category are served", async (t) => {
  const found = await send("GET", "/apis/mysql.oracle.com/v1alpha1") as { resources: Json[] };
  const resource = found.resources.find(({ name }) => name === "mysqlclusters");
  t.match(resource, { singularName: "mysqlcluster", shortNames: ["myc"], categories: ["mysql"] });
});
