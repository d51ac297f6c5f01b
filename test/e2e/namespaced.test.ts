// The operator as deploy/namespaced installs it: Roles in two namespaces and no right outside of them. It
// makes Clusters work there, and does not touch one elsewhere.

import t from "tap";
import { type Database, getCluster, manifest, waitUntilRight } from "./database.ts";
import { apply, kubectl, run } from "./kubectl.ts";
import { restrictedNamespace } from "./namespace.ts";
import { operatorIs, operatorPods } from "./operator.ts";

const NAMESPACE = "mysql-operator";
const ACCOUNT = "system:serviceaccount:mysql-operator:mysql-operator";
/** Names of the ClusterRoles and of their bindings in deploy/rbac.yaml. */
const EVERYWHERE = ["mysql-operator", "mysql-operator-secrets"];

t.test("the operator with rights in two namespaces only", async (t) => {
  t.teardown(async () => {
    await kubectl(["-n", NAMESPACE, "delete", "role,rolebinding", "mysql-operator-leader"]);
    await operatorIs(true);
  });
  const watched = ["databases", "more-databases"];
  for (const name of watched) await restrictedNamespace(t, name);
  const elsewhere = await restrictedNamespace(t, "elsewhere");
  await operatorIs(false);
  await kubectl(["delete", "clusterrolebinding", ...EVERYWHERE]);
  await kubectl(["delete", "clusterrole", ...EVERYWHERE]);
  await kubectl(["apply", "-k", "fixtures/kubernetes/overlay-namespaced"]);
  await rolledOut();
  for (
    const [verb, resource] of [["list", "pods"], ["get", "secrets"], ["list", "mysqlclusters"]]
  ) {
    t.equal(await mayEverywhere(`${verb}`, `${resource}`), "no", `${verb} ${resource} everywhere`);
  }

  await apply(manifest({ namespace: elsewhere, name: "main" }, { members: 1 }));
  const databases = watched.map((namespace): Database => ({ namespace, name: "main" }));
  for (const database of databases) await apply(manifest(database));
  for (const database of databases) await waitUntilRight(database, 3, 180_000);
  // A Pod that is gone comes back as a member, with nobody asking.
  await kubectl(["-n", "databases", "delete", "pod", "main-2"]);
  await waitUntilRight({ namespace: "databases", name: "main" }, 3, 180_000);

  const { status } = await getCluster({ namespace: elsewhere, name: "main" });
  t.equal(status, undefined, "elsewhere nobody did anything");
  for (const { metadata: { name } } of await operatorPods()) {
    t.notMatch(await kubectl(["-n", NAMESPACE, "logs", name]), /forbidden/i, name);
  }
});

async function rolledOut(): Promise<void> {
  const rollout = ["rollout", "status", "deployment/mysql-operator", "--timeout=90s"];
  await kubectl(["-n", NAMESPACE, ...rollout], { limitMs: 100_000 });
}

/** What the API server says of the operator's ServiceAccount: yes or no. */
async function mayEverywhere(verb: string, resource: string): Promise<string> {
  const question = ["auth", "can-i", verb, resource, "--all-namespaces", `--as=${ACCOUNT}`];
  // It ends with 1 when the answer is no.
  return (await run(["scripts/cluster.sh", "kubectl", ...question])).stdout.trim();
}
