// Whether the mysqld of a Pod is known to have ended, although nobody can ask it. Pure.
//
// Only two things prove it: a kubelet that lives says that the container ended, or somebody who knows gave the
// node the out-of-service taint. A NotReady node, an unreachable address, a Pod object that is missing or was
// deleted by force prove nothing: two members that the API server cannot see may be the majority, and go on.

import type { InstanceReport } from "../../api/instance-report.ts";
import type { Node, Pod } from "../../api/kinds.ts";

const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

/** The proof as a sentence; undefined without one. */
export function stoppedBy(pod: Pod | undefined, node: Node | undefined): string | undefined {
  if (pod === undefined || node === undefined) return undefined;
  const { name } = node.metadata;
  if (node.spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE)) {
    return `node ${name} has the taint ${OUT_OF_SERVICE}`;
  }
  const alive = node.status?.conditions?.some(({ type, status }) =>
    type === "Ready" && status === "True"
  );
  const container = pod.status?.containerStatuses?.find(({ name }) => name === "mysql");
  const { state = {}, lastState = {} } = container ?? {};
  const ended = state.terminated ?? (state.waiting && lastState.terminated);
  if (alive !== true || ended === undefined) return undefined;
  return `the kubelet of ${name} reported the end of its mysqld`;
}

/** Names of the Pods that a plan would leave behind, by what the agents report. */
export function leftBehind(reports: readonly (InstanceReport | undefined)[]): Set<string> {
  return new Set(
    reports.flatMap((report) => report?.plan?.members ?? [])
      .filter(({ fate }) => fate === "Absent").map(({ name }) => name),
  );
}
