// Other shapes of a Cluster: multi-primary, and one member alone; and what a frozen server looks like.

import t from "tap";
import { ROLE_LABEL } from "../../src/api/labels.ts";
import { pods } from "../../src/api/kinds.ts";
import { FORM_MS, HEAL_MS, startInstances, untilHealthy } from "./agent-cluster.ts";
import { waitFor, World } from "./operator-world.ts";

t.setTimeout(600_000);

t.test("shapes", async (t) => {
  const world = await World.start(t);
  world.operator(t);

  await t.test("multi-primary: all are primaries, and a killed one comes back", async (t) => {
    const namespace = "multi";
    const spec = { multiPrimary: true };
    const place = { namespace, members: 3, port: 15161, spec };
    const instances = await startInstances(t, world, place);
    const allPrimary = async () => {
      const found = await world.list(pods, namespace);
      const roles = found.map((pod) => pod.metadata.labels?.[ROLE_LABEL]);
      return roles.every((role) => role === "primary") || roles.join(",");
    };
    await waitFor("all are primaries", FORM_MS, allPrimary);
    const [first, second, third] = instances;
    await first?.sql("CREATE DATABASE app");
    await first?.sql("CREATE TABLE app.t (id INT PRIMARY KEY)");
    await second?.sql("INSERT INTO app.t VALUES (2)");
    await third?.killServer();
    await waitFor("it is seen", HEAL_MS, async () => await allPrimary() !== true || "not yet");
    await first?.sql("INSERT INTO app.t VALUES (1)");
    await waitFor("all are primaries again", HEAL_MS, allPrimary);
    // The group makes a member ONLINE a moment before it makes it writable.
    await waitFor("it takes writes again", HEAL_MS, async () => {
      const [row] = await third?.sql("SELECT @@super_read_only readOnly") ?? [];
      return row?.readOnly === 0 || "read-only";
    });
    await third?.sql("INSERT INTO app.t VALUES (3)");
    t.match(await (await fetch(await first!.url("/drain"))).json(), { result: /multi-primary/ });
  });

  await t.test("one member: the group of one, and a server that stands still", async (t) => {
    const namespace = "single";
    const place = { namespace, members: 1, port: 15171 };
    const [only] = await startInstances(t, world, place);
    await untilHealthy(world, namespace, FORM_MS);
    const ready = async () => (await fetch(await only!.url("/ready"))).status;
    const isReady = async () => await ready() === 200 || "not ready";
    // The label is there before clients are let in.
    await waitFor("it is ready", 10_000, isReady);
    t.match(await (await fetch(await only!.url("/drain"))).json(), {
      result: "no other ONLINE member",
    });
    await only?.signalServer("SIGSTOP");
    await waitFor("it is not ready", 30_000, async () => await ready() === 503 || "ready");
    await waitFor("it has no role", 30_000, async () => {
      const [pod] = await world.list(pods, namespace);
      return pod?.metadata.labels?.[ROLE_LABEL] === undefined || "still";
    });
    t.equal(
      (await fetch(await only!.url("/live"))).status,
      200,
      "nobody restarts the agent for it",
    );
    await only?.signalServer("SIGCONT");
    await untilHealthy(world, namespace, HEAL_MS);
    await waitFor("it is ready again", 10_000, isReady);
    const metrics = await (await fetch(await only!.url("/metrics"))).text();
    t.match(metrics, /mysql_innodb_cluster_created\{podName="main-0",clusterName="main"\} 1/);
  });
});
