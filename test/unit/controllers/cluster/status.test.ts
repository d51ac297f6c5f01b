// The status of a Cluster in each situation: instances from reports and Pods, conditions, columns.

import t from "tap";
import type { Cluster } from "../../../../src/api/cluster.ts";
import { CONDITION_TYPES, REASONS } from "../../../../src/api/conditions.ts";
import { planCluster } from "../../../../src/controllers/cluster/plan.ts";
import { deriveClusterStatus, statusDiffers } from "../../../../src/controllers/cluster/status.ts";
import type { Pod } from "../../../../src/api/kinds.ts";
import {
  aCluster,
  aMember,
  anOnlinePod,
  aPod,
  aSnapshot,
  bootstrapped,
  liveObjects,
  NOW,
  OPTIONS,
} from "./builders.ts";

const claim = {
  volumeClaimTemplate: {
    metadata: { name: "data" },
    spec: { resources: { requests: { storage: "1Gi" } } },
  },
};

function statusOf(cluster: Cluster, pods: readonly Pod[], failure?: string) {
  const snapshot = aSnapshot({ cluster, live: liveObjects(cluster), pods });
  const plan = planCluster(snapshot, OPTIONS);
  return deriveClusterStatus({ snapshot, plan, now: NOW, ...(failure && { failure }) });
}

/** `True AllMembersOnline` of each condition type. */
function verdicts(status: ReturnType<typeof statusOf>): Record<string, string> {
  return Object.fromEntries(
    status.conditions.map((one) => [one.type, `${one.status} ${one.reason}`]),
  );
}

const online = [0, 1, 2].map((ordinal) => anOnlinePod(ordinal));
const established = bootstrapped({
  instances: [0, 1, 2].map((ordinal) => ({ name: `main-${ordinal}`, ordinal, state: "Online" })),
});
const waiting = (reason: "Diverged" | "WaitingForLease" | "DiskFull", message = "text") => ({
  state: "Offline" as const,
  waiting: { reason, message, since: "" },
});

type Row = {
  readonly name: string;
  readonly cluster?: Cluster;
  readonly pods: readonly Pod[];
  readonly failure?: string;
  readonly conditions: Record<string, string>;
  readonly status?: Record<string, unknown>;
  readonly message?: RegExp;
};

const rows: Row[] = [
  {
    name: "all members ONLINE",
    cluster: aCluster(claim, bootstrapped()),
    pods: online,
    conditions: {
      Ready: "True AllMembersOnline",
      Available: "True PrimaryOnline",
      Progressing: "False Stable",
      Degraded: "False AsExpected",
      Upgradeable: "False ChangeRefused",
    },
    status: {
      members: 3,
      onlineMembers: 3,
      membersSummary: "3/3",
      primary: "main-0",
      version: "9.7.4",
      image: "registry.example/mysql-server:9.7.4",
      labelSelector: "v1alpha1.mysql.oracle.com/cluster=main",
      observedGeneration: 2,
    },
  },
  {
    name: "nothing has started yet",
    cluster: aCluster(claim),
    pods: [],
    conditions: {
      Ready: "False Creating",
      Available: "False NoGroup",
      Progressing: "True Creating",
      Degraded: "False AsExpected",
    },
    status: { membersSummary: "0/3", primary: undefined },
    message: /^0 of 3 members are ONLINE\. main-0 is Down \(its Pod does not exist\)/,
  },
  {
    name: "a Pod that cannot be scheduled says why",
    pods: [aPod(0, {
      conditions: [{
        type: "PodScheduled",
        status: "False",
        reason: "Unschedulable",
        message: "0/1 nodes are available",
      }],
    })],
    cluster: aCluster({ members: 1 }),
    conditions: { Ready: "False PodPending", Degraded: "False EphemeralStorage" },
    message: /Unschedulable: 0\/1 nodes are available/,
  },
  {
    name: "an image that cannot be pulled says so",
    pods: [aPod(0, { containers: { state: { waiting: { reason: "ImagePullBackOff" } } } })],
    cluster: aCluster({ ...claim, members: 1 }),
    conditions: { Ready: "False PodPending", Degraded: "False SingleMember" },
    message: /container agent waits: ImagePullBackOff/,
  },
  {
    name: "the group runs and the others join",
    cluster: aCluster(claim, bootstrapped()),
    pods: [
      anOnlinePod(0, 1),
      aPod(1, { report: { state: "Recovering", hasData: false } }),
      aPod(2, { report: { ...waiting("WaitingForLease"), hasData: false } }),
    ],
    conditions: {
      Ready: "False Joining",
      Available: "True PrimaryOnline",
      Progressing: "True Joining",
      Degraded: "False AsExpected",
    },
    message: /main-2 is Offline \(WaitingForLease: text\)/,
  },
  {
    name: "a member was lost and comes back",
    cluster: aCluster({}, established),
    pods: [...online.slice(0, 2), aPod(2, { report: { state: "Down" } })],
    conditions: {
      Ready: "False MembersNotOnline",
      Available: "True PrimaryOnline",
      Progressing: "True Rejoining",
      Degraded: "True MemberDown",
    },
  },
  {
    name: "a Pod that was replaced counts as lost although it has told nothing yet",
    cluster: aCluster({}, established),
    pods: [...online.slice(0, 2), aPod(2)],
    conditions: { Ready: "False MembersNotOnline", Degraded: "True MemberDown" },
    message: /main-2 is Starting \(its agent has not reported yet\)/,
  },
  {
    name: "diverged data needs a person",
    cluster: aCluster({}, established),
    pods: [...online.slice(0, 2), aPod(2, { report: waiting("Diverged", "has 1 transaction") })],
    conditions: {
      Ready: "False Diverged",
      Available: "True PrimaryOnline",
      Progressing: "False Diverged",
      Degraded: "True Diverged",
    },
    message: /Diverged: has 1 transaction/,
  },
  {
    name: "no quorum: nobody accepts writes",
    cluster: aCluster({}, established),
    pods: online.map((_, ordinal) => anOnlinePod(ordinal, 3, { quorum: false })),
    conditions: { Ready: "False MembersNotOnline", Available: "False NoPrimary" },
    status: { onlineMembers: 0, primary: undefined },
    message: /main-0 is Unreachable \(it is cut off from the majority\)/,
  },
  {
    name: "the primary's disk is full: it is ONLINE, and nobody can write",
    cluster: aCluster({}, established),
    pods: [anOnlinePod(0, 3, { ...waiting("DiskFull"), state: "Online" }), ...online.slice(1)],
    conditions: {
      Ready: "False DiskFull",
      Available: "False DiskFull",
      Progressing: "False DiskFull",
      Degraded: "True DiskFull",
    },
    status: { onlineMembers: 3, primary: "main-0" },
    message: /main-0 is Online \(DiskFull: text\)/,
  },
  {
    name: "two versions",
    cluster: aCluster({}, bootstrapped()),
    pods: [...online.slice(0, 2), anOnlinePod(2, 3, { serverVersion: "9.7.5" })],
    conditions: { Ready: "True AllMembersOnline", Upgradeable: "False MixedVersions" },
    status: { version: "mixed" },
  },
  {
    name: "multi-primary: every member is one",
    cluster: aCluster({ multiPrimary: true }, bootstrapped()),
    pods: [0, 1, 2].map((ordinal) => anOnlinePod(ordinal, 3, { role: "primary" })),
    conditions: { Available: "True PrimaryOnline" },
    status: { primary: "main-0,main-1,main-2" },
  },
  {
    name: "an even number of members is pointed out",
    cluster: aCluster({ ...claim, members: 2 }, bootstrapped()),
    pods: [anOnlinePod(0, 2), anOnlinePod(1, 2)],
    conditions: { Ready: "True AllMembersOnline", Degraded: "False EvenMembers" },
  },
  {
    name: "paused with everything ONLINE",
    cluster: aCluster({ paused: true }, bootstrapped()),
    pods: online,
    conditions: { Ready: "True Paused", Progressing: "False Paused" },
  },
  {
    name: "a spec that is not valid keeps the rest of the status",
    cluster: aCluster({ members: 99 }, bootstrapped()),
    pods: online,
    conditions: { Ready: "False InvalidSpec", Available: "True PrimaryOnline" },
    status: { members: 3, onlineMembers: 3 },
  },
  {
    name: "a write that failed",
    cluster: aCluster({}, bootstrapped()),
    pods: online,
    failure: "Cannot apply Service db/main: 500",
    conditions: { Ready: "False ReconcileFailed", Progressing: "True ReconcileFailed" },
    message: /Cannot apply Service/,
  },
];

for (const { name, cluster = aCluster({}, bootstrapped()), pods, ...row } of rows) {
  t.test(`deriveClusterStatus() ${name}`, async (t) => {
    const status = statusOf(cluster, pods, row.failure);
    t.match(verdicts(status), row.conditions);
    for (const [field, expected] of Object.entries(row.status ?? {})) {
      t.equal(status[field as keyof typeof status], expected, field);
    }
    if (row.message) t.match(status.conditions[0]?.message, row.message);
    t.strictSame(status.conditions.map(({ type }) => type), Object.keys(CONDITION_TYPES));
    for (const { reason, observedGeneration } of status.conditions) {
      t.ok(reason in REASONS, reason);
      t.equal(observedGeneration, 2);
    }
  });
}

t.test("deriveClusterStatus() keeps times while nothing changes", async (t) => {
  const first = statusOf(aCluster({}, bootstrapped()), online);
  const cluster = aCluster({}, bootstrapped(first));
  t.notOk(statusDiffers(cluster, statusOf(cluster, online)), "the same facts, the same status");
  const snapshot = aSnapshot({ cluster, live: liveObjects(cluster), pods: online });
  const plan = planCluster(snapshot, OPTIONS);
  const later = deriveClusterStatus({ snapshot, plan, now: NOW + 60_000 });
  t.notOk(statusDiffers(cluster, later), "also later");
  const lost = deriveClusterStatus({
    snapshot: { ...snapshot, pods: online.slice(0, 2) },
    plan,
    now: NOW + 60_000,
  });
  t.ok(statusDiffers(cluster, lost));
  t.equal(lost.conditions[0]?.lastTransitionTime, "2026-01-02T03:05:05Z");
  t.equal(lost.instances?.[0]?.since, "2026-01-02T03:04:05Z");
  t.equal(lost.instances?.[2]?.since, "2026-01-02T03:05:05Z");
  t.notOk("bootstrap" in lost, "the agents' field is never sent");
});

type InstanceRow = {
  readonly name: string;
  readonly pods: readonly Pod[];
  readonly states: string[];
};
const said = { observedAt: "2026-01-01T12:00:00Z", role: "primary" as const };

const instanceRows: InstanceRow[] = [
  {
    name: "Online by its report, its Pod not Ready since before: the probe has not asked yet",
    pods: [aPod(0, { report: said, readySince: "2026-01-01T11:00:00Z" })],
    states: ["Recovering"],
  },
  {
    name: "Online by its report, its Pod not Ready since after: the agent is dead",
    pods: [aPod(0, { report: said, readySince: "2026-01-01T13:00:00Z" })],
    states: ["Unknown"],
  },
  {
    name: "Online by its report, one probe of two has been answered so far",
    pods: [aPod(0, {
      report: said,
      readySince: "2026-01-01T11:00:00Z",
      containers: { ready: true },
      agent: { ready: false },
    })],
    states: ["Recovering"],
  },
  {
    name: "the kubelet's last word was ready but the Pod is not: the node is lost",
    pods: [aPod(0, {
      report: said,
      readySince: "2026-01-01T11:00:00Z",
      containers: { ready: true },
    })],
    states: ["Unknown"],
  },
  {
    name: "the agent does not run: its report is of the past",
    pods: [aPod(0, {
      report: { state: "Recovering" },
      agent: { state: { waiting: { reason: "CrashLoopBackOff" } } },
    })],
    states: ["Unknown"],
  },
  {
    name: "a report that is none",
    pods: [{
      ...aPod(0),
      metadata: { ...aPod(0).metadata, annotations: { "mysql.oracle.com/instance": "{" } },
    }],
    states: ["Starting"],
  },
  {
    name: "others see it unreachable: a lost node before Kubernetes noticed",
    pods: [
      anOnlinePod(0),
      anOnlinePod(1, 3, { role: "primary", members: [aMember(0, "UNREACHABLE"), aMember(1)] }),
    ],
    states: ["Unreachable", "Online"],
  },
  {
    name: "others have expelled it in a later view",
    pods: [anOnlinePod(0), anOnlinePod(1, 3, { viewId: "1:4", members: [aMember(1)] })],
    states: ["Unreachable", "Online"],
  },
  {
    name: "others have not seen it join yet: theirs is the earlier view",
    pods: [anOnlinePod(0, 1), anOnlinePod(1, 2)],
    states: ["Online", "Online"],
  },
  {
    name: "a group that was started again counts as later whatever its counter",
    pods: [anOnlinePod(0, 9), anOnlinePod(1, 1, { viewId: "2:1", members: [aMember(1)] })],
    states: ["Unreachable", "Online"],
  },
];

for (const { name, pods, states } of instanceRows) {
  t.test(`an instance: ${name}`, async (t) => {
    const cluster = aCluster({ members: pods.length }, bootstrapped());
    const { instances = [] } = statusOf(cluster, pods);
    t.strictSame(instances.map(({ state }) => state), states);
    for (const { state, role } of instances) {
      if (state !== "Online") t.equal(role, undefined, "no role unless Online");
    }
  });
}
