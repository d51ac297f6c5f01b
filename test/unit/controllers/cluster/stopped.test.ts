// What proves that a member nobody can ask has stopped, and that only that reaches the status.

import t from "tap";
import type { Node, Pod } from "../../../../src/api/kinds.ts";
import type { RecoveryPlan } from "../../../../src/api/recovery-plan.ts";
import { planCluster } from "../../../../src/controllers/cluster/plan.ts";
import { deriveClusterStatus } from "../../../../src/controllers/cluster/status.ts";
import { stoppedBy } from "../../../../src/controllers/cluster/stopped.ts";
import { aCluster, aPod, aSnapshot, bootstrapped, NOW, OPTIONS } from "./builders.ts";

const node = (ready: "True" | "False" | "Unknown", taint?: string): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "node-2" },
  spec: { taints: taint === undefined ? [] : [{ key: taint, effect: "NoExecute" }] },
  status: { conditions: [{ type: "Ready", status: ready }] },
});
type State = NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number]["state"] & object;
const container = (state: State, lastState: State = {}): Pod => {
  const pod = aPod(2);
  const status = { name: "mysql", ready: false, restartCount: 0, image: "i", state, lastState };
  return {
    ...pod,
    spec: { ...pod.spec, nodeName: "node-2" },
    status: { ...pod.status, containerStatuses: [status] },
  };
};
const RUNNING = { running: {} };
const ENDED = { terminated: { exitCode: 137 } };
const WAITING = { waiting: { reason: "CrashLoopBackOff" } };
const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

const rows: readonly [name: string, pod: Pod | undefined, node: Node | undefined, RegExp?][] = [
  ["it ended, its kubelet lives", container(ENDED), node("True"), /the kubelet of node-2 reported/],
  [
    "it ended and is to be started again",
    container(WAITING, ENDED),
    node("True"),
    /reported the end/,
  ],
  [
    "its node is out of service",
    container(RUNNING),
    node("Unknown", OUT_OF_SERVICE),
    /has the taint/,
  ],
  ["it runs", container(RUNNING), node("True")],
  ["it ended before and runs again", container(RUNNING, ENDED), node("True")],
  ["it was not started yet", container({ waiting: { reason: "PodInitializing" } }), node("True")],
  ["it ended, its kubelet is silent since", container(ENDED), node("Unknown")],
  ["it ended, its node is NotReady", container(ENDED), node("False")],
  ["its node is NotReady", container(RUNNING), node("False", "node.kubernetes.io/unreachable")],
  ["its node is gone", container(ENDED), undefined],
  ["its Pod is gone", undefined, node("True", OUT_OF_SERVICE)],
];

for (const [name, pod, node, proof] of rows) {
  t.test(`stoppedBy(): ${name}`, (t) => {
    if (proof === undefined) t.equal(stoppedBy(pod, node), undefined);
    else t.match(stoppedBy(pod, node), proof);
    t.end();
  });
}

const plan: RecoveryPlan = {
  hash: "abc",
  action: "RestartGroup",
  seed: "main-0",
  members: [{ name: "main-0", fate: "Seed", gtids: "u:1" }, { name: "main-2", fate: "Absent" }],
};

function statusWith(pods: readonly Pod[]) {
  const cluster = aCluster({}, bootstrapped());
  const snapshot = aSnapshot({ cluster, pods, nodes: new Map([["node-2", node("True")]]) });
  const clusterPlan = planCluster(snapshot, OPTIONS);
  return { clusterPlan, status: deriveClusterStatus({ snapshot, plan: clusterPlan, now: NOW }) };
}

t.test("the status has the plan of an agent, and the proof for a member that it leaves behind", (t) => {
  const reporting = aPod(0, {
    report: {
      state: "Offline",
      plan,
      waiting: { reason: "CompleteOutage", message: "main-2 is missing", since: "" },
    },
  });
  const { clusterPlan, status } = statusWith([reporting, container(ENDED)]);
  t.same(status.plans, [plan]);
  t.match(status.instances?.[2], { name: "main-2", stopped: /reported the end/ });
  t.notOk(status.instances?.[0]?.stopped);
  t.equal(clusterPlan.recheckAfterMs, 5_000, "Nodes are not watched: it looks again soon");
  t.end();
});

t.test("an instance says what it is doing, and how far a clone into it is", (t) => {
  const action = { type: "add-instance", since: "", attempt: 2 };
  const joining = aPod(0, { report: { state: "Recovering", action, progress: "clone: X 40 %" } });
  const copying = aPod(1, { report: { state: "Recovering", progress: "clone: X 40 %" } });
  const { instances } = statusWith([joining, copying]).status;
  t.equal(instances?.[0]?.message, "add-instance, attempt 2; clone: X 40 %");
  t.equal(instances?.[1]?.message, "clone: X 40 %");
  t.end();
});

t.test("without a plan nobody is called stopped", (t) => {
  const { status } = statusWith([aPod(0), container(ENDED)]);
  t.notOk(status.plans);
  t.notOk(status.instances?.[2]?.stopped);
  t.end();
});
