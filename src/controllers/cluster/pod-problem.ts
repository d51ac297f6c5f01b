// Why a Pod does not run, in Kubernetes' own words: the line that a person would look for in
// `kubectl describe pod`. Pure. Knows Pods, knows nothing of MySQL.

import type { ContainerStatus, Pod } from "../../api/kinds.ts";

/** What a container waits for on its way up; anything else is a problem. */
const USUAL = new Set(["PodInitializing", "ContainerCreating"]);

/** Undefined while nothing stands in the way. */
export function podProblem(pod: Pod): string | undefined {
  const scheduled = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") return says("cannot be scheduled", scheduled);
  if (pod.status?.phase === "Failed") return says("has failed", pod.status);
  for (const status of containersOf(pod)) {
    const { waiting } = status.state ?? {};
    if (waiting && !USUAL.has(waiting.reason ?? "")) {
      return says(`container ${status.name} waits`, waiting);
    }
  }
  return undefined;
}

/** Whether a container of the Pod runs now, as the kubelet last said. */
export function isRunning(pod: Pod, container: string): boolean {
  return containersOf(pod).some(({ name, state }) => name === container && !!state?.running);
}

export function isReady(pod: Pod): boolean {
  return readyCondition(pod)?.status === "True";
}

export function readyCondition(pod: Pod) {
  return pod.status?.conditions?.find(({ type }) => type === "Ready");
}

/**
 * The kubelet's last word on every container was ready: then it is not a probe that says otherwise. Sidecars
 * count, because the Pod waits for them too; an init container that has succeeded is called ready.
 */
export function containersWereReady(pod: Pod): boolean {
  const statuses = containersOf(pod);
  return statuses.length > 0 && statuses.every(({ ready }) => ready);
}

function containersOf(pod: Pod): ContainerStatus[] {
  return [...pod.status?.initContainerStatuses ?? [], ...pod.status?.containerStatuses ?? []];
}

function says(what: string, { reason, message }: { reason?: string; message?: string }): string {
  const why = [reason, message].filter((part) => part !== undefined && part !== "").join(": ");
  return why === "" ? `its Pod ${what}` : `its Pod ${what}: ${why}`;
}
