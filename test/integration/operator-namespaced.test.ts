// The operator with rights in two namespaces only, as deploy/namespaced gives them: no ClusterRole names it,
// and it does its work there and nothing elsewhere.

import { execFileSync } from "node:child_process";
import t from "tap";
import { kubernetesBinaries } from "../../fixtures/apiserver/binaries.ts";
import { pods, statefulSets } from "../../src/api/kinds.ts";
import { spawnOperator } from "./operator-process.ts";
import { applyAll, waitFor, World } from "./operator-world.ts";

const LIMIT_MS = 60_000;
const RIGHTS = ["Role", "RoleBinding"];

/** What kubectl apply -k would apply. */
function rendered(folder: string): string {
  return execFileSync(kubernetesBinaries().kubectl, ["kustomize", folder], { encoding: "utf8" });
}

t.test("an operator that watches two namespaces needs no right outside of them", async (t) => {
  const manifests = rendered("fixtures/kubernetes/overlay-namespaced");
  const [, watched = ""] = /--watch-namespaces=(\S+)/.exec(manifests) ?? [];
  const [one = "", two = ""] = watched.split(",");
  t.notMatch(manifests, /^kind: ClusterRoleBinding$/m, "nothing binds a ClusterRole");
  const world = await World.start(t, { rights: [] });
  const other = "elsewhere";
  for (const name of [one, two, other]) await world.namespace(name);
  await applyAll(world.client, manifests, RIGHTS);
  await world.create(other, { members: 1 });
  const { log, ports } = spawnOperator(t, {
    kubeconfig: world.operatorKubeconfig,
    args: [`--watch-namespaces=${watched}`, "--log-level=debug"],
  });
  const { healthPort, metricsPort } = await ports();
  await waitFor("ready", LIMIT_MS, async () => {
    const { status } = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
    return status === 200 || `${status}`;
  });
  for (const namespace of [one, two]) {
    await world.create(namespace, { members: 1 });
    await world.untilCondition(namespace, "Ready", "False Creating");
    await waitFor(`the StatefulSet of ${namespace} has its Pod`, LIMIT_MS, async () => {
      t.equal((await world.list(statefulSets, namespace)).length, 1);
      return (await world.list(pods, namespace)).length === 1 || "no Pod";
    });
  }
  // A change of what it has made is seen, so every kind is watched.
  await world.pretendBootstrapped(one);
  await world.pretendOnline(one, "main-0", {});
  await world.untilCondition(one, "Ready", "True AllMembersOnline");

  t.equal((await world.cluster(other)).status, undefined, "elsewhere nothing is done");
  t.notMatch(log(), /forbidden/i, "and nothing was asked for that it may not");
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  t.match(metrics, /^mysql_operator_cluster_clusters\{podName="replica"\} 2$/m);
  t.match(metrics, /^workqueue_depth\{name="cluster"\} \d+$/m, "one queue for both");
});

t.test("a namespace without rights holds the operator up, and it says what is missing", async (t) => {
  const world = await World.start(t, { rights: ["namespaced/leader.yaml"] });
  await world.namespace("denied");
  const { ports } = spawnOperator(t, {
    kubeconfig: world.operatorKubeconfig,
    args: ["--watch-namespaces=denied"],
  });
  const { healthPort } = await ports();
  const answer = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
  t.equal(answer.status, 503);
  t.match(await answer.text(), /not delivered everything yet: Cluster, Pod, /);
});
