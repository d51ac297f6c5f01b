import t from "tap";
import {
  CLUSTER_LABEL,
  clusterLabels,
  formatSelector,
  selectorLabels,
} from "../../../src/api/labels.ts";
import * as names from "../../../src/api/names.ts";

const { MAX_CLUSTER_NAME_LENGTH } = names;
const LAST_ORDINAL = 8; // nine members at most
// ControllerRevision's hash is an unsigned 32-bit number in decimal digits, each replaced by a letter.
const LONGEST_REVISION_HASH = String(2 ** 32 - 1).length;

/** Everything that is derived from a Cluster's name and limited in length, at its longest. */
function derived(name: string): { what: string; value: string; limit: number }[] {
  const pod = names.podName(name, LAST_ORDINAL);
  const host = names.instanceHost({
    clusterName: name,
    ordinal: LAST_ORDINAL,
    namespace: "n".repeat(63),
    domain: "cluster.local",
  });
  const longestVolume = "v".repeat(63);
  return [
    {
      what: "controller-revision-hash label",
      value: `${name}-${"x".repeat(LONGEST_REVISION_HASH)}`,
      limit: 63,
    },
    { what: "cluster label", value: clusterLabels(name, "1.0.0")[CLUSTER_LABEL] ?? "", limit: 63 },
    { what: "Pod name, its host name and label", value: pod, limit: 63 },
    { what: "headless Service", value: names.headlessServiceName(name), limit: 63 },
    { what: "primary Service", value: names.primaryServiceName(name), limit: 63 },
    { what: "replicas Service", value: names.replicasServiceName(name), limit: 63 },
    { what: "host name", value: host, limit: 253 },
    { what: "claim", value: names.dataClaimName(longestVolume, pod), limit: 253 },
    { what: "AdminAPI cluster name", value: name, limit: 63 },
    { what: "root password Secret", value: names.rootPasswordSecretName(name), limit: 253 },
    { what: "ConfigMap", value: names.configMapName(name), limit: 253 },
    { what: "Lease", value: names.leaseName(name), limit: 253 },
  ];
}

t.test("every derived name fits at MAX_CLUSTER_NAME_LENGTH, and one no longer above it", async (t) => {
  const overlong = (length: number): string[] =>
    derived("a".repeat(length)).filter(({ value, limit }) => value.length > limit)
      .map(({ what }) => what);
  t.strictSame(overlong(MAX_CLUSTER_NAME_LENGTH), []);
  t.strictSame(overlong(MAX_CLUSTER_NAME_LENGTH + 1), ["controller-revision-hash label"]);
});

t.test("MySQL's limits do not depend on the name", async (t) => {
  // The AdminAPI's accounts are named after the server id; user names have at most 32 characters.
  t.ok(`mysql_innodb_cluster_${2 ** 32 - 1}`.length <= 32);
  t.ok(names.AGENT_USER.length <= 32);
});

t.test("every derived name of Cluster main", async (t) => {
  t.strictSame({
    statefulSet: names.statefulSetName("main"),
    headless: names.headlessServiceName("main"),
    primary: names.primaryServiceName("main"),
    replicas: names.replicasServiceName("main"),
    rootSecret: names.rootPasswordSecretName("main"),
    givenSecret: names.rootPasswordSecretName("main", { rootPasswordSecret: { name: "mine" } }),
    agentSecret: names.agentSecretName("main"),
    configMap: names.configMapName("main"),
    serviceAccount: names.agentServiceAccountName("main"),
    role: names.agentRoleName("main"),
    roleBinding: names.agentRoleBindingName("main"),
    lease: names.leaseName("main"),
    budget: names.disruptionBudgetName("main"),
    pod: names.podName("main", 0),
    host: names.instanceHost({
      clusterName: "main",
      ordinal: 1,
      namespace: "db",
      domain: "c.local",
    }),
    claim: names.dataClaimName("data", "main-0"),
    defaultClaim: names.dataClaimName(undefined, "main-0"),
  }, {
    statefulSet: "main",
    headless: "main",
    primary: "main-primary",
    replicas: "main-replicas",
    rootSecret: "main-root-password",
    givenSecret: "mine",
    agentSecret: "main-agent",
    configMap: "main-config",
    serviceAccount: "main-agent",
    role: "main-agent",
    roleBinding: "main-agent",
    lease: "main-agent",
    budget: "main",
    pod: "main-0",
    host: "main-1.main.db.svc.c.local",
    claim: "data-main-0",
    defaultClaim: "data-main-0",
  });
});

t.test("ordinalOf() reads what podName() writes and nothing else", async (t) => {
  for (const ordinal of [0, 1, 10]) {
    t.equal(names.ordinalOf(names.podName("a-1", ordinal)), ordinal);
  }
  for (const pod of ["main", "main-", "main-x", "main-01", "main--"]) {
    t.equal(names.ordinalOf(pod), undefined, pod);
  }
});

t.test("serverImage() joins repository and version", async (t) => {
  const digest = `sha256:${"0".repeat(64)}`;
  for (
    const [repository, image] of [
      ["mysql/mysql-server", "mysql/mysql-server:9.7.4"],
      ["localhost:5000/mysql", "localhost:5000/mysql:9.7.4"],
      [`r.example.com/mysql@${digest}`, `r.example.com/mysql:9.7.4@${digest}`],
    ] as const
  ) t.equal(names.serverImage(repository, "9.7.4"), image);
});

t.test("the selector has no label that an upgrade would change", async (t) => {
  t.strictSame(selectorLabels("main"), { [CLUSTER_LABEL]: "main" });
  const before = clusterLabels("main", "1.0.0");
  const after = clusterLabels("main", "2.0.0");
  for (const key of Object.keys(selectorLabels("main"))) t.equal(before[key], after[key]);
  t.equal(formatSelector({ b: "2", a: "1" }), "a=1,b=2");
});
