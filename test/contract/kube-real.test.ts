// Requests against the real API server: what they mean, and how refusals come out.

import { copyFileSync } from "node:fs";
import t from "tap";
import { startApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { requestToken } from "../../fixtures/apiserver/tokens.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { createLogger, silentLogger as log } from "../../src/base/log.ts";
import { isAlreadyExists, isConflict, isForbidden } from "../../src/kube/api-error.ts";
import { connect } from "../../src/kube/client.ts";
import { loadConnection } from "../../src/access/connection.ts";
import { EventRecorder } from "../../src/controllers/recorder.ts";
import { configMaps, serviceAccounts } from "../../src/api/kinds.ts";
import { events } from "../../src/api/kinds.ts";
import { limit, map, newNamespace } from "./kube-support.ts";

const server = await startApiServer(t);
const client = server.client();

t.test("objects live from create to delete", async (t) => {
  const ref = { namespace: "default", name: "life" };
  t.equal(await client.of(configMaps).get(ref, limit()), undefined);
  const made = await client.of(configMaps).create(map("life", { a: "1" }), limit());
  t.ok(made.metadata.uid);
  await t.rejects(
    client.of(configMaps).create(map("life"), limit()).catch((error) => {
      t.ok(isAlreadyExists(error));
      throw error;
    }),
    /cannot create ConfigMap default\/life: 409 AlreadyExists/,
  );
  const patched = await client.of(configMaps).patch(ref, { body: { data: { b: "2" } } }, limit());
  t.same(patched.data, { a: "1", b: "2" });
  await t.rejects(
    client.of(configMaps).replace({ ...made, data: {} }, {}, limit()).catch((error) => {
      t.ok(isConflict(error));
      throw error;
    }),
    /409 Conflict/,
  );
  t.same(
    (await client.of(configMaps).replace({ ...patched, data: { c: "3" } }, {}, limit())).data,
    {
      c: "3",
    },
  );
  const json = [{ op: "add", path: "/data/d", value: "4" }];
  t.same(
    (await client.of(configMaps).patch(ref, { body: json, contentType: "json" }, limit())).data,
    {
      c: "3",
      d: "4",
    },
  );
  await t.rejects(client.of(configMaps).delete(ref, { uid: "somebody-else" }, limit()), /Conflict/);
  t.equal(await client.of(configMaps).delete(ref, { uid: made.metadata.uid ?? "" }, limit()), true);
  t.equal(await client.of(configMaps).delete(ref, {}, limit()), false);
});

t.test("apply owns exactly the fields it was given", async (t) => {
  const apply = (data: Record<string, string>, fieldManager = "us") =>
    client.of(configMaps).apply(map("applied", data), { fieldManager }, limit());
  await apply({ a: "1", b: "2" });
  await client.of(configMaps).patch({ namespace: "default", name: "applied" }, {
    body: { data: { theirs: "3" } },
  }, limit());
  t.same((await apply({ a: "9" })).data, { a: "9", theirs: "3" }, "dropped fields go, others stay");
  const polite = client.of(configMaps).apply(map("applied", { a: "0" }), {
    fieldManager: "them",
    force: false,
  }, limit());
  await t.rejects(polite, /Conflict/);
});

t.test("refusals name the object and the reason", async (t) => {
  await t.rejects(
    client.of(configMaps).create(map("Bad_Name"), limit()).catch((error) => {
      t.equal(error.reason, "Invalid");
      throw error;
    }),
    /cannot create ConfigMap default\/Bad_Name: 422 Invalid: .*metadata\.name/,
  );
  const unknown = {
    group: "nowhere.example",
    version: "v1",
    kind: "Thing",
    plural: "things",
    namespaced: true,
  };
  await t.rejects(
    client.of(unknown).get({ namespace: "default", name: "x" }, limit()),
    /cannot get Thing default\/x: 404/,
    "an unknown kind is not an absent object",
  );
});

t.test("a token with few rights is enough and refused beyond them", async (t) => {
  const namespace = await newNamespace(client, "rights");
  await client.of(serviceAccounts).apply(
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "agent", namespace } },
    { fieldManager: "t" },
    limit(),
  );
  const token = await requestToken(client, { namespace, name: "agent" }, limit());
  const dir = t.testdir({ token: token + "\n", namespace });
  copyFileSync(`${server.dir}/ca.crt`, `${dir}/ca.crt`);
  const [, , host = ""] = server.url.split("/");
  const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: host.split(":")[1] };
  const inside = connect(await loadConnection({ env, serviceAccountDir: dir, log, clock }), {
    userAgent: "agent",
    log,
    clock,
  });
  t.teardown(() => inside.close());
  await t.rejects(
    inside.of(configMaps).get({ namespace, name: "x" }, limit()).catch((error) => {
      t.ok(isForbidden(error));
      throw error;
    }),
    /403 Forbidden: .*system:serviceaccount:rights:agent/,
  );
});

t.test("a list comes in pages of one state", async (t) => {
  const namespace = await newNamespace(client, "pages");
  const all = Array.from({ length: 1203 }, (_, i) => `m${String(i).padStart(4, "0")}`);
  for (let i = 0; i < all.length; i += 100) {
    await Promise.all(
      all.slice(i, i + 100).map((name) =>
        client.of(configMaps).create(map(name, {}, namespace), limit())
      ),
    );
  }
  const { items, resourceVersion } = await client.of(configMaps).list({ namespace }, limit());
  t.same(
    items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith("m")).sort(),
    all,
  );
  t.match(items[0], { apiVersion: "v1", kind: "ConfigMap" });
  t.match(resourceVersion, /^\d+$/);
  const some = await client.of(configMaps).list(
    { namespace, fieldSelector: "metadata.name=m0007" },
    limit(),
  );
  t.equal(some.items.length, 1);
});

t.test("events are counted up when they repeat", async (t) => {
  const namespace = await newNamespace(client, "told");
  const about = await client.of(configMaps).create(map("about", {}, namespace), limit());
  const recorder = new EventRecorder({ client, component: "test", instance: "test-0", clock, log });
  for (let i = 0; i < 5; i++) {
    recorder.emit(about, { type: "Normal", reason: "Synced", message: "all is well" });
  }
  await recorder.flush(10_000);
  recorder.emit(about, { type: "Normal", reason: "Synced", message: "all is well" });
  recorder.emit(about, { type: "Warning", reason: "ErrResourceExists", message: "not ours" });
  await recorder.flush(10_000);
  const { items } = await client.of(events).list({ namespace }, limit());
  const ours = items.filter(({ reportingComponent }) => reportingComponent === "test");
  t.same(ours.map(({ reason, count }) => [reason, count]).sort(), [["ErrResourceExists", 1], [
    "Synced",
    6,
  ]]);
  t.match(ours[0], {
    involvedObject: { kind: "ConfigMap", name: "about", uid: about.metadata.uid },
    source: { component: "test" },
  });
});

t.test("recording an event never fails", async (t) => {
  const lines: string[] = [];
  const noted = createLogger({
    level: "debug",
    format: "text",
    write: (line) => lines.push(line),
    clock,
  });
  const recorder = new EventRecorder({
    client,
    component: "test",
    instance: "test-0",
    clock,
    log: noted,
  });
  recorder.emit({ ...map("lost", {}, "no-such-namespace") }, {
    type: "Normal",
    reason: "Synced",
    message: "x",
  });
  await recorder.flush(10_000);
  t.match(lines.join("\n"), /event refused/);
});
