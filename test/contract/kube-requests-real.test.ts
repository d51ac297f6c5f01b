// What only the real API server can say of requests: validation, dry runs, whose fields are whose, parts of
// objects, preconditions, warnings, and whom a request is from.

import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import t from "tap";
import { startApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { requestToken } from "../../fixtures/apiserver/tokens.ts";
import { loadConnection } from "../../src/access/connection.ts";
import { type ConfigMap, configMaps, serviceAccounts, statefulSets } from "../../src/api/kinds.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { createLogger, silentLogger as log } from "../../src/base/log.ts";
import { type ApiError, isConflict } from "../../src/kube/api-error.ts";
import { connect, type KubeClient } from "../../src/kube/client.ts";
import type { KubeObject } from "../../src/kube/object.ts";
import { resourceType } from "../../src/kube/resource.ts";
import { createExec } from "../../src/mysql/exec.ts";
import { limit, map, newNamespace } from "./kube-support.ts";

const server = await startApiServer(t, { controllers: false });
const client = server.client();

const refusalOf = (request: Promise<unknown>): Promise<ApiError> =>
  request.then(() => assert.fail("it was not refused"), (error) => error);

t.test("a field that the server does not know is refused by every write", async (t) => {
  const ref = { namespace: "default", name: "strict" };
  const made = await client.of(configMaps).create(map("strict", { a: "1" }), limit());
  const unknown = { ...map("strict2"), dataa: { a: "1" } } as ConfigMap;
  const known = { ...made, metadata: { ...made.metadata, lables: {} } } as ConfigMap;
  const writes = {
    create: () => client.of(configMaps).create(unknown, limit()),
    patch: () => client.of(configMaps).patch(ref, { body: { dataa: { b: "2" } } }, limit()),
    replace: () => client.of(configMaps).replace(known, {}, limit()),
    apply: () => client.of(configMaps).apply(unknown, { fieldManager: "us" }, limit()),
  };
  for (const [name, write] of Object.entries(writes)) {
    const { message } = await refusalOf(write());
    t.match(message, new RegExp(`^cannot ${name} ConfigMap default/strict`));
    t.match(message, /dataa|lables/, `${name}: ${message}`);
  }
  t.same((await client.of(configMaps).get(ref, limit()))?.data, { a: "1" });
});

t.test("a dry run is checked, answered and not done", async (t) => {
  const ref = { namespace: "default", name: "dry" };
  const dryRun = true;
  const options = { fieldManager: "us", dryRun };
  const applied = await client.of(configMaps).apply(map("dry", { a: "1" }), options, limit());
  t.ok(applied.metadata.uid);
  t.equal(await client.of(configMaps).get(ref, limit()), undefined);
  const made = await client.of(configMaps).create(map("dry", { a: "1" }), limit());
  t.same(
    (await client.of(configMaps).patch(ref, { body: { data: { b: "2" } }, dryRun }, limit())).data,
    {
      a: "1",
      b: "2",
    },
  );
  await client.of(configMaps).replace({ ...made, data: {} }, { dryRun }, limit());
  t.same((await client.of(configMaps).get(ref, limit()))?.data, { a: "1" });
  const bad = client.of(configMaps).apply(map("Bad_Name"), options, limit());
  t.match(await refusalOf(bad), { reason: "Invalid" });
});

t.test("a conflict of managers says who owns what", async (t) => {
  const apply = (data: Record<string, string>, fieldManager: string, force?: boolean) => {
    const options = { fieldManager, ...(force === undefined ? {} : { force }) };
    return client.of(configMaps).apply(map("owned", data), options, limit());
  };
  await apply({ a: "1", b: "1" }, "first");
  await apply({ c: "1" }, "second");
  const error = await refusalOf(apply({ a: "2", b: "2", c: "2" }, "third", false));
  t.ok(isConflict(error));
  t.match(
    error.message,
    /^cannot apply ConfigMap default\/owned: 409 Conflict: .*\.data\.a is owned by "first"/,
  );
  t.match(error.message, '.data.b is owned by "first"');
  t.match(error.message, '.data.c is owned by "second"');
  t.same((await apply({ a: "2" }, "third")).data, { a: "2", b: "1", c: "1" }, "by force");
});

type Scale = KubeObject & { spec?: { replicas?: number }; status?: { replicas: number } };
const scales = resourceType<Scale>("apps/v1", "Scale", "statefulsets");

t.test("status and scale are parts of their own", async (t) => {
  const metadata = { namespace: "default", name: "scaled" };
  const labels = { app: "scaled" };
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: "c", image: "none" }] },
  };
  const spec = { serviceName: "scaled", replicas: 1, selector: { matchLabels: labels }, template };
  const object = { apiVersion: "apps/v1", kind: "StatefulSet", metadata, spec };
  await client.of(statefulSets as never).create(object, limit());
  const target = { ...metadata, subresource: "scale" };
  const scale = await client.of(scales).get(target, limit());
  t.match(scale, { kind: "Scale", spec: { replicas: 1 } });
  assert(scale);
  const more = { ...scale, spec: { replicas: 3 } };
  await client.of(scales).replace(more, { subresource: "scale" }, limit());
  t.match(await client.of(statefulSets).get(metadata, limit()), { spec: { replicas: 3 } });
  const late = client.of(scales).replace(more, { subresource: "scale" }, limit());
  t.ok(isConflict(await refusalOf(late)), "by its resourceVersion");
  const body = { spec: { replicas: 9 }, status: { replicas: 3 } };
  await client.of(statefulSets).patch(metadata, { body, subresource: "status" }, limit());
  t.match(await client.of(statefulSets).get(metadata, limit()), {
    spec: { replicas: 3 },
    status: { replicas: 3 },
  });
  const missing = { namespace: "default", name: "nobody", subresource: "scale" };
  t.equal(await client.of(scales).get(missing, limit()), undefined);
});

t.test("a delete hits only what it was meant for", async (t) => {
  const ref = { namespace: "default", name: "doomed" };
  const first = await client.of(configMaps).create(map("doomed", {}), limit());
  const { uid = "", resourceVersion = "" } = first.metadata;
  await client.of(configMaps).patch(ref, { body: { data: { a: "1" } } }, limit());
  for (const precondition of [{ uid: "another" }, { resourceVersion }, { uid, resourceVersion }]) {
    t.ok(isConflict(await refusalOf(client.of(configMaps).delete(ref, precondition, limit()))));
  }
  t.equal(await client.of(configMaps).delete(ref, { uid }, limit()), true);
  t.equal(await client.of(configMaps).delete(ref, { uid }, limit()), false);
});

t.test("the server's warnings are logged once", async (t) => {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const noted = createLogger({ level: "warn", format: "text", write, clock });
  const warned = await clientOf(t, { kubeconfig: server.kubeconfig }, noted);
  const endpoints = resourceType("v1", "Endpoints", "endpoints");
  for (const namespace of ["default", "kube-system"]) {
    await warned.of(endpoints).list({ namespace }, limit());
  }
  t.equal(lines.length, 1, lines.join("\n"));
  t.match(
    lines[0],
    /API server warning request="list endpoints" warning="v1 Endpoints is deprecated/,
  );
});

t.test("requests are made for somebody else", async (t) => {
  const config = JSON.parse(readFileSync(server.kubeconfig, "utf8"));
  Object.assign(config.users[0].user, {
    as: "jane",
    "as-groups": ["dev", "ops"],
    "as-user-extra": { "Acme.com/Scope": ["a", "b"] },
  });
  const dir = t.testdir({ config: JSON.stringify(config) });
  const jane = await clientOf(t, { kubeconfig: `${dir}/config` });
  const review = resourceType<KubeObject & { status?: unknown }>(
    "authentication.k8s.io/v1",
    "SelfSubjectReview",
    "selfsubjectreviews",
    false,
  );
  const question = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const { status } = await jane.of(review).create({ ...question, metadata: {} as never }, limit());
  t.match(status, {
    userInfo: {
      username: "jane",
      groups: ["dev", "ops", "system:authenticated"],
      extra: { "acme.com/scope": ["a", "b"] },
    },
  });
  t.match(
    await refusalOf(jane.of(configMaps).get({ namespace: "default", name: "x" }, limit())),
    { reason: "Forbidden", message: /User "jane"/ },
  );
});

t.test("a token that ends is replaced, from a file and by a plugin", async (t) => {
  const namespace = await newNamespace(client, "tokens");
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "us", namespace } };
  await client.of(serviceAccounts).create(account, limit());
  const request = () => requestToken(client, { namespace, name: "us" }, limit());
  const dir = t.testdir({ token: "no longer good" });
  copyFileSync(`${server.dir}/ca.crt`, `${dir}/ca.crt`);
  const forbidden = { reason: "Forbidden", message: /system:serviceaccount:tokens:us/ };
  const ask = (who: KubeClient) =>
    refusalOf(who.of(configMaps).get({ namespace, name: "x" }, limit()));

  const port = new URL(server.url).port;
  const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: port };
  const inside = await clientOf(t, { env, serviceAccountDir: dir });
  t.match(await ask(inside), { reason: "Unauthorized" });
  writeFileSync(`${dir}/token`, await request());
  t.match(await ask(inside), forbidden, "known again, and without this right");

  writeFileSync(
    `${dir}/credential`,
    credential("no longer good"),
  );
  writeFileSync(`${dir}/config`, JSON.stringify(withPlugin(dir)));
  let lateMs = 0;
  const later = { ...clock, monotonic: () => clock.monotonic() + lateMs };
  const deps = { log, clock: later, env: { PATH: "/usr/bin:/bin" } };
  const connection = await loadConnection({
    kubeconfig: `${dir}/config`,
    ...deps,
    run: createExec(clock),
  });
  const plugged = connect(connection, { userAgent: "test", ...deps });
  t.teardown(() => plugged.close());
  t.match(await ask(plugged), { reason: "Unauthorized" });
  writeFileSync(`${dir}/credential`, credential(await request()));
  lateMs = 5_000; // a plugin is not asked twice within five seconds
  t.match(await ask(plugged), forbidden);
  t.match(readFileSync(`${dir}/told`, "utf8"), `"server":"${server.url}"`);
});

function credential(token: string): string {
  const apiVersion = "client.authentication.k8s.io/v1";
  return JSON.stringify({ apiVersion, kind: "ExecCredential", status: { token } });
}

/** A kubeconfig whose plugin prints a file and keeps what it was told. */
function withPlugin(dir: string): object {
  const config = JSON.parse(readFileSync(server.kubeconfig, "utf8"));
  const script = `printf %s "$KUBERNETES_EXEC_INFO" > ${dir}/told; cat ${dir}/credential`;
  config.users[0].user = {
    exec: {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "sh",
      args: ["-c", script],
      interactiveMode: "Never",
      provideClusterInfo: true,
    },
  };
  return config;
}

type Tap = { teardown(run: () => unknown): void };

async function clientOf(
  t: Tap,
  where: {
    kubeconfig?: string;
    env?: Record<string, string | undefined>;
    serviceAccountDir?: string;
  },
  noted = log,
): Promise<KubeClient> {
  const deps = { log: noted, clock };
  const made = connect(await loadConnection({ env: {}, ...where, ...deps }), {
    userAgent: "test",
    ...deps,
  });
  t.teardown(() => made.close());
  return made;
}
