// A leader that stands still in the middle of its work, for longer than its Lease: another one takes over,
// and the first, when it goes on, writes nothing any more and ends. The API server's own audit log says who
// wrote what.
//
// It is frozen while every pass waits for an answer. What a process has handed to its connection in the very
// instant before it is frozen cannot be called back by anybody.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import t from "tap";
import { leases } from "../../src/kube/resource.ts";
import { spawnOperator } from "./operator-process.ts";
import { LIMIT, waitFor, World } from "./operator-world.ts";

const LIMIT_MS = 60_000;
const FROZEN_MS = 20_000;
const CLUSTERS = 30;
const READS = ["get", "list", "watch"];

type Audited = {
  verb: string;
  requestURI: string;
  requestReceivedTimestamp: string;
  user: { username: string };
  userAgent?: string;
};

t.test("a leader that was frozen writes nothing when it goes on", async (t) => {
  const audit = join(tmpdir(), `audit-${process.pid}`);
  const [policy, trail] = [`${audit}-policy.json`, `${audit}.log`];
  const rules = [{ level: "Metadata", omitStages: ["RequestReceived", "ResponseStarted"] }];
  writeFileSync(policy, JSON.stringify({ apiVersion: "audit.k8s.io/v1", kind: "Policy", rules }));
  t.teardown(() => [policy, trail].forEach((file) => rmSync(file, { force: true })));
  const flags = [`--audit-policy-file=${policy}`, `--audit-log-path=${trail}`];
  const world = await World.start(t, { flags });
  const writesOf = (user: string): Audited[] =>
    readFileSync(trail, "utf8").split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Audited)
      .filter(({ user: { username }, userAgent, verb }) =>
        username === user && userAgent?.startsWith("mysql-operator/") && !READS.includes(verb)
      );

  // Two users, so that their writes can be told apart.
  const first = spawnOperator(t, { kubeconfig: world.server.kubeconfig, hostname: "first" });
  await waitFor("the first leads", LIMIT_MS, async () => {
    return first.log().includes('"msg":"leading"') || first.log();
  });
  const second = spawnOperator(t, { kubeconfig: world.operatorKubeconfig, hostname: "second" });
  await waitFor("the second waits", LIMIT_MS, async () => {
    return second.log().includes('"msg":"waiting for the lease"') || second.log();
  });

  const namespace = await world.namespace("frozen");
  const names = Array.from({ length: CLUSTERS }, (_, i) => `c${i}`);
  await Promise.all(names.map((name) => world.create(namespace, { members: 1 }, name)));
  await waitFor("the first is at work", LIMIT_MS, async () => {
    const writes = writesOf("admin").length;
    return writes > CLUSTERS || `${writes} writes`;
  });
  // Every pass is made to wait for an answer; the answers come while it is frozen.
  world.server.freeze();
  const { pid } = first.child;
  let before = "";
  await waitFor("every pass of the first waits", LIMIT_MS, async () => {
    const [now, was] = [cpuTicks(pid), before];
    before = now;
    return now === was || now;
  });
  first.child.kill("SIGSTOP");
  world.server.thaw();
  await pause(FROZEN_MS); // what is tested is what this long does
  await waitFor("the second leads", LIMIT_MS, async () => {
    const lease = { namespace: "mysql-operator", name: "mysql-operator" };
    const found = await world.client.of(leases).get(lease, LIMIT);
    const holder = found?.spec?.holderIdentity ?? "";
    return holder.startsWith("second_") || holder;
  });
  const sent = writesOf("admin");
  t.ok(sent.length < CLUSTERS * 12, `${sent.length} writes: it was in the middle of its work`);
  first.child.kill("SIGCONT");
  t.equal(await first.ended, 1, "it ends");
  t.match(first.log(), /Cannot go on without the Lease/);
  const after = writesOf("admin").slice(sent.length);
  t.strictSame(
    after.map(({ verb, requestURI }) => `${verb} ${requestURI}`),
    [],
    "and wrote nothing",
  );
  await waitFor("the second has done the rest", LIMIT_MS, async () => {
    const clusters = await Promise.all(names.map((name) => world.cluster(namespace, name)));
    const left = clusters.filter(({ status }) => status?.conditions === undefined).length;
    return left === 0 || `${left} Clusters without a status`;
  });
  t.ok(writesOf("system:serviceaccount:mysql-operator:mysql-operator").length > 0);
});

/** What a process has used of the CPU; the same twice means that it waits. */
function cpuTicks(pid: number | undefined): string {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(" ");
  return `${fields[13]} + ${fields[14]}`;
}
