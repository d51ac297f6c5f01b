// Pure: the JSON of `cluster status`, as far as it is used: what the AdminAPI itself thinks of each entry
// in its metadata. Unknown words stay as they are; a reader treats what it does not know as unhealthy.
// A missing or garbled result means "ask again", never "there is no cluster".

import { z } from "zod";
import type { ShellOutput } from "./shell-output.ts";

const memberSchema = z.object({
  address: z.string(),
  memberRole: z.string().optional(), // PRIMARY, SECONDARY, NONE; meaningless when (MISSING)
  mode: z.string().optional(), // R/W, R/O, n/a
  status: z.string(), // as the group sees it: ONLINE, RECOVERING, UNREACHABLE, (MISSING), …
  memberState: z.string().optional(), // as the member sees itself, when that differs
  version: z.string().optional(),
  instanceErrors: z.array(z.string()).default([]),
});

const statusSchema = z.object({
  clusterName: z.string(),
  defaultReplicaSet: z.object({
    status: z.string(),
    statusText: z.string(),
    topologyMode: z.string(),
    primary: z.string().optional(), // "?" when it is not in the metadata
    topology: z.record(z.string(), memberSchema),
  }),
  groupInformationSourceMember: z.string(),
});

export type GroupViewMember = z.infer<typeof memberSchema>;

export type GroupView = {
  readonly clusterName: string;
  /** OK, OK_PARTIAL, OK_NO_TOLERANCE, OK_NO_TOLERANCE_PARTIAL, NO_QUORUM, ERROR, FENCED_WRITES, … */
  readonly status: string;
  readonly statusText: string;
  readonly multiPrimary: boolean;
  /** `host:port`; undefined in multi-primary and when the AdminAPI does not know it. */
  readonly primary?: string;
  /** Sorted by address. */
  readonly members: readonly GroupViewMember[];
  /** The member whose view this is. */
  readonly source: string;
};

/** The view in the output of `cluster status`; undefined if there is none in it. */
export function parseGroupView(output: ShellOutput): GroupView | undefined {
  const parsed = statusSchema.safeParse(output.result);
  if (!parsed.success) return undefined;
  const { clusterName, defaultReplicaSet, groupInformationSourceMember: source } = parsed.data;
  const { status, statusText, topology, topologyMode, primary } = defaultReplicaSet;
  const members = Object.values(topology).sort((a, b) => a.address < b.address ? -1 : 1);
  const multiPrimary = topologyMode === "Multi-Primary";
  const view = { clusterName, status, statusText, multiPrimary, members, source };
  return primary === undefined || primary === "?" ? view : { ...view, primary };
}
