// The CustomResourceDefinitions: how each kind is named, which columns kubectl shows, and its schema.
//
// Data only; scripts/generate-crds.ts turns it into deploy/crds/*.yaml. A further kind is a further entry.

import type { z } from "zod";
import type { KubeObject } from "../kube/object.ts";
import type { ResourceType } from "../kube/resource.ts";
import { clusterSpecSchema, clusterStatusSchema, NAME_RULES } from "./cluster.ts";
import { clusters } from "./group.ts";

/** A column of `kubectl get`; those with priority 1 appear with `-o wide` only. */
export type Column = {
  name: string;
  type: "string" | "integer" | "date";
  jsonPath: string;
  description: string;
  priority?: 1;
};

export type ScalePaths = {
  specReplicasPath: string;
  statusReplicasPath: string;
  labelSelectorPath: string;
};

export type Definition = {
  type: ResourceType<KubeObject>;
  singular: string;
  shortNames: readonly string[];
  description: string;
  columns: readonly Column[];
  scale?: ScalePaths;
  /** CEL rules on the whole object: only metadata.name can be seen beside spec and status. */
  rules: readonly { cel: string; message: string; remedy: string }[];
  spec: z.ZodType;
  status: z.ZodType;
};

/** All kinds are in it: `kubectl get mysql`. */
export const CATEGORY = "mysql";

const column = (name: string, jsonPath: string, description: string): Column => (
  { name, type: "string", jsonPath, description }
);

const clusterColumns: readonly Column[] = [
  column("Members", ".status.membersSummary", "Members that are ONLINE, of those that are wanted."),
  column(
    "Status",
    '.status.conditions[?(@.type=="Ready")].reason',
    "Reason of the condition Ready.",
  ),
  column("Primary", ".status.primary", "The Pod that accepts writes."),
  column("Version", ".status.version", "The MySQL version that runs."),
  { ...column("Age", ".metadata.creationTimestamp", "Time since creation."), type: "date" },
  { ...column("Image", ".status.image", "The server image."), priority: 1 },
  { ...column("Group", ".status.bootstrap.groupName", "The name of the group."), priority: 1 },
];

export const clusterDefinition: Definition = {
  type: clusters,
  singular: "mysqlcluster",
  shortNames: ["myc"],
  description: "A MySQL InnoDB Cluster: a group of MySQL servers that replicate from each other.",
  columns: clusterColumns,
  scale: {
    specReplicasPath: ".spec.members",
    statusReplicasPath: ".status.members",
    labelSelectorPath: ".status.labelSelector",
  },
  rules: NAME_RULES,
  spec: clusterSpecSchema,
  status: clusterStatusSchema,
};

/** Every kind of the group, in the order in which the files are generated. */
export const definitions: readonly Definition[] = [clusterDefinition];
