// Two replicas: one acts, the other only fills its stores, until the first one's Lease ends.

import t from "tap";
import { leases } from "../../src/kube/resource.ts";
import { LIMIT, waitFor, World } from "./operator-world.ts";

const SECONDS = 60_000;

t.test("two replicas", async (t) => {
  const world = await World.start(t);
  const lease = { namespace: "mysql-operator", name: "mysql-operator" };
  const holder = async () => {
    const found = await world.client.of(leases).get(lease, LIMIT);
    return found?.spec?.holderIdentity ?? "";
  };
  const elect = ["--leader-elect"];
  const first = world.operator(t, elect, { hostname: "first" });
  await waitFor("the first leads", SECONDS, async () => {
    const name = await holder();
    return name.startsWith("first_") || name;
  });
  const second = world.operator(t, elect, { hostname: "second" });
  const namespace = await world.namespace("led");
  await world.create(namespace, { members: 1 });
  await world.untilCondition(namespace, "Ready", "False Creating");
  await waitFor("the standby's stores are filled", SECONDS, async () => {
    return second.lines.some(({ msg }) => msg === "stores filled") || "not yet";
  });
  t.strictSame(second.lines.filter(({ msg }) => msg === "applied"), [], "the standby did nothing");

  await first.stop();
  await waitFor("the second leads", SECONDS, async () => {
    const name = await holder();
    return name.startsWith("second_") || name;
  });
  await world.create(namespace, { members: 1 }, "other");
  await waitFor("the second works", SECONDS, async () => {
    return second.lines.some(({ msg, name }) => msg === "applied" && name === "other") || "no";
  });

  // Nobody answers for longer than the Lease may go without a renewal.
  world.server.freeze();
  await t.rejects(second.ended, /Cannot go on without the Lease/, "who loses the Lease ends");
  world.server.thaw();
});
