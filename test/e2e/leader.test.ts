// Two replicas of the operator: one leads, the other only watches; when the leader is killed another
// takes over within 20 s.

import t from "tap";
import { type Database, manifest, waitUntilRight } from "./database.ts";
import { apply, kubectl } from "./kubectl.ts";
import { restrictedNamespace } from "./namespace.ts";
import { killOperator, leader, leaseHolder, operatorPods } from "./operator.ts";
import { waitFor } from "./wait.ts";

t.test("a killed leader is followed by another replica", async (t) => {
  const database: Database = { namespace: await restrictedNamespace(t, "leader"), name: "main" };
  await waitFor("two operators and a leader", 60_000, async () => {
    const pods = await operatorPods();
    return pods.length === 2 && (await leader()) !== undefined || `${pods.length} Pods`;
  });
  const first = await leader();
  const standby = (await operatorPods()).find((pod) => pod.metadata.name !== first?.metadata.name);
  if (!first || !standby) throw new Error("no leader or no standby");
  await apply(manifest(database, { members: 1 }));
  await waitUntilRight(database, 1);
  t.notMatch(
    await logs(standby.metadata.name),
    /"msg":"applied"/,
    "the standby has applied nothing",
  );

  const before = await leaseHolder();
  const start = Date.now();
  await killOperator(first);
  // The standby or the killed one's replacement: whoever sees first that the Lease has run out.
  await waitFor("another replica leads", 20_000, async () => {
    const holder = await leaseHolder();
    return holder !== "" && holder !== before || `leader is "${holder}"`;
  });
  t.pass(
    `another replica led ${((Date.now() - start) / 1000).toFixed(1)} s after the leader's end`,
  );
  await apply(manifest({ ...database, name: "second" }, { members: 1 }));
  await waitUntilRight({ ...database, name: "second" }, 1);
  const next = await leader();
  t.match(await logs(next?.metadata.name ?? ""), /"msg":"applied"/, "and it works");
});

function logs(pod: string): Promise<string> {
  return kubectl(["-n", "mysql-operator", "logs", pod]);
}
