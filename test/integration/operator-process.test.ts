// The operator as a process, on Node and on Deno: it becomes ready, serves its metrics, and ends with 0
// on SIGTERM after it has given up the Lease.

import process from "node:process";
import t from "tap";
import { leases } from "../../src/kube/resource.ts";
import { spawnOperator } from "./operator-process.ts";
import { LIMIT, waitFor, World } from "./operator-world.ts";

const SECONDS = 60_000;
const RUNTIMES = { node: [process.execPath], deno: ["deno", "run", "-A", "--quiet"] };

t.test("the operator as a process", async (t) => {
  const world = await World.start(t);
  const lease = { namespace: "mysql-operator", name: "mysql-operator" };
  for (const [runtime, argv] of Object.entries(RUNTIMES)) {
    await t.test(`on ${runtime}`, async (t) => {
      const kubeconfig = world.operatorKubeconfig;
      const { child, log, ended, ports } = spawnOperator(t, { kubeconfig, runtime: argv });
      const { healthPort, metricsPort } = await ports();

      await waitFor("ready", SECONDS, async () => {
        const { status } = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
        return status === 200 || `${status}`;
      });
      t.equal((await fetch(`http://127.0.0.1:${healthPort}/healthz`)).status, 200);
      t.equal((await fetch(`http://127.0.0.1:${healthPort}/nothing`)).status, 404);
      await waitFor("it leads", SECONDS, async () => log().includes('"msg":"leading"') || log());
      const namespace = await world.namespace(`process-${runtime}`);
      await world.create(namespace, {});
      await world.untilCondition(namespace, "Ready", "False Creating");
      const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      t.match(metrics, /^mysql_operator_cluster_clusters\{podName="replica"\} \d/m);
      t.match(metrics, /^leader_election_master_status\{name="mysql-operator"\} 1$/m);
      t.match(metrics, /^controller_runtime_reconcile_total\{controller="cluster",/m);

      child.kill("SIGTERM");
      t.equal(await ended, 0, "it ends with 0");
      const { spec } = await world.client.of(leases).get(lease, LIMIT) ?? {};
      t.equal(spec?.holderIdentity ?? "", "", "the Lease was given up");
    });
  }
});
