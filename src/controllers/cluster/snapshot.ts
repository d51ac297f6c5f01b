// Everything that one pass knows about a Cluster, gathered once and never changed afterwards.
//
// The decisions (classify.ts, plan.ts, status.ts) see nothing else: no store, no client, no clock.

import type { Cluster, ParsedSpec } from "../../api/cluster.ts";
import { statefulSetName } from "../../api/names.ts";
import { isControlledBy } from "../../api/owner.ts";
import type { Node, Pod, StatefulSet } from "../../api/kinds.ts";
import type { KubeObject } from "../../kube/object.ts";
import { idOf } from "./needs.ts";

export type ClusterSnapshot = {
  readonly cluster: Cluster;
  /** The stored spec, checked; nobody reads cluster.spec itself. */
  readonly parsed: ParsedSpec;
  /** What is live under each name that the Cluster needs, ours or not, by objectId; Secrets without values. */
  readonly live: ReadonlyMap<string, KubeObject>;
  /** Secrets and ConfigMaps that the spec names and that are missing or lack a key, as sentences. */
  readonly missingReferences: readonly string[];
  /** Pods of the Cluster by label, in no order. */
  readonly pods: readonly Pod[];
  /** By name; only those of Pods that a plan would leave behind, and only where Nodes may be read. */
  readonly nodes: ReadonlyMap<string, Node>;
};

/** The Cluster's live StatefulSet; one under its name that is somebody else's counts as none. */
export function ownStatefulSet({ cluster, live }: ClusterSnapshot): StatefulSet | undefined {
  const found = live.get(idOf("StatefulSet", statefulSetName(cluster.metadata.name)));
  return found && isControlledBy(found, cluster) ? found as StatefulSet : undefined;
}
