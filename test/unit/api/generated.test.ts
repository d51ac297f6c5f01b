// What is written to deploy/ against what src/api says: the generated CRDs and the examples.

import { readdirSync, readFileSync } from "node:fs";
import t from "tap";
import { parse } from "yaml";
import { renderFiles } from "../../../scripts/generate-crds.ts";
import { clusterNameIssues, parseClusterSpec } from "../../../src/api/cluster.ts";
import { definitions } from "../../../src/api/definition.ts";
import { GROUP, VERSION } from "../../../src/api/group.ts";
import { specSchema } from "./bad-specs.ts";

const DEPLOY = new URL("../../../deploy/", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, DEPLOY), "utf8");

t.test("deploy/crds is what src/api says (npm run generate)", async (t) => {
  const files = renderFiles();
  const present = readdirSync(new URL("crds/", DEPLOY))
    .filter((name) => name !== "kustomization.yaml").map((name) => `deploy/crds/${name}`);
  t.strictSame(present.sort(), [...files.keys()].sort());
  for (const [path, text] of files) t.ok(read(`../${path}`) === text, path);
  const lines = [...files.values()].join("").split("\n").length;
  t.ok(lines <= 2000, `${lines} lines of CRDs`);
  t.equal(files.size, definitions.length);
});

type Node = {
  type?: string;
  description?: string;
  default?: unknown;
  properties?: Record<string, Node>;
  items?: Node;
};

function fieldsOf(node: Node, path: string): [string, Node][] {
  const own = Object.entries(node.properties ?? {});
  const below = own.flatMap(([name, child]) => fieldsOf(child, `${path}.${name}`));
  const items = node.items === undefined ? [] : fieldsOf(node.items, `${path}[]`);
  return [
    ...own.map(([name, child]): [string, Node] => [`${path}.${name}`, child]),
    ...below,
    ...items,
  ];
}

t.test("every field has a description, which states the default if there is one", async (t) => {
  for (const { type, spec } of parsedCrds()) {
    const root = spec.versions[0]?.schema.openAPIV3Schema ?? {};
    const { metadata: _, ...properties } = root.properties ?? {};
    for (const [path, node] of fieldsOf({ properties }, type)) {
      t.ok((node.description ?? "").length > 10, `${path} has a description`);
    }
  }
  for (const [path, { default: value, description = "" }] of fieldsOf(specSchema as Node, "spec")) {
    if (value === undefined || typeof value === "object") continue;
    t.match(description, new RegExp(`Default: \\[?${value}\\b`), `${path} states its default`);
  }
});

function parsedCrds(): {
  type: string;
  spec: { versions: { schema: { openAPIV3Schema: Node } }[] };
}[] {
  return [...renderFiles()].map(([type, text]) => ({ type, ...parse(text) }));
}

t.test("every example is one valid Cluster, and no two have the same name", async (t) => {
  const names: string[] = [];
  for (
    const file of readdirSync(new URL("examples/", DEPLOY)).filter((name) => name.endsWith(".yaml"))
  ) {
    const { apiVersion, kind, metadata, spec } = parse(read(`examples/${file}`));
    t.strictSame([apiVersion, kind], [`${GROUP}/${VERSION}`, "Cluster"], file);
    t.strictSame(clusterNameIssues(metadata.name), [], file);
    t.match(parseClusterSpec(spec), { ok: true }, file);
    names.push(metadata.name);
  }
  t.strictSame([...new Set(names)], names);
  t.equal(
    read("examples/cluster.yaml").trimEnd().split("\n").length,
    12,
    "the README's first manifest",
  );
});
