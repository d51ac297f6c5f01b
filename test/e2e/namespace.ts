// A namespace of a test's own that enforces the restricted Pod Security Standard: made before it,
// removed after it, and described in the test's output when something in it went wrong.

import type { Test } from "tap";
import { CLUSTER_LABEL } from "../../src/api/labels.ts";
import { findLeakedSecrets } from "./secrets.ts";
import { kubectl, run } from "./kubectl.ts";
import { waitFor } from "./wait.ts";

const RESTRICTED = "pod-security.kubernetes.io/enforce=restricted";

/** Makes `name` and hands it out; the test's end looks for leaked secrets in it and deletes it. */
export async function restrictedNamespace(t: Test, name: string): Promise<string> {
  await kubectl(["create", "namespace", name]);
  await kubectl(["label", "namespace", name, RESTRICTED]);
  await waitFor(`the default ServiceAccount of ${name}`, 20_000, async () => {
    await kubectl(["-n", name, "get", "serviceaccount", "default"]);
    return true;
  });
  t.teardown(async () => {
    if (!t.passing()) t.comment(await describeNamespace(name));
    const leaked = await findLeakedSecrets(name);
    await kubectl(["-n", name, "delete", "mysqlclusters", "--all"]);
    await waitFor(`the Pods of ${name} gone`, 150_000, async () => {
      const left = await kubectl(["-n", name, "get", "pods", "-l", CLUSTER_LABEL, "-o", "name"]);
      return left === "" || left;
    });
    // The rest of a namespace goes in its own time; nobody waits for its name.
    await kubectl(["delete", "namespace", name, "--wait=false"]);
    // Assertions are over by now: an error here is what fails the test.
    if (leaked.length > 0) throw new Error(`secrets of ${name} show in: ${leaked.join("; ")}`);
  });
  return name;
}

/** What an engineer would look at first. */
async function describeNamespace(name: string): Promise<string> {
  const looks: string[][] = [
    ["get", "mysqlclusters,pods,services,pvc,endpointslices", "-o", "wide"],
    ["get", "mysqlclusters", "-o", "yaml"],
    ["get", "events", "--sort-by=.lastTimestamp"],
    ["logs", "-l", CLUSTER_LABEL, "-c", "agent", "--tail=60", "--prefix"],
    ["logs", "-l", CLUSTER_LABEL, "-c", "mysql", "--tail=40", "--prefix"],
  ];
  const parts: string[] = [];
  for (const look of looks) {
    const result = await run(["scripts/cluster.sh", "kubectl", "-n", name, ...look]);
    parts.push(`$ kubectl ${look.join(" ")}\n${result.stdout}${result.stderr}`);
  }
  const operator = [
    "-n",
    "mysql-operator",
    "logs",
    "-l",
    "app.kubernetes.io/name=mysql-operator",
    "--tail=60",
    "--prefix",
  ];
  parts.push((await run(["scripts/cluster.sh", "kubectl", ...operator])).stdout);
  return parts.join("\n");
}
