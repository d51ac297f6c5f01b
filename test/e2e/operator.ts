// The operator's own Deployment: there or not, and which of its replicas leads.

import { killContainer } from "./faults.ts";
import { kubectl, kubectlJson } from "./kubectl.ts";
import { waitFor } from "./wait.ts";

const NAMESPACE = "mysql-operator";
const SELECTOR = "app.kubernetes.io/name=mysql-operator";
type Pod = { metadata: { name: string; deletionTimestamp?: string }; spec: { nodeName: string } };

/** Deletes the operator's Deployment or applies it again, and waits until that is a fact. */
export async function operatorIs(there: boolean): Promise<void> {
  if (!there) {
    await kubectl(["-n", NAMESPACE, "delete", "deployment", "mysql-operator"]);
    await waitFor("the operator gone", 60_000, async () => {
      const left = (await operatorPods()).length;
      return left === 0 || `${left} Pods left`;
    });
    return;
  }
  await kubectl(["apply", "-k", "fixtures/kubernetes/overlay"]);
  await kubectl([
    "-n",
    NAMESPACE,
    "rollout",
    "status",
    "deployment/mysql-operator",
    "--timeout=90s",
  ], { limitMs: 100_000 });
}

export async function operatorPods(): Promise<Pod[]> {
  return (await kubectlJson<{ items: Pod[] }>(["-n", NAMESPACE, "get", "pods", "-l", SELECTOR]))
    .items;
}

/**
 * SIGKILL of one replica's container; its Pod goes with it, so that the next one starts at once and not
 * when the kubelet's back-off for crashed containers is over.
 */
export async function killOperator({ metadata: { name }, spec }: Pod): Promise<void> {
  await killContainer(spec.nodeName, { pod: name, container: "operator", namespace: NAMESPACE });
  await kubectl(["-n", NAMESPACE, "delete", "pod", name, "--grace-period=0", "--force"]);
}

/** Who holds the leader Lease, by the Lease's own words: a Pod's name and what tells its processes apart. */
export async function leaseHolder(): Promise<string> {
  type Lease = { spec: { holderIdentity?: string } };
  const lease = await kubectlJson<Lease>(["-n", NAMESPACE, "get", "lease", "mysql-operator"]);
  return lease.spec.holderIdentity ?? "";
}

/** The Pod that holds the leader Lease; undefined when none that exists does. */
export async function leader(): Promise<Pod | undefined> {
  const holder = await leaseHolder();
  return (await operatorPods()).find((pod) => holder.startsWith(pod.metadata.name));
}
