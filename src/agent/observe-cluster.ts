// Reads the Cluster object, and before the group exists the other instances' claims and Pods, from the API
// server; writes `status.bootstrap` and `status.recovery`. A reader that fails leaves "not known" behind and never delays a
// tick: refreshing goes on beside it.

import { type Clock, formatTime, parseTime } from "../base/clock.ts";
import { describeError, isAbort } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Cluster } from "../api/cluster.ts";
import { parseClusterSpec } from "../api/cluster.ts";
import { clusters } from "../api/group.ts";
import { parseInstanceReport } from "../api/instance-report.ts";
import { APPROVE_PLAN_ANNOTATION, INSTANCE_ANNOTATION } from "../api/labels.ts";
import { dataClaimName, podName } from "../api/names.ts";
import { isConflict } from "../kube/api-error.ts";
import type { KubeClient } from "../kube/client.ts";
import { persistentVolumeClaims, pods } from "../api/kinds.ts";
import type { Claim, ClusterFacts } from "./facts.ts";
import { addressOfOrdinal, type Identity } from "./settings.ts";

export type ClusterOptions = {
  readonly client: KubeClient;
  readonly identity: Identity;
  readonly dataClaim: string | null;
  readonly clock: Clock;
  readonly log: Logger;
};

/** How long a read counts; before any effect under the Lease it is read anew. */
const COUNTS_MS = 60_000;
const WRITE_TRIES = 5;

/** What the API server knows about the Cluster. */
export class ClusterReader {
  readonly #options: ClusterOptions;
  #facts: ClusterFacts | undefined;
  #reading = false;
  #triedAt = -Infinity;
  #failing = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** The last read, while it counts. */
  get facts(): ClusterFacts | undefined {
    const age = this.#options.clock.monotonic() - (this.#facts?.at ?? -Infinity);
    return age < COUNTS_MS ? this.#facts : undefined;
  }

  /** Reads again in the background if the last try is older than `everyMs`. */
  refresh(everyMs: number, signal: AbortSignal): void {
    if (this.#reading || this.#options.clock.monotonic() - this.#triedAt < everyMs) return;
    this.read(signal).catch((error: unknown) => {
      if (!this.#failing && !isAbort(error)) {
        this.#options.log.warn("cluster not read", { err: describeError(error) });
      }
      this.#failing = true; // said once; the report says ApiUnavailable when it matters
    });
  }

  /** Reads now. @throws when the API server does not answer or the Cluster is gone */
  async read(signal: AbortSignal): Promise<ClusterFacts> {
    this.#reading = true;
    this.#triedAt = this.#options.clock.monotonic();
    try {
      const at = this.#triedAt;
      const { namespace, clusterName: name } = this.#options.identity;
      const cluster = await this.#options.client.of(clusters).get({ namespace, name }, signal);
      if (cluster === undefined) throw new Error(`Cluster ${namespace}/${name} does not exist`);
      this.#failing = false;
      return this.#facts = clusterFacts(cluster, at);
    } finally {
      this.#reading = false;
    }
  }

  /** Which other instances may hold data that nobody has seen. @throws as read() does */
  async claims(cluster: ClusterFacts, signal: AbortSignal): Promise<Claim[]> {
    const { identity } = this.#options;
    const others = Array.from({ length: cluster.members }, (_, ordinal) => ordinal)
      .filter((ordinal) => ordinal !== identity.ordinal);
    return await Promise.all(others.map(async (ordinal) => ({
      address: addressOfOrdinal(identity, ordinal),
      mayHoldData: await this.#mayHoldData(ordinal, cluster, signal),
    })));
  }

  async #mayHoldData(
    ordinal: number,
    cluster: ClusterFacts,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { client, identity, dataClaim } = this.#options;
    const { namespace, clusterName } = identity;
    const name = podName(clusterName, ordinal);
    const pod = await client.of(pods).get({ namespace, name }, signal);
    const report = parseInstanceReport(pod?.metadata.annotations?.[INSTANCE_ANNOTATION]);
    if (report?.hasData === true) return true;
    if (dataClaim === null) return false;
    const ref = { namespace, name: dataClaimName(dataClaim, name) };
    const claim = await client.of(persistentVolumeClaims).get(ref, signal);
    const madeAt = parseTime(claim?.metadata.creationTimestamp);
    const clusterAt = parseTime(cluster.createdAt);
    if (claim === undefined) return false;
    return madeAt === undefined || clusterAt === undefined || madeAt < clusterAt;
  }

  /**
   * Writes `status.bootstrap` or `status.recovery` as made of the current state; `change` returns undefined when
   * nothing is to be written any more. @throws after several conflicts, or when the API server does not answer
   */
  async writeStatus(
    part: "bootstrap" | "recovery",
    change: (cluster: ClusterFacts, now: string) => Record<string, unknown> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, clock, identity } = this.#options;
    const ref = { namespace: identity.namespace, name: identity.clusterName };
    for (let attempt = 1;; attempt++) {
      const cluster = await this.read(signal);
      const value = change(cluster, formatTime(clock.now()));
      if (value === undefined) return;
      const body = {
        metadata: { resourceVersion: cluster.resourceVersion, uid: cluster.uid },
        status: { [part]: value },
      };
      try {
        const how = { subresource: "status", body };
        const written = await client.of(clusters).patch(ref, how, signal);
        this.#facts = clusterFacts(written, clock.monotonic());
        return;
      } catch (error) {
        // The operator writes the same object often; what it wrote must be seen first.
        if (!isConflict(error) || attempt === WRITE_TRIES) throw error;
      }
    }
  }
}

/** What decisions need of a Cluster, read at `at` (monotonic). */
export function clusterFacts(cluster: Cluster, at: number): ClusterFacts {
  const parsed = parseClusterSpec(cluster.spec);
  const { metadata, status } = cluster;
  return {
    at,
    uid: metadata.uid ?? "",
    resourceVersion: metadata.resourceVersion ?? "",
    createdAt: metadata.creationTimestamp ?? "",
    // An invalid spec changes nothing: as if it were paused, the operator says why.
    members: parsed.ok ? parsed.spec.members : 0,
    recovery: parsed.ok ? parsed.spec.recovery : { completeOutage: "Manual", diverged: "Report" },
    approvedPlan: metadata.annotations?.[APPROVE_PLAN_ANNOTATION],
    donePlan: status?.recovery?.completedAt === undefined ? undefined : status.recovery.plan,
    restarts: status?.recovery?.restarts ?? [],
    stopped: (status?.instances ?? []).filter(({ stopped }) => stopped !== undefined)
      .map(({ name }) => name),
    stuck: (status?.instances ?? [])
      .filter(({ waiting }) => waiting === "DiskFull" || waiting === "DiskStalled")
      .map(({ name }) => name),
    paused: parsed.ok ? parsed.spec.paused : true,
    deleting: metadata.deletionTimestamp !== undefined,
    bootstrap: status?.bootstrap ?? {},
  };
}
