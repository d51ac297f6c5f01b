// What is watched for Clusters, which Cluster each watched object concerns, and how a key becomes a pass.
//
// Everything that we make carries the Cluster's label, so the watches are limited to objects with it; an
// object is mapped to its Cluster by that label and by its controller, so that the loss of either is seen.
// Secrets are not watched. Also counts Clusters, under the original operator's metric names.

import type { Cluster } from "../../api/cluster.ts";
import { clusters } from "../../api/group.ts";
import { CLUSTER_LABEL } from "../../api/labels.ts";
import type { Clock } from "../../base/clock.ts";
import { TerminalError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { MetricRegistry } from "../../base/metrics.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { EventRecorder } from "../recorder.ts";
import { pods } from "../../api/kinds.ts";
import type { ResourceType } from "../../kube/resource.ts";
import { keyOf } from "../../kube/store.ts";
import type { KubeObject } from "../../kube/object.ts";
import { Controller, type Source } from "../../runtime/controller.ts";
import { RecentWrites } from "../recent-writes.ts";
import { WATCHED_KINDS } from "./needs.ts";
import { labelledCluster, PODS_BY_CLUSTER } from "./observe.ts";
import type { PlanOptions } from "./plan.ts";
import { type ClusterReconciler, reconcileCluster } from "./reconcile.ts";

export type ClusterControllerOptions = {
  readonly client: KubeClient;
  readonly recorder: Pick<EventRecorder, "emit">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: MetricRegistry;
  readonly workers: number;
  /** Only these namespaces; all of them if there is none. */
  readonly namespaces: readonly string[];
  readonly plan: Omit<PlanOptions, "passwords">;
  readonly census: ClusterCensus;
  /** Resolves when this process may act; until then the stores are filled and nothing else happens. */
  readonly mayBegin: Promise<void>;
};

/** The controller for the Clusters of the namespaces. */
export function createClusterController(options: ClusterControllerOptions): Controller {
  const { client, recorder, clock, plan, census } = options;
  const controller: Controller = new Controller({
    ...options,
    name: "cluster",
    sources: clusterSources(options.namespaces),
    async reconcile(key, { log }, signal) {
      const why = controller.store(clusters).unreadable(key);
      if (why !== undefined) {
        // The state that was last read may be just what somebody has changed.
        const remedy = "nothing is done about it until it is written again";
        throw new TerminalError(`Cluster ${key} cannot be read (${why}): ${remedy}`);
      }
      const stored = controller.store(clusters).get(key);
      if (stored === undefined) {
        census.gone(key);
        return {};
      }
      census.seen(stored);
      const subject = { stored, log: log.with({ cluster: key }) };
      return await reconcileCluster(reconciler, subject, signal);
    },
  });
  const stores = {
    clusters: controller.store(clusters),
    pods: controller.store(pods),
    of: (type: ResourceType<KubeObject>) => controller.store(type),
  };
  const recent = new RecentWrites(clock);
  const reconciler: ClusterReconciler = { client, recorder, clock, options: plan, stores, recent };
  return controller;
}

/** Clusters themselves, and everything with the Cluster's label. */
export function clusterSources(namespaces: readonly string[]): Source[] {
  const deferred = true;
  const labelled = { namespaces, labelSelector: CLUSTER_LABEL, keys: concernedClusters, deferred };
  return [
    { namespaces, type: clusters, keys: (cluster) => [keyOf(cluster)] },
    { ...labelled, type: pods, indexes: { [PODS_BY_CLUSTER]: labelledCluster } },
    ...WATCHED_KINDS.map((type) => ({ ...labelled, type })),
  ];
}

/** Keys of the Clusters that an object belongs to, by its label and by its controller. */
export function concernedClusters(object: KubeObject): string[] {
  const controller = object.metadata.ownerReferences?.find((reference) => reference.controller);
  const owned = controller?.kind === clusters.kind &&
    controller.apiVersion.startsWith(`${clusters.group}/`);
  const owner = owned ? [`${object.metadata.namespace}/${controller.name}`] : [];
  return [...new Set([...labelledCluster(object), ...owner])];
}

/** Counts Clusters across namespaces; a restarted operator counts what it finds as managed, not as created. */
export class ClusterCensus {
  readonly #known = new Map<string, { ready: boolean }>();
  readonly #managed: (count: number) => void;
  readonly #created: () => void;
  readonly #deleted: () => void;

  constructor(metrics: MetricRegistry, podName: string) {
    const { counter, gauge } = metrics.labelled({ podName });
    const count = (what: string): string => `Total number of clusters ${what}`;
    this.#managed = gauge("mysql_operator_cluster_clusters", count("managed"));
    this.#created = counter("mysql_operator_cluster_clusters_created", count("created"));
    this.#deleted = counter("mysql_operator_cluster_clusters_deleted", count("deleted"));
    this.#managed(0);
  }

  /** A Cluster counts as created when its group has come into being while we looked. */
  seen(cluster: Cluster): void {
    const key = keyOf(cluster);
    const ready = cluster.status?.bootstrap?.at !== undefined;
    const before = this.#known.get(key);
    this.#known.set(key, { ready });
    if (before !== undefined && !before.ready && ready) this.#created();
    this.#managed(this.#known.size);
  }

  gone(key: string): void {
    if (this.#known.delete(key)) this.#deleted();
    this.#managed(this.#known.size);
  }
}
