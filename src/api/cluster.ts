// The Cluster object, and the one way from its stored spec to a spec that the rest may rely on.
//
// An object may have been stored under an older, looser schema: nothing else in the operator reads
// `cluster.spec` directly, and what does not pass here becomes a condition, never a crash.

import type { z } from "zod";
import type { KubeObject } from "../kube/object.ts";
import { type ClusterSpecInput, clusterSpecSchema } from "./cluster-spec.ts";
import type { ClusterStatus } from "./cluster-status.ts";
import { CLUSTER_NAME_PATTERN, MAX_CLUSTER_NAME_LENGTH } from "./names.ts";

export { type ClusterSpecInput, clusterSpecSchema } from "./cluster-spec.ts";
export type {
  BootstrapStatus,
  ClusterStatus,
  InstanceStatus,
  RestartRecord,
  StateChange,
} from "./cluster-status.ts";
export { clusterStatusSchema } from "./cluster-status.ts";

export interface Cluster extends KubeObject {
  spec?: ClusterSpecInput;
  status?: ClusterStatus;
}

type Parsed = z.output<typeof clusterSpecSchema>;

/** A valid spec: defaults applied, and of two names for one thing only the modern one, always set. */
export type ClusterSpec = Omit<Parsed, "multiMaster" | "imagePullSecret"> & {
  multiPrimary: boolean;
  imagePullSecrets: { name: string }[];
};

/** One thing wrong with a Cluster: where (`spec.members`), what, and what to do. */
export type SpecIssue = { path: string; message: string; remedy: string };

export type ParsedSpec = { ok: true; spec: ClusterSpec } | { ok: false; issues: SpecIssue[] };

/** Fields of the API whose behaviour does not exist yet: refused, because ignoring them would deceive. */
export const UNAVAILABLE_FIELDS: Readonly<Record<string, string>> = {
  initFrom: "starting from a backup or another Cluster is not available in this version",
  metrics: "a metrics exporter is not available in this version; the agents serve /metrics",
  ipAllowlist: "address lists are not available in this version; use a NetworkPolicy",
};

/** The spec as stored (absent is the same as empty), checked and with its defaults. Never throws. */
export function parseClusterSpec(spec: unknown): ParsedSpec {
  const result = clusterSpecSchema.safeParse(dropNulls(spec) ?? {});
  if (!result.success) return { ok: false, issues: result.error.issues.map(toIssue) };
  const issues = unavailable(result.data);
  return issues.length > 0 ? { ok: false, issues } : { ok: true, spec: modernise(result.data) };
}

/** What is wrong with a Cluster's name; names.ts says where the limit comes from. */
export function clusterNameIssues(name: string): SpecIssue[] {
  return NAME_RULES.filter((rule) => !rule.check(name))
    .map(({ message, remedy }) => ({ path: "metadata.name", message, remedy }));
}

/** The rules on metadata.name, for the API server (CEL on the whole object) and for us. */
export const NAME_RULES = [{
  cel: `self.metadata.name.size() <= ${MAX_CLUSTER_NAME_LENGTH}`,
  check: (name: string): boolean => name.length <= MAX_CLUSTER_NAME_LENGTH,
  message:
    `metadata.name has more than ${MAX_CLUSTER_NAME_LENGTH} characters, and Pods carry it in a ` +
    "label of 63 together with the hash of their revision",
  remedy: "choose a shorter name",
}, {
  cel: `self.metadata.name.matches('${CLUSTER_NAME_PATTERN}')`,
  check: (name: string): boolean => new RegExp(CLUSTER_NAME_PATTERN).test(name),
  message: "metadata.name is also the name of a Service and must be a DNS-1035 label",
  remedy: "start with a letter and use only a-z, 0-9 and -",
}];

/** All issues in one line, for a condition's message. */
export function describeIssues(issues: readonly SpecIssue[]): string {
  return issues.map(({ path, message, remedy }) => `${path}: ${message}; ${remedy}`).join(". ");
}

function modernise(spec: Parsed): ClusterSpec {
  const { multiMaster, imagePullSecret, ...rest } = spec;
  return {
    ...rest,
    multiPrimary: rest.multiPrimary ?? multiMaster ?? false,
    imagePullSecrets: rest.imagePullSecrets ?? imagePullSecret ?? [],
  };
}

function unavailable(spec: Parsed): SpecIssue[] {
  return Object.entries(UNAVAILABLE_FIELDS)
    .filter(([field]) => spec[field as keyof Parsed] !== undefined)
    .map(([field, message]) => ({
      path: `spec.${field}`,
      message,
      remedy: `remove spec.${field}`,
    }));
}

function toIssue(issue: z.core.$ZodIssue): SpecIssue {
  const path = `spec${issue.path.map(renderStep).join("")}`;
  const remedy = issue.code === "custom" ? issue.params?.["remedy"] : undefined;
  return {
    path,
    message: messageOf(issue),
    remedy: typeof remedy === "string" ? remedy : explain(issue.path[0]),
  };
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_union") return issue.message;
  return issue.errors.flat().at(-1)?.message ?? issue.message;
}

/** Steps as the API server writes them: `.tolerations[0].key`. */
function renderStep(step: PropertyKey): string {
  return typeof step === "number" ? `[${step}]` : `.${String(step)}`;
}

function explain(field: PropertyKey | undefined): string {
  const path = field === undefined ? "spec" : `spec.${String(field)}`;
  return `kubectl explain mysqlcluster.${path} says what it may be`;
}

/** Null means absent, as the API server has it; objects of the older schema may still hold it. */
function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropNulls);
  if (typeof value !== "object" || value === null) return value ?? undefined;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, dropNulls(item)]));
}
