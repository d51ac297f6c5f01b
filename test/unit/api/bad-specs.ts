// The table of bad input: for every field of Cluster.spec a value of the wrong type and one beyond each of
// its limits (made from the generated schema, so that a new field cannot be forgotten), and by hand one
// row for every rule that looks at combinations. The contract test sends each row to a real API server,
// the unit test gives each to parseClusterSpec; both must refuse it and name the path.

import { structuralSchema } from "../../../scripts/structural-schema.ts";
import { clusterSpecSchema } from "../../../src/api/cluster.ts";
import { fullSpec } from "./full-spec.ts";

export type BadSpec = {
  name: string;
  spec: unknown;
  /** What the answer must name. */
  path: string;
  /** The API server cannot see it; only parseClusterSpec refuses it. */
  onlyOperator?: true;
};

type Node = {
  type?: string;
  properties?: Record<string, Node>;
  additionalProperties?: Node;
  items?: Node;
  required?: string[];
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  "x-kubernetes-int-or-string"?: boolean;
};
type Steps = readonly (string | number)[];

export const specSchema = structuralSchema(clusterSpecSchema) as Node;

/** The full spec with one value put in (or taken out, if undefined) at a path. */
export function specWith(steps: Steps, value: unknown, base: unknown = fullSpec): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  const inner = (base as Record<string | number, unknown> | undefined)?.[step];
  const changed = specWith(rest, value, inner);
  if (Array.isArray(base)) return base.map((item, index) => index === step ? changed : item);
  if (typeof step === "number") return [changed];
  const { [step]: _, ...others } = (base ?? {}) as Record<string, unknown>;
  return changed === undefined ? others : { ...others, [step]: changed };
}

function render(steps: Steps): string {
  return `spec${steps.map((step) => typeof step === "number" ? `[${step}]` : `.${step}`).join("")}`;
}

const WRONG_TYPE: Record<string, unknown> = {
  string: [],
  integer: "many",
  boolean: "yes",
  object: "x",
  array: "x",
};

/** Values beyond the limits of one node itself, by the name of the limit. */
function badValues(node: Node, good: unknown): [limit: string, value: unknown][] {
  const rows: [string, unknown][] = [];
  if (node["x-kubernetes-int-or-string"]) rows.push(["type", true]);
  else rows.push(["type", WRONG_TYPE[node.type ?? ""]]);
  if (node.type === "integer") rows.push(["whole number", 2.5]);
  if (node.minimum !== undefined) rows.push(["minimum", node.minimum - 1]);
  if (node.maximum !== undefined) rows.push(["maximum", node.maximum + 1]);
  if (node.minLength) rows.push(["minLength", ""]);
  if (node.maxLength) rows.push(["maxLength", "1".repeat(node.maxLength + 1)]);
  if (node.pattern) rows.push(["pattern", "§\n"]);
  if (node.enum) rows.push(["enum", node.type === "boolean" ? !node.enum[0] : "Wrong"]);
  if (node.minItems) rows.push(["minItems", []]);
  if (node.maxItems) rows.push(["maxItems", many(node.maxItems, (good as unknown[])[0])]);
  if (node.maxProperties) {
    rows.push(["maxProperties", Object.fromEntries(many(node.maxProperties, "1").map(keyed))]);
  }
  return rows;
}

const keyed = (value: unknown, index: number): [string, unknown] => [`k${index}`, value];

function many(count: number, item: unknown): unknown[] {
  const name = (item as { name?: string }).name;
  return Array.from({ length: count + 1 }, (_, index) => {
    return name === undefined ? item : { name: `${name}${index}` };
  });
}

/** A good value for the fields that the full spec leaves out. */
const GOOD: Record<string, unknown> = {
  "spec.imagePullSecret": [{ name: "registry" }],
  "spec.initFrom.clone": { name: "other" },
};

function walk(node: Node, steps: Steps, good: unknown): BadSpec[] {
  const path = render(steps);
  const value = good ?? GOOD[path];
  const rows = badValues(node, value).map(([limit, bad]) => (
    { name: `${path}: ${limit}`, path, spec: specWith(steps, bad) }
  ));
  for (const key of node.required ?? []) {
    const spec = specWith(steps, specWith([key], undefined, value));
    rows.push({ name: `${path}: without ${key}`, path: render([...steps, key]), spec });
  }
  for (const [step, child] of children(node, value)) {
    rows.push(...walk(child, [...steps, step], (value as never)?.[step]));
  }
  return rows;
}

function children(node: Node, value: unknown): [string | number, Node][] {
  if (node.items) return [[0, node.items]];
  if (!node.additionalProperties) return Object.entries(node.properties ?? {});
  const key = Object.keys(value as object)[0];
  if (key === undefined) throw new Error("the full spec has an empty map");
  return [[key, node.additionalProperties]];
}

const row = (name: string, steps: Steps, value: unknown, path: string = render(steps)): BadSpec => (
  { name: `${path}: ${name}`, spec: specWith(steps, value), path }
);

const combinations: BadSpec[] = [
  row("too old a patch of 8.0", ["version"], "8.0.33"),
  row("an innovation release", ["version"], "9.5.0"),
  row("a version of another database", ["version"], "10.11.2"),
  row("a tag that is no version", ["version"], "latest"),
  row("a repository with a tag", ["repository"], "mysql/mysql-server:8.0"),
  row("both names of the pull secrets", ["imagePullSecret"], [{ name: "registry" }]),
  row("both names of multi-primary, contradicting", ["multiMaster"], false),
  row(
    "a toleration without key and operator",
    ["tolerations", 0],
    { effect: "NoExecute" },
    "spec.tolerations[0].key",
  ),
  row(
    "a toleration Exists with a value",
    ["tolerations", 0, "operator"],
    "Exists",
    "spec.tolerations[0].value",
  ),
  row(
    "a request above its limit",
    ["resources", "server", "requests", "cpu"],
    3,
    "spec.resources.server.requests",
  ),
  row(
    "an agent's request above its limit",
    ["resources", "agent", "requests", "memory"],
    "1Gi",
    "spec.resources.agent.requests",
  ),
  row("a reserved label", ["podMetadata", "labels"], { "app.kubernetes.io/name": "x" }),
  row("the role label", ["podMetadata", "labels"], { "v1alpha1.mysql.oracle.com/role": "primary" }),
  row("a reserved annotation", ["podMetadata", "annotations"], {
    "mysql.oracle.com/instance": "x",
  }),
  row("a variable that we decide", ["mysqld"], { server_id: 5 }),
  row("a variable that we decide, made optional", ["mysqld"], { loose_super_read_only: 0 }),
  row("a variable with a dash", ["mysqld"], { "max-connections": 5 }),
  row("a variable in capitals", ["mysqld"], { Max_connections: 5 }),
  row("a variable of Group Replication", ["mysqld"], { group_replication_member_weight: 5 }),
  row("an optional variable of Group Replication", ["mysqld"], { loose_group_replication_x: 5 }),
  row("a replication filter", ["mysqld"], { replicate_do_db: "app" }),
  row("a setting of two lines", ["mysqld", "max_connections"], "5\nskip-grant-tables"),
  row("both sources", ["initFrom", "clone"], { name: "other" }, "spec.initFrom"),
  row("no source", ["initFrom"], {}),
  ...["volumeClaimTemplate", "backupVolumeClaimTemplate"].flatMap((template) => [
    row("a volume name of ours", [template, "metadata", "name"], "tmp"),
    row("a read-only volume", [template, "spec", "accessModes"], ["ReadOnlyMany"]),
    row("no size", [template, "spec", "resources", "requests"], { cpu: "1" }),
    row("size zero", [template, "spec", "resources", "requests"], { storage: "0Gi" }),
    row("a block device", [template, "spec", "volumeMode"], "Block"),
  ]),
  row(
    "the name of the data volume",
    ["backupVolumeClaimTemplate", "metadata", "name"],
    "data",
    "spec.backupVolumeClaimTemplate",
  ),
  row("root", ["securityContext", "runAsUser"], 0),
  {
    name: "spec.initFrom: not available",
    path: "spec.initFrom",
    onlyOperator: true,
    spec: { initFrom: fullSpec.initFrom },
  },
  {
    name: "spec.metrics: not available",
    path: "spec.metrics",
    onlyOperator: true,
    spec: { metrics: fullSpec.metrics },
  },
  {
    name: "spec.ipAllowlist: not available",
    path: "spec.ipAllowlist",
    onlyOperator: true,
    spec: { ipAllowlist: fullSpec.ipAllowlist },
  },
];

/** Rows of the whole table; the one about `spec` itself comes first. */
export const badSpecs: readonly BadSpec[] = [
  ...walk(specSchema, [], fullSpec),
  ...combinations,
];

export const badNames: readonly { name: string; why: string }[] = [
  { name: "a".repeat(53), why: "one character too long" },
  { name: "1main", why: "starts with a digit" },
  { name: "main.db", why: "has a dot" },
];
