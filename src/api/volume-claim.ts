// The claim template of a member's data volume (and of the backup volume, kept from the original API).
//
// Invariants: what Kubernetes or the StatefulSet cannot change afterwards is immutable here already, so
// that the refusal comes when the user writes it and says what to do instead. Only the size may grow.

import { z } from "zod";
import { RESERVED_VOLUME_NAMES } from "./names.ts";
import { quantitySchema, quantityValue } from "./quantity.ts";
import { boundedMap, immutable, type Rule, stringMap, type Transition, withRules } from "./rule.ts";

const MODES = ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany"] as const;

const NEW_CLUSTER = "to move the data, make a new Cluster and copy or restore it there";

const resourcesSchema = withRules(
  z.object({
    requests: boundedMap(quantitySchema, 4).meta({
      description: "Must have the key storage: the size of each volume.",
    }),
    limits: boundedMap(quantitySchema, 4).meta({
      description: "Upper limits, if the class needs them.",
    })
      .optional(),
  }),
  [{
    cel: "'storage' in self.requests && " +
      "quantity(string(self.requests['storage'])).isGreaterThan(quantity('0'))",
    check: ({ requests }) => (quantityValue(requests["storage"] ?? 0) ?? 0) > 0,
    at: "requests",
    message: "the size of the volume is missing or zero",
    remedy: "set requests.storage, for example 10Gi",
  }],
  [{
    cel: "quantity(string(self.requests['storage']))" +
      ".compareTo(quantity(string(oldSelf.requests['storage']))) >= 0",
    at: "requests",
    message: "a volume cannot shrink",
    remedy: "keep the size; to use smaller volumes, make a new Cluster and copy the data",
  }],
).describe("Size of the volume; it may be raised later, never lowered.");

const writable: Rule<readonly string[]> = {
  cel: "self.exists(m, m != 'ReadOnlyMany')",
  check: (modes) => modes.some((mode) => mode !== "ReadOnlyMany"),
  message: "mysqld must write to its volume",
  remedy: "use ReadWriteOnce",
};

/** Fields that are fixed once a claim exists. */
const FIXED = ["storageClassName", "accessModes", "volumeName"] as const;

const fixedFields: readonly Transition[] = FIXED.map((field) => ({
  // Not `self.?x == oldSelf.?x`: the API server's cost estimate for that is unbounded.
  cel: `has(self.${field}) == has(oldSelf.${field}) && ` +
    `(!has(self.${field}) || self.${field} == oldSelf.${field})`,
  at: field,
  message: `${field} of an existing volume cannot change`,
  remedy: `put the old value back; ${NEW_CLUSTER}`,
}));

const claimSpecSchema = withRules(
  z.looseObject({
    accessModes: withRules(z.array(z.enum(MODES)).min(1).max(4), [writable])
      .meta({ "x-kubernetes-list-type": "atomic" })
      .describe("How the volume is mounted. Default: [ReadWriteOnce].").default(["ReadWriteOnce"]),
    resources: resourcesSchema,
    storageClassName: z.string().max(253)
      .describe("Class of the volume. Default: the cluster's default class; empty: no class.")
      .optional(),
    volumeMode: z.literal("Filesystem").describe("Only Filesystem; mysqld needs one.").optional(),
    volumeName: z.string().max(253)
      .describe("A volume made beforehand; only sensible with one member.").optional(),
    selector: z.looseObject({}).describe("Labels of volumes made beforehand.").optional(),
  }),
  [],
  fixedFields,
).describe("As the spec of a PersistentVolumeClaim.");

const nameSchema = (defaultName: string) =>
  withRules(
    z.string().min(1).max(63).regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, {
      error: "must be a DNS label: at most 63 of a-z, 0-9 and -",
    }),
    [{
      cel: `!(self in [${RESERVED_VOLUME_NAMES.map((name) => `'${name}'`).join(", ")}])`,
      check: (name) => !(RESERVED_VOLUME_NAMES as readonly string[]).includes(name),
      message: "the Pods already have a volume of this name",
      remedy: `use another one, such as ${defaultName}`,
    }],
    [immutable("the claims carry this name", `put the old name back; ${NEW_CLUSTER}`)],
  ).describe(
    "Name of the volume; the claims are NAME-CLUSTER-ORDINAL. At most 63 characters. " +
      `Default: ${defaultName}.`,
  ).default(defaultName);

/** A PersistentVolumeClaim template whose volume is called `defaultName` unless the user names it. */
export const volumeClaimSchema = (defaultName: string, description: string) =>
  z.object({
    apiVersion: z.string().max(64).describe("Ignored; accepted for copied manifests.").optional(),
    kind: z.string().max(64).describe("Ignored; accepted for copied manifests.").optional(),
    metadata: z.object({
      name: nameSchema(defaultName),
      labels: stringMap({ maxEntries: 32, maxLength: 63 }).describe("Labels of the claims.")
        .optional(),
      annotations: stringMap({ maxEntries: 32, maxLength: 4096 })
        .describe("Annotations of the claims.").optional(),
    }).describe("Name and labels of the claims.").prefault({}),
    spec: claimSpecSchema,
  }).describe(description);

export type VolumeClaimTemplate = z.output<ReturnType<typeof volumeClaimSchema>>;
