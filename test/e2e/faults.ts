// The faults that the end-to-end tests make, each as it happens in life: a process killed, a Pod
// deleted, a machine without power. Every function returns when the fault is a fact.

import { type Database, getPods, type Pod } from "./database.ts";
import { cluster, kubectl, kubectlJson } from "./kubectl.ts";
import { waitFor } from "./wait.ts";

/** SIGKILL of the server process in its container. */
export function killServer(database: Database, pod: string): Promise<void> {
  return signalServer(database, pod, "KILL");
}

export async function signalServer(
  { namespace }: Database,
  pod: string,
  signal: "KILL" | "STOP" | "CONT",
): Promise<void> {
  const script = `kill -${signal} $(cat /run/mysql-operator/mysqld.pid)`;
  await kubectl(["-n", namespace, "exec", pod, "-c", "mysql", "--", "/bin/sh", "-c", script]);
}

/** SIGKILL of the agent's container, by the container runtime of its node. */
export async function killAgent(database: Database, pod: string): Promise<void> {
  let node = "";
  await waitFor(`${pod} on a node`, 60_000, async () => {
    node = await nodeOf(database, pod);
    return node !== "" || "not scheduled";
  });
  await killContainer(node, { pod, container: "agent", namespace: database.namespace });
}

export type Container = {
  readonly pod: string;
  readonly container: string;
  readonly namespace: string;
};

/**
 * SIGKILL of the first process of a container, found and ended by the node's container runtime; waited for
 * while it does not run, because it has not begun yet or is between two starts. Needs no API server.
 */
export async function killContainer(node: string, which: Container): Promise<void> {
  const { container, namespace, pod } = which;
  await waitFor(`container ${container} of ${namespace}/${pod} killed`, 90_000, async () => {
    const ids = await runningContainers(node, which);
    for (const id of ids) await ctr(node, "tasks", "kill", "--signal", "SIGKILL", id);
    return ids.length > 0 || `it does not run on ${node}`;
  });
}

/** Runs a program in a container by its node's container runtime. @throws when it does not run, or fails */
export async function execOnNode(
  node: string,
  which: Container,
  argv: readonly string[],
): Promise<string> {
  const [id] = await runningContainers(node, which);
  if (id === undefined) throw new Error(`${which.container} of ${which.pod} does not run`);
  return await ctr(node, "tasks", "exec", "--exec-id", `e2e-${Date.now()}`, id, ...argv);
}

async function runningContainers(
  node: string,
  { container, namespace, pod }: Container,
): Promise<string[]> {
  const filters = [
    `labels."io.kubernetes.pod.name"==${pod}`,
    `labels."io.kubernetes.pod.namespace"==${namespace}`,
    `labels."io.kubernetes.container.name"==${container}`,
  ].join(",");
  const list = await ctr(node, "containers", "list", "-q", filters);
  const tasks = (await ctr(node, "tasks", "list")).split("\n").map((line) => line.split(/\s+/));
  const running = tasks.flatMap(([id, , state]) => id && state === "RUNNING" ? [id] : []);
  return list.split(/\s+/).filter((id) => running.includes(id));
}

function ctr(node: string, ...args: string[]): Promise<string> {
  return cluster(["on", node, "ctr", "-n", "k8s.io", ...args]);
}

/** Deletes a Pod and waits until the StatefulSet has made another one in its place. */
export async function deletePod(database: Database, pod: string): Promise<void> {
  const before = await find(database, pod);
  await kubectl(["-n", database.namespace, "delete", "pod", pod, "--wait=false"]);
  await waitFor(`a new Pod ${pod}`, 150_000, async () => {
    const now = await find(database, pod);
    return now.metadata.uid !== before.metadata.uid || "the old Pod is still there";
  });
}

/** Takes the power of these nodes, waits until the control plane has noticed, and gives it back. */
export async function powerCycle(...nodes: string[]): Promise<void> {
  await powerOff(...nodes);
  await powerOn(...nodes);
}

/** Takes the power of all these nodes at once; the control plane has noticed when it returns. */
export async function powerOff(...nodes: string[]): Promise<void> {
  await Promise.all(nodes.map((node) => cluster(["stop-node", node])));
  for (const node of nodes) {
    await waitFor(
      `${node} not ready`,
      90_000,
      async () => await readiness(node) !== "True" || "still Ready",
    );
  }
}

export async function powerOn(...nodes: string[]): Promise<void> {
  await Promise.all(nodes.map((node) => cluster(["start-node", node], { limitMs: 120_000 })));
  for (const node of nodes) {
    await waitFor(
      `${node} ready`,
      90_000,
      async () => await readiness(node) === "True" || "not Ready",
    );
  }
}

/** The volume of a Pod whose node is gone for good, and the Pod, which nobody else will end. */
export async function loseVolume({ namespace }: Database, pod: string): Promise<void> {
  await kubectl(["-n", namespace, "delete", "pvc", `data-${pod}`, "--wait=false"]);
  await kubectl(["-n", namespace, "delete", "pod", pod, "--force", "--grace-period=0"]);
}

export async function nodeOf(database: Database, pod: string): Promise<string> {
  return (await find(database, pod)).spec.nodeName ?? "";
}

async function find(database: Database, pod: string): Promise<Pod> {
  const found = (await getPods(database)).find((each) => each.metadata.name === pod);
  if (!found) throw new Error(`no Pod ${pod}`);
  return found;
}

async function readiness(node: string): Promise<string | undefined> {
  type Node = { status: { conditions: { type: string; status: string }[] } };
  const { status } = await kubectlJson<Node>(["get", "node", node]);
  return status.conditions.find(({ type }) => type === "Ready")?.status;
}
