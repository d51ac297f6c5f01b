// The tables of src/api/README.md, made from the schemas and tables of src/api: fields with their defaults,
// conditions, reasons, labels and annotations, status, columns. generate-crds.ts writes them between the
// markers of that file, so that the documentation of the API cannot say something else than the API.

import type { z } from "zod";
import { clusterSpecSchema, clusterStatusSchema } from "../src/api/cluster.ts";
import { CONDITION_TYPES, REASONS, WAIT_REASONS } from "../src/api/conditions.ts";
import { clusterDefinition } from "../src/api/definition.ts";
import { refusedVariables } from "../src/api/mysqld-field.ts";
import { refusalReason } from "../src/mysql/my-cnf.ts";
import { type Schema, structuralSchema } from "./structural-schema.ts";

/** Fields that are Kubernetes' own types: their parts are documented there. */
const EMBEDDED = new Set([
  "affinity",
  "tolerations",
  "topologySpreadConstraints",
  "securityContext",
  "volumeClaimTemplate",
  "backupVolumeClaimTemplate",
  "conditions",
]);

type Node = Schema & {
  type?: string;
  description?: string;
  default?: unknown;
  properties?: Record<string, Node>;
  items?: Node;
  additionalProperties?: Node;
  enum?: unknown[];
};

/** Marker name → text of the table that stands between its markers. */
export function renderTables(): Map<string, string> {
  const waits = new Set(Object.keys(WAIT_REASONS));
  const ours = Object.entries(REASONS).filter(([reason]) => !waits.has(reason));
  return new Map([
    ["spec", fieldTable(clusterSpecSchema, ["field", "type", "default", "meaning"])],
    ["status", fieldTable(clusterStatusSchema, ["field", "type", "meaning"])],
    ["conditions", table(["type", "True means"], Object.entries(CONDITION_TYPES).map(quoteFirst))],
    ["reasons", table(["reason", "meaning"], ours.map(quoteFirst))],
    ["wait-reasons", table(["reason", "meaning"], Object.entries(WAIT_REASONS).map(quoteFirst))],
    ["columns", columnTable()],
    ["refused", table(["variable", "why"], refusedVariables.map(refusal))],
  ]);
}

/** The text with the content of every marked section replaced. */
export function fillTables(text: string): string {
  let filled = text;
  for (const [name, content] of renderTables()) {
    const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
    const [from, to] = [filled.indexOf(begin), filled.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`src/api/README.md has no section ${name}`);
    filled = filled.slice(0, from + begin.length) + content + filled.slice(to);
  }
  return filled;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.map(escape).join(" | ")} |\n`).join("");
}

const escape = (cell: string): string => cell.replaceAll("|", "\\|");
const quoteFirst = ([name, meaning]: [string, string]): string[] => [`\`${name}\``, meaning];
const refusal = (name: string): string[] => [`\`${name}\``, refusalReason(name) ?? ""];

function columnTable(): string {
  return table(
    ["column", "shows", "source"],
    clusterDefinition.columns.map(({ name, description, jsonPath, priority }) => [
      priority === undefined ? name.toUpperCase() : `${name.toUpperCase()} (wide)`,
      description,
      `\`${jsonPath}\``,
    ]),
  );
}

function fieldTable(schema: z.ZodType, head: readonly string[]): string {
  const hasDefault = head.includes("default");
  const rows = fieldsOf(structuralSchema(schema) as Node).map(([path, node]) => [
    `\`${path}\``,
    typeOf(node),
    ...(hasDefault ? [defaultOf(node)] : []),
    node.description ?? "",
  ]);
  return table(head, rows);
}

function fieldsOf(node: Node, prefix = ""): [string, Node][] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]): [string, Node][] => {
    const path = prefix + name;
    const own: [string, Node] = [path, child];
    if (EMBEDDED.has(name)) return [own];
    if (child.items?.properties) return [own, ...fieldsOf(child.items, `${path}[].`)];
    return [own, ...fieldsOf(child, `${path}.`)];
  });
}

function typeOf(node: Node): string {
  if (node.enum) return node.enum.map(String).join(", ");
  if (node.additionalProperties) return "map";
  return node.type ?? "";
}

function defaultOf({ default: value }: Node): string {
  return value === undefined || typeof value === "object" ? "" : `\`${String(value)}\``;
}
