// Changes of a Cluster that exists: those that the API server must refuse, with the path that it must name,
// and those that it must let through.

import { available, fullSpec } from "../unit/api/full-spec.ts";
import { specWith } from "../unit/api/bad-specs.ts";

export type Change = {
  name: string;
  before: unknown;
  after: unknown;
  /** What the refusal must name; absent if the change is allowed. */
  path?: string;
};

type Steps = readonly (string | number)[];

/** A change of one value of the full spec. */
function of(steps: Steps, value: unknown, path?: string): Change {
  const name = `${steps.join(".")} → ${JSON.stringify(value) ?? "removed"}`;
  return {
    name,
    before: fullSpec,
    after: specWith(steps, value),
    ...(path !== undefined && { path }),
  };
}

function claimChanges(template: string): Change[] {
  const spec = `spec.${template}.spec`;
  const { [template]: _, ...without } = available as Record<string, unknown>;
  return [
    { name: `${template} added`, before: without, after: available, path: `spec.${template}` },
    { name: `${template} removed`, before: available, after: without, path: `spec.${template}` },
    of([template, "metadata", "name"], "other", `spec.${template}.metadata.name`),
    of([template, "spec", "storageClassName"], "slow", `${spec}.storageClassName`),
    of([template, "spec", "storageClassName"], undefined, `${spec}.storageClassName`),
    of([template, "spec", "accessModes"], ["ReadWriteOncePod"], `${spec}.accessModes`),
    of([template, "spec", "volumeName"], "another", `${spec}.volumeName`),
    of([template, "spec", "resources", "requests", "storage"], "9Gi", `${spec}.resources.requests`),
    of([template, "spec", "resources", "requests", "storage"], "10240Mi"),
    of([template, "spec", "resources", "requests", "storage"], "11Gi"),
  ];
}

export const changes: readonly Change[] = [
  of(["baseServerId"], 3000, "spec.baseServerId"),
  of(["multiPrimary"], false, "spec.multiPrimary"),
  of(["multiPrimary"], undefined, "spec.multiPrimary"),
  {
    name: "multiPrimary under its original name",
    before: { multiPrimary: true },
    after: { multiMaster: true },
  },
  { name: "one primary, said and unsaid", before: {}, after: { multiPrimary: false } },
  {
    name: "one primary to many",
    before: {},
    after: { multiMaster: true },
    path: "spec.multiPrimary",
  },
  ...claimChanges("volumeClaimTemplate"),
  ...claimChanges("backupVolumeClaimTemplate"),
  of(["initFrom", "backup", "name"], "other", "spec.initFrom"),
  of(["initFrom"], undefined, "spec.initFrom"),
  of(["members"], 7),
  of(["version"], "9.7.5"),
  of(["paused"], false),
  of(["deletionPolicy"], "Retain"),
  of(["rootPasswordSecret", "name"], "another"),
  of(["mysqld"], { max_connections: 100 }),
  of(["groupReplication", "expelTimeoutSeconds"], 0),
  { name: "an empty spec stays", before: {}, after: {} },
];
