// Changes of a Cluster that runs, against the real API server: scaling, refusals, pause, what the spec
// names, lost Secrets, deletion.

import t from "tap";
import { clusters } from "../../src/api/group.ts";
import {
  configMaps,
  persistentVolumeClaims,
  pods,
  roles,
  secrets,
  serviceAccounts,
  services,
  statefulSets,
} from "../../src/api/kinds.ts";
import { events } from "../../src/api/kinds.ts";
import type { KubeObject } from "../../src/kube/object.ts";
import { LIMIT, waitFor, World } from "./operator-world.ts";

const SECONDS = 60_000;

t.test("changes of a Cluster", async (t) => {
  const world = await World.start(t);
  world.operator(t);
  const patch = (namespace: string, spec: unknown) =>
    world.client.of(clusters).patch({ namespace, name: "main" }, { body: { spec } }, LIMIT);
  const statefulSet = async (namespace: string) => {
    const found = await world.client.of(statefulSets).get({ namespace, name: "main" }, LIMIT);
    if (found === undefined) throw new Error("no StatefulSet");
    return found;
  };

  await t.test("one member becomes three without a change of the Pod template", async (t) => {
    const namespace = await world.namespace("scale");
    await world.create(namespace, { members: 1 });
    await world.untilCondition(namespace, "Ready", "False Creating");
    await waitFor(
      "a Pod",
      SECONDS,
      async () => (await world.list(pods, namespace)).length === 1 || "",
    );
    await world.pretendBootstrapped(namespace);
    await world.pretendOnline(namespace, "main-0", group("primary", "1:1", ["main-0"]));
    await world.untilCondition(namespace, "Ready", "True AllMembersOnline");
    const before = await statefulSet(namespace);
    await patch(namespace, { members: 3 });
    await waitFor("three replicas", SECONDS, async () => {
      const { spec } = await statefulSet(namespace);
      return spec.replicas === 3 || `${spec.replicas}`;
    });
    const after = await statefulSet(namespace);
    t.strictSame(after.spec.template, before.spec.template);
    await waitFor("three Pods", SECONDS, async () => {
      return (await world.list(pods, namespace)).length === 3 || "";
    });
    await world.untilCondition(namespace, "Progressing", "True Joining");
    const role = await world.client.of(roles).get({ namespace, name: "main-agent" }, LIMIT);
    const named = role?.rules.find(({ resources }) => resources[0] === "pods")?.resourceNames;
    t.strictSame(named, ["main-0", "main-1", "main-2"], "the agents may read the new Pods");
    const all = ["main-0", "main-1", "main-2"];
    for (const pod of ["main-1", "main-2"]) {
      await world.pretendOnline(namespace, pod, group("secondary", "1:3", all));
    }
    await world.untilCondition(namespace, "Ready", "True AllMembersOnline");
    const { status } = await world.cluster(namespace);
    t.match(status, { membersSummary: "3/3", primary: "main-0", version: "9.7.4" });

    await patch(namespace, { members: 1 });
    const refused = await world.untilCondition(namespace, "Ready", "False ChangeRefused");
    t.match(refused.message, /3 are kept/);
    t.equal((await statefulSet(namespace)).spec.replicas, 3, "nothing was shrunk");
    await patch(namespace, { members: 3, version: "9.7.5" });
    await world.untilCondition(namespace, "Ready", "False ChangeRefused");
    t.strictSame((await statefulSet(namespace)).spec.template, before.spec.template);
    await patch(namespace, { version: "9.7.4" });
    await world.untilCondition(namespace, "Ready", "True AllMembersOnline");
    await waitFor("Events on changes only", SECONDS, async () => {
      const told = (await world.list(events, namespace))
        .filter(({ involvedObject }) => involvedObject.kind === "Cluster");
      const reasons = told.map(({ reason }) => reason);
      const complete = ["Available", "Ready", "ChangeRefused", "Synced"]
        .every((reason) => reasons.includes(reason));
      const seen = told.map(({ reason, count, message }) => `${count} × ${reason}: ${message}`);
      return complete && told.every(({ count }) => (count ?? 1) <= 2) || seen.join("\n");
    });
  });

  await t.test("a pause changes nothing and keeps the status", async (t) => {
    const namespace = await world.namespace("paused");
    await world.create(namespace, { members: 1, paused: true });
    await world.untilCondition(namespace, "Ready", "False Paused");
    t.strictSame(await world.list(statefulSets, namespace), []);
    await patch(namespace, { paused: false });
    await world.untilCondition(namespace, "Ready", "False Creating");
  });

  await t.test("what the spec names must be there", async (t) => {
    const namespace = await world.namespace("references");
    await world.create(namespace, {
      members: 1,
      rootPasswordSecret: { name: "given" },
      config: { name: "mine" },
    });
    const { message } = await world.untilCondition(namespace, "Ready", "False ReferenceMissing");
    t.match(message, /Secret references\/given/);
    t.match(message, /ConfigMap references\/mine/);
    t.strictSame(await world.list(statefulSets, namespace), []);
    const metadata = (name: string) => ({ name, namespace });
    const data = { password: Buffer.from("secret").toString("base64") };
    const secret = { apiVersion: "v1", kind: "Secret", metadata: metadata("given"), data };
    await world.client.of(secrets).create(secret, LIMIT);
    const config = { apiVersion: "v1", kind: "ConfigMap", metadata: metadata("mine") };
    await world.client.of(configMaps).create({ ...config, data: { "my.cnf": "" } }, LIMIT);
    await world.untilCondition(namespace, "Ready", "False Creating");
  });

  await t.test("a lost password is not replaced by another", async (t) => {
    const namespace = await world.namespace("lost");
    await world.create(namespace, { members: 1 });
    await world.untilCondition(namespace, "Ready", "False Creating");
    await world.pretendBootstrapped(namespace);
    const ref = { namespace, name: "main-root-password" };
    const before = await world.client.of(secrets).get(ref, LIMIT);
    await world.client.of(secrets).delete(ref, {}, LIMIT);
    await patch(namespace, { podMetadata: { labels: { touched: "yes" } } });
    await world.untilCondition(namespace, "Ready", "False ReferenceMissing");
    t.equal(await world.client.of(secrets).get(ref, LIMIT), undefined);
    const { labels = {} } = before?.metadata ?? {};
    const restored = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { ...ref, labels },
      data: before?.data ?? {},
    };
    await world.client.of(secrets).create(restored, LIMIT);
    await waitFor("the restored Secret is accepted", SECONDS, async () => {
      const ready = (await world.cluster(namespace)).status?.conditions
        ?.find(({ type }) => type === "Ready");
      return ready?.reason !== "ReferenceMissing" || ready.message;
    });
  });

  await t.test("deletion leaves the volumes and nothing else", async (t) => {
    const namespace = await world.namespace("deleted");
    const volumeClaimTemplate = {
      metadata: { name: "data" },
      spec: { resources: { requests: { storage: "1Gi" } } },
    };
    await world.create(namespace, { members: 1, volumeClaimTemplate });
    await waitFor("a claim", SECONDS, async () => {
      return (await world.list(persistentVolumeClaims, namespace)).length === 1 || "none";
    });
    await world.client.of(clusters).delete({ namespace, name: "main" }, {}, LIMIT);
    await waitFor("everything is gone", SECONDS, async () => {
      const kinds = [statefulSets, services, secrets, configMaps, roles, serviceAccounts];
      const left = await Promise.all(kinds.map((type) => world.list<KubeObject>(type, namespace)));
      const names = left.flat().map(({ kind, metadata: { name } }) => `${kind} ${name}`)
        .filter((name) => !["ConfigMap kube-root-ca.crt", "ServiceAccount default"].includes(name));
      return names.length === 0 || names.join(", ");
    });
    t.equal((await world.list(persistentVolumeClaims, namespace)).length, 1);
  });
});

/** What an ONLINE member reports of its group. */
function group(role: "primary" | "secondary", viewId: string, names: readonly string[]) {
  const members = names.map((name) => ({
    host: `${name}.main.scale.svc.cluster.local`,
    serverUuid: name,
    state: "ONLINE",
    role: name === "main-0" ? "PRIMARY" : "SECONDARY",
  }));
  return { role, viewId, members };
}
