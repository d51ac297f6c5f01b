// The operator's shipped rights (deploy/rbac.yaml): exactly what it does itself and what it gives to the
// agents, each explained in deploy/README.md, nothing with a wildcard.

import t from "tap";
import { parse, parseAllDocuments } from "yaml";
import { parseClusterSpec } from "../../../src/api/cluster.ts";
import { clusters } from "../../../src/api/group.ts";
import { WATCHED_KINDS } from "../../../src/controllers/cluster/needs.ts";
import { renderRole } from "../../../src/controllers/cluster/render/access.ts";
import { available } from "./full-spec.ts";
import { quoted, read, rowsOf } from "./pages.ts";

type Rule = { apiGroups: string[]; resources: string[]; verbs: string[] };

type Granting = {
  kind: string;
  metadata: { name: string };
  rules?: Rule[];
  roleRef?: { kind: string; name: string };
  subjects?: object[];
};

const objectsOf = (file: string): Granting[] =>
  parseAllDocuments(read(file)).map((document) => document.toJS() as Granting);
const rulesOf = (file: string): Rule[] => objectsOf(file).flatMap(({ rules }) => rules ?? []);

const rules = rulesOf("deploy/rbac.yaml");

/** One line for each right: `apps/statefulsets get`. */
function rightsOf(rules: readonly Rule[]): Set<string> {
  return new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${group}/${resource} ${verb}`))
      )
    ),
  );
}

const rule = (group: string, resource: string, ...verbs: string[]): Rule => (
  { apiGroups: [group], resources: [resource], verbs }
);

const own: Rule[] = [
  rule(clusters.group, clusters.plural, "list", "watch"),
  rule(clusters.group, `${clusters.plural}/status`, "patch"),
  rule(clusters.group, `${clusters.plural}/finalizers`, "update"), // blockOwnerDeletion
  ...WATCHED_KINDS.map(({ group, plural }) =>
    rule(group, plural, "get", "list", "watch", "create", "patch")
  ),
  rule("", "pods", "list", "watch"),
  rule("", "secrets", "get", "create"),
  rule("", "nodes", "get"), // a Role cannot grant it: limited to namespaces the operator does without
  rule("", "events", "create", "patch"),
  rule("coordination.k8s.io", "leases", "get", "create", "update"), // leader election
];

/** The agents' rules for a Cluster with every field, once with one primary and once with many. */
function agentRules(): Rule[] {
  return [false, true].flatMap((multiPrimary) => {
    const parsed = parseClusterSpec({ ...available, multiPrimary });
    if (!parsed.ok) throw new Error("the full spec is not valid");
    const metadata = { name: "main", namespace: "db", uid: "u" };
    const cluster = { apiVersion: "mysql.oracle.com/v1alpha1", kind: "Cluster", metadata };
    const settings = {
      serverRepository: "r",
      agentImage: "a",
      imagePullPolicy: "IfNotPresent",
      clusterDomain: "cluster.local",
      operatorVersion: "1",
    };
    const { spec } = parsed;
    return renderRole({ cluster, spec, settings, members: 3, serverImage: "r:1" }).rules;
  });
}

t.test("the operator may do what it does and what it gives to agents, and nothing else", async (t) => {
  const needed = rightsOf([...own, ...agentRules()]);
  const granted = rightsOf(rules);
  t.strictSame([...needed].filter((right) => !granted.has(right)), [], "nothing is missing");
  t.strictSame([...granted].filter((right) => !needed.has(right)), [], "nothing is too much");
});

t.test("the rights have no wildcard, delete nothing and enumerate no Secrets", async (t) => {
  const never = ["delete", "deletecollection", "escalate", "bind", "impersonate"];
  for (const right of rightsOf(rules)) {
    t.notOk(right.includes("*"), right);
    t.notOk(never.includes(right.split(" ")[1] ?? ""), right);
  }
  const secrets = [...rightsOf(rules)].filter((right) => right.startsWith("/secrets"));
  t.strictSame(secrets, ["/secrets get", "/secrets create"]);
});

t.test("deploy/README.md says why for every right", async (t) => {
  const lines = (resources: string[], verbs: string[]): string[] => (
    resources.map((resource) => `${resource}: ${verbs.join(", ")}`)
  );
  const granted = rules.flatMap(({ resources, verbs }) => lines(resources, verbs));
  const explained = rowsOf(read("deploy/README.md"), "Why each right is needed")
    .flatMap(([resources, verbs = ""]) => lines(quoted(resources), verbs.split(", ")));
  t.strictSame(explained.sort(), granted.sort());
});

t.test("in chosen namespaces the operator gets the same rights, by Roles alone", async (t) => {
  const watched = rightsOf(rulesOf("deploy/namespaced/watched/role.yaml"));
  const namespaced = [...rightsOf(rules)].filter((right) => right !== "/nodes get");
  t.strictSame([...watched].sort(), namespaced.sort());
  t.strictSame(
    [...rightsOf(rulesOf("deploy/namespaced/leader.yaml"))].sort(),
    ["create", "get", "update"].map((verb) => `coordination.k8s.io/leases ${verb}`),
    "in its own namespace only what leader election needs",
  );
  for (const file of ["watched/role.yaml", "leader.yaml"]) {
    const [role, binding] = objectsOf(`deploy/namespaced/${file}`);
    t.strictSame([role?.kind, binding?.kind], ["Role", "RoleBinding"], file);
    t.match(binding?.roleRef, { kind: "Role", name: role?.metadata.name });
    const subject = { kind: "ServiceAccount", name: "mysql-operator", namespace: "mysql-operator" };
    t.strictSame(binding?.subjects, [subject]);
  }
});

t.test("everything that deploy/namespaced is made of names no ClusterRole for the operator", async (t) => {
  const text = read("deploy/namespaced/kustomization.yaml");
  const resources = parse(text) as { resources: string[] };
  t.strictSame(resources.resources, ["../operator", "leader.yaml", "databases"]);
  const kustomization = parse(read("deploy/operator/kustomization.yaml")) as {
    resources: string[];
  };
  const files = kustomization.resources.filter((name) => name.endsWith(".yaml"));
  const bindings = files.flatMap((file) => objectsOf(`deploy/operator/${file}`))
    .filter(({ kind }) => kind.endsWith("Binding"));
  t.strictSame(bindings, []);
});
