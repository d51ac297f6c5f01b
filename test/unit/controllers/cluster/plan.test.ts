// What is done with a Cluster in each situation: the verdict and the writes in their order.

import t from "tap";
import type { Cluster } from "../../../../src/api/cluster.ts";
import { CLUSTER_LABEL } from "../../../../src/api/labels.ts";
import { planCluster } from "../../../../src/controllers/cluster/plan.ts";
import type { ClusterSnapshot } from "../../../../src/controllers/cluster/snapshot.ts";
import type { Secret, StatefulSet } from "../../../../src/api/kinds.ts";
import type { KubeObject } from "../../../../src/kube/object.ts";
import { aCluster, aSnapshot, bootstrapped, liveObjects, OPTIONS } from "./builders.ts";

const ALL = [
  "create Secret main-root-password",
  "create Secret main-agent",
  "apply ServiceAccount main-agent",
  "apply Role main-agent",
  "apply RoleBinding main-agent",
  "apply ConfigMap main-config",
  "apply Service main",
  "apply Service main-primary",
  "apply Service main-replicas",
  "apply PodDisruptionBudget main",
  "apply Lease main-agent",
  "apply StatefulSet main",
];

const claim = (storage: string) => ({
  volumeClaimTemplate: {
    metadata: { name: "data" },
    spec: { resources: { requests: { storage } } },
  },
});

/** The live objects of a Cluster with one of them changed. */
function changed(
  cluster: Cluster,
  id: string,
  change: (object: KubeObject) => void,
): KubeObject[] {
  const objects = liveObjects(cluster);
  const found = objects.find(({ kind, metadata }) => `${kind} ${metadata.name}` === id);
  if (found === undefined) throw new Error(`no ${id}`);
  change(found);
  return objects;
}

function without(cluster: Cluster, id: string): KubeObject[] {
  return liveObjects(cluster).filter(({ kind, metadata }) => `${kind} ${metadata.name}` !== id);
}

type Row = {
  readonly name: string;
  readonly snapshot: ClusterSnapshot;
  readonly state: string;
  readonly actions: readonly string[];
  readonly message?: RegExp;
  readonly refusal?: RegExp;
};

const plain = aCluster();
const running = aCluster({}, bootstrapped());
const foreignService = (metadata: Partial<KubeObject["metadata"]>): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "main", namespace: "db", ...metadata },
});

const rows: Row[] = [
  { name: "a new Cluster: everything", snapshot: aSnapshot(), state: "free", actions: ALL },
  {
    name: "a steady Cluster: nothing",
    snapshot: aSnapshot({ live: liveObjects(plain) }),
    state: "free",
    actions: [],
  },
  {
    name: "a Cluster that is being deleted: nothing",
    snapshot: aSnapshot({
      cluster: { ...plain, metadata: { ...plain.metadata, deletionTimestamp: "now" } },
    }),
    state: "deleting",
    actions: [],
  },
  {
    name: "a spec that is not valid: nothing, with path and remedy",
    snapshot: aSnapshot({ cluster: aCluster({ members: 99 }) }),
    state: "invalid",
    actions: [],
    message: /spec\.members: /,
  },
  {
    name: "a name that is not valid: nothing",
    snapshot: aSnapshot({
      cluster: { ...plain, metadata: { ...plain.metadata, name: "9-lives" } },
    }),
    state: "invalid",
    actions: [],
    message: /metadata\.name/,
  },
  {
    name: "a pause before anything is made: nothing",
    snapshot: aSnapshot({ cluster: aCluster({ paused: true }) }),
    state: "paused",
    actions: [],
  },
  {
    name: "a pause wins over somebody else's object",
    snapshot: aSnapshot({ cluster: aCluster({ paused: true }), live: [foreignService({})] }),
    state: "paused",
    actions: [],
  },
  {
    name: "somebody else's object: nothing at all, not even the others",
    snapshot: aSnapshot({ live: [foreignService({})] }),
    state: "blocked",
    actions: [],
    message: /^Service db\/main already exists and is not managed by Cluster\. /,
  },
  {
    name: "somebody else's object with our label is still somebody else's",
    snapshot: aSnapshot({ live: [foreignService({ labels: { [CLUSTER_LABEL]: "main" } })] }),
    state: "blocked",
    actions: [],
  },
  {
    name: "an object of a Cluster of this name that was deleted: wait for its removal",
    snapshot: aSnapshot({
      live: [foreignService({
        ownerReferences: [{
          apiVersion: "mysql.oracle.com/v1alpha1",
          kind: "Cluster",
          name: "main",
          uid: "earlier",
          controller: true,
        }],
      })],
    }),
    state: "blocked",
    actions: [],
    message: /removed by garbage collection/,
  },
  {
    name: "a Secret that the spec names is missing: everything but the StatefulSet and that Secret",
    snapshot: aSnapshot({
      cluster: aCluster({ rootPasswordSecret: { name: "given" } }),
      missingReferences: ["Secret db/given does not exist"],
    }),
    state: "waiting",
    actions: ALL.slice(1, -1),
    message: /db\/given/,
  },
  {
    name: "a generated Secret is gone before there is a group: a new one",
    snapshot: aSnapshot({ live: without(plain, "Secret main-agent") }),
    state: "free",
    actions: ["create Secret main-agent"],
  },
  {
    name: "a generated Secret is gone and the group exists: none",
    snapshot: aSnapshot({ cluster: running, live: without(running, "Secret main-agent") }),
    state: "waiting",
    actions: [],
    message: /Secret db\/main-agent is gone and is not generated anew.* label .*=main/,
  },
  {
    name: "a Secret that was put back by hand is used",
    snapshot: aSnapshot({
      cluster: running,
      live: changed(
        running,
        "Secret main-agent",
        ({ metadata }) => delete metadata.ownerReferences,
      ),
    }),
    state: "free",
    actions: [],
  },
  {
    name: "a Secret without an owner before there is a group is somebody else's",
    snapshot: aSnapshot({
      live: changed(plain, "Secret main-agent", ({ metadata }) => delete metadata.ownerReferences),
    }),
    state: "blocked",
    actions: [],
  },
  {
    name: "a deleted Service is made again",
    snapshot: aSnapshot({ live: without(plain, "Service main-replicas") }),
    state: "free",
    actions: ["apply Service main-replicas"],
  },
  {
    name: "a field of ours that somebody changed is put back",
    snapshot: aSnapshot({
      live: changed(plain, "PodDisruptionBudget main", (object) => {
        Object.assign(object, { spec: { maxUnavailable: 3 } });
      }),
    }),
    state: "free",
    actions: ["apply PodDisruptionBudget main"],
  },
  {
    name: "a field that others may write is left alone: the primary Service's selector",
    snapshot: aSnapshot({
      live: changed(plain, "Service main-primary", (object) => {
        const { spec } = object as KubeObject & { spec: object };
        Object.assign(spec, { selector: { "statefulset.kubernetes.io/pod-name": "main-1" } });
      }),
    }),
    state: "free",
    actions: [],
  },
  {
    name: "what is no longer wanted is taken away",
    snapshot: aSnapshot({
      cluster: aCluster({}),
      live: liveObjects(aCluster({ services: { primary: { annotations: { lb: "internal" } } } })),
    }),
    state: "free",
    actions: ["apply Service main-primary"],
  },
  {
    name: "more members: rights first, then replicas",
    snapshot: aSnapshot({
      cluster: aCluster({ members: 5 }, bootstrapped()),
      live: liveObjects(aCluster({ members: 3 })),
    }),
    state: "free",
    actions: ["apply Role main-agent", "apply StatefulSet main"],
  },
  {
    name: "fewer members: refused, nothing shrinks",
    snapshot: aSnapshot({
      cluster: aCluster({ members: 1 }, bootstrapped()),
      live: liveObjects(aCluster({ members: 3 })),
    }),
    state: "free",
    actions: [],
    refusal: /spec\.members 1: .* 3 are kept/,
  },
  {
    name: "another version of a running group: refused",
    snapshot: aSnapshot({
      cluster: aCluster({ version: "9.7.5" }, bootstrapped()),
      live: liveObjects(aCluster({ version: "9.7.4" })),
    }),
    state: "free",
    actions: [],
    refusal: /spec\.version 9\.7\.5/,
  },
  {
    name: "another version before there is a group: applied",
    snapshot: aSnapshot({
      cluster: aCluster({ version: "9.7.5" }),
      live: liveObjects(aCluster({ version: "9.7.4" })),
    }),
    state: "free",
    actions: ["apply ConfigMap main-config", "apply StatefulSet main"],
  },
  {
    name: "larger volumes: refused, the rest goes on",
    snapshot: aSnapshot({
      cluster: aCluster({ ...claim("2Gi"), podMetadata: { labels: { a: "b" } } }, bootstrapped()),
      live: liveObjects(aCluster(claim("1Gi"))),
    }),
    state: "free",
    actions: ["apply StatefulSet main"],
    refusal: /volumeClaimTemplate.*storage/,
  },
  {
    name: "the same amount in other words is no change",
    snapshot: aSnapshot({
      cluster: aCluster({ resources: { server: { requests: { cpu: "1000m", memory: "1Gi" } } } }),
      live: changed(
        aCluster({ resources: { server: { requests: { cpu: "1000m", memory: "1Gi" } } } }),
        "StatefulSet main",
        (object) => {
          for (const container of (object as StatefulSet).spec.template.spec.containers) {
            container.resources = { requests: { cpu: "1", memory: "1024Mi" } };
          }
        },
      ),
    }),
    state: "free",
    actions: [],
  },
];

for (const { name, snapshot, ...expected } of rows) {
  t.test(`planCluster() ${name}`, async (t) => {
    const { verdict, actions, settled } = planCluster(snapshot, OPTIONS);
    t.equal(verdict.state, expected.state);
    const written = actions.map(({ type, object }) =>
      `${type} ${object.kind} ${object.metadata.name}`
    );
    t.strictSame(written, expected.actions);
    const message = verdict.state === "free" ? "" : verdict.message;
    if (expected.message) t.match(message, expected.message);
    const refusals = verdict.state === "free" ? settled?.refusals ?? [] : [];
    if (expected.refusal) t.match(refusals.join(" "), expected.refusal);
    else t.strictSame(refusals, []);
  });
}

t.test("planCluster() uses the passwords only for the Secrets", async (t) => {
  const { actions } = planCluster(aSnapshot(), OPTIONS);
  for (const { object } of actions) {
    const text = JSON.stringify(object);
    const expected = object.kind === "Secret"
      ? (object as Secret).stringData?.["password"]
      : undefined;
    t.equal(/root-password"}|agent-password"}/.test(text), expected !== undefined, object.kind);
  }
});

t.test("planCluster() gives a reason for every write", async (t) => {
  const live = liveObjects(aCluster({ members: 3 }));
  const snapshot = aSnapshot({ cluster: aCluster({ members: 5 }, bootstrapped()), live });
  const last = planCluster(snapshot, OPTIONS).actions.at(-1);
  t.equal(last?.reason, "spec.replicas 3 → 5");
  const unwanted = liveObjects(aCluster({ podMetadata: { annotations: { old: "1" } } }));
  const [removal] = planCluster(aSnapshot({ live: unwanted }), OPTIONS).actions;
  t.equal(removal?.reason, "a field is no longer wanted");
  t.equal(last?.object.metadata.uid, "uid-of-StatefulSet main", "only to this very object");
});
