// The parts of Cluster.spec that are Kubernetes' own types and end up in the Pod template.
//
// Typed as far as a mistake can be named early or we rely on it; the rest passes through unchanged
// (loose objects become x-kubernetes-preserve-unknown-fields), because the full types would be thousands
// of lines of schema and the API server checks them again when the StatefulSet is applied.

import { z } from "zod";
import { RESERVED_LABEL_PREFIXES } from "./labels.ts";
import { quantitySchema, quantityValue } from "./quantity.ts";
import { boundedMap, type Rule, stringMap, withRules } from "./rule.ts";

const passedThrough = (description: string) => z.looseObject({}).describe(description);

/** A Secret or ConfigMap in the Cluster's namespace. */
export const localReference = (description: string) =>
  z.object({
    name: z.string().min(1).max(253).regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
      .describe("Name of the object, in the Cluster's namespace."),
  }).describe(description);

export const pullSecrets = (description: string) =>
  z.array(localReference("A Secret of type kubernetes.io/dockerconfigjson.")).max(16)
    .meta({ description, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] });

export const nodeSelectorSchema = stringMap({ maxEntries: 64, maxLength: 63 }).meta({
  description: "Labels that a node must have to run a member. Default: none.",
});

export const affinitySchema = z.object({
  nodeAffinity: passedThrough("Rules about nodes, as in a Pod.").optional(),
  podAffinity: passedThrough("Rules about Pods to be near to, as in a Pod.").optional(),
  podAntiAffinity: passedThrough("Rules about Pods to keep away from, as in a Pod.").optional(),
}).describe(
  "Affinity of the Pods. Default: members of one Cluster prefer different nodes; a value given here " +
    "replaces that.",
);

const tolerationSchema = withRules(
  z.object({
    key: z.string().max(316).describe("Taint key; empty with operator Exists means every taint.")
      .optional(),
    operator: z.enum(["Exists", "Equal"]).describe("How the value is compared. Default: Equal.")
      .optional(),
    value: z.string().max(63).describe("Taint value; none with operator Exists.").optional(),
    effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"])
      .describe("Taint effect; absent means all.").optional(),
    tolerationSeconds: z.int().min(0)
      .describe("Seconds that a NoExecute taint is tolerated; absent means for ever.").optional(),
  }),
  [{
    cel: "has(self.key) && self.key != '' || has(self.operator) && self.operator == 'Exists'",
    check: (value) => (value.key ?? "") !== "" || value.operator === "Exists",
    at: "key",
    message: "a toleration without a key tolerates everything and needs operator Exists",
    remedy: "set key, or operator: Exists",
  }, {
    cel: "!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''",
    check: (value) => value.operator !== "Exists" || (value.value ?? "") === "",
    at: "value",
    message: "operator Exists does not look at a value",
    remedy: "remove value, or use operator: Equal",
  }],
);

export const tolerationsSchema = z.array(
  tolerationSchema.describe("One tolerated taint, as in a Pod."),
)
  .max(32).meta({
    description: "Taints that the Pods tolerate. Default: none.",
    "x-kubernetes-list-type": "atomic",
  });

export const topologySpreadSchema = z.array(
  z.looseObject({
    maxSkew: z.int().min(1).max(9).describe("How uneven the spread may be, in Pods."),
    topologyKey: z.string().min(1).max(316).describe("Node label whose values are the zones."),
    whenUnsatisfiable: z.enum(["DoNotSchedule", "ScheduleAnyway"])
      .describe("Whether a Pod waits or is placed anyway."),
    labelSelector: passedThrough("Pods that count. Default: the members of this Cluster.")
      .optional(),
  }).describe("One constraint, as in a Pod."),
).max(8).meta({
  description: "How the Pods spread over zones or nodes. Default: only the affinity applies.",
  "x-kubernetes-list-type": "atomic",
});

const amounts = (description: string) =>
  boundedMap(quantitySchema, 16).meta({ maxProperties: 16, description });

type Resources = {
  requests?: Record<string, string | number> | undefined;
  limits?: Record<string, string | number> | undefined;
};

const requestsWithinLimits: Rule<Resources> = {
  cel: "!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || " +
    "quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)",
  check: ({ requests = {}, limits = {} }) =>
    Object.entries(requests).every(([key, value]) => {
      const limit = limits[key];
      return limit === undefined || (quantityValue(value) ?? 0) <= (quantityValue(limit) ?? 0);
    }),
  at: "requests",
  message: "a request is larger than its limit",
  remedy: "lower the request or raise the limit",
};

const containerResources = (description: string) =>
  withRules(
    z.object({
      requests: amounts("What the scheduler reserves, by resource name.").optional(),
      limits: amounts("What the container may use at most, by resource name.").optional(),
    }),
    [requestsWithinLimits],
  ).describe(description);

export const resourcesSchema = z.object({
  server: containerResources(
    "Of the MySQL server. Default: 100m CPU and 512Mi of memory requested, no limits.",
  )
    .optional(),
  agent: containerResources(
    "Of the agent. Default: 20m CPU and 96Mi of memory requested, no limits.",
  ).optional(),
}).describe(
  "Compute resources by container. A change reaches a member when its Pod is next replaced.",
);

export const securityContextSchema = z.looseObject({
  runAsUser: z.int().min(1).describe("User id of all processes, never 0. Default: 27.").optional(),
  runAsGroup: z.int().min(1).describe("Group id of all processes, never 0. Default: 27.")
    .optional(),
  fsGroup: z.int().min(1).describe("Group that owns the volumes. Default: 27.").optional(),
  seccompProfile: z.looseObject({
    type: z.enum(["RuntimeDefault", "Localhost"]).describe("Kind of profile; never Unconfined."),
  }).describe("Filter of system calls, as in a Pod. Default: RuntimeDefault.").optional(),
  runAsNonRoot: z.literal(true).describe("May only be true, which is the default.").optional(),
}).describe(
  "Pod security context, merged over ours, which fulfils the restricted Pod Security Standard. " +
    "Containers keep theirs: no capabilities, read-only root file system.",
);

const isReserved = (key: string): boolean =>
  RESERVED_LABEL_PREFIXES.some((prefix) => key.startsWith(prefix));
const reservedCel = RESERVED_LABEL_PREFIXES.map((prefix) => `k.startsWith('${prefix}')`).join(
  " || ",
);

const userKeys = (kind: "label" | "annotation"): Rule<Record<string, string>> => ({
  cel: `self.all(k, !(${reservedCel}))`,
  check: (map) => !Object.keys(map).some(isReserved),
  message: `the key of one ${kind} is reserved for the operator or Kubernetes`,
  remedy: "use a key with a prefix of your own",
});

export const podMetadataSchema = z.object({
  labels: withRules(
    stringMap({
      maxEntries: 32,
      maxLength: 63,
      pattern: "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
    }),
    [userKeys("label")],
  ).describe("Labels added to the Pods; not those of the operator or of Kubernetes.").optional(),
  annotations: withRules(stringMap({ maxEntries: 32, maxLength: 4096 }), [userKeys("annotation")])
    .describe("Annotations added to the Pods; not those of the operator.").optional(),
}).describe(
  "Labels and annotations added to the Pods. Default: none. A change reaches a member when its Pod is next replaced.",
);
