// One Lease object as a lock: reads, takes, renews and gives it up, always by its resourceVersion, over
// the client's own connection for that. Knows when our hold ends; knows nothing of what it protects.

import { type Clock, formatMicroTime, startDeadline } from "../base/clock.ts";
import { abortReason } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { isAlreadyExists, isConflict } from "../kube/api-error.ts";
import type { KubeClient } from "../kube/client.ts";
import { leases } from "../kube/resource.ts";
import type { Lease } from "../kube/object.ts";
import {
  decideLease,
  type LeaseView,
  observeLease,
  renderHeld,
  renderReleased,
} from "./lease-decide.ts";

export interface LeaseOptions {
  client: KubeClient;
  namespace: string;
  name: string;
  /** Unique among all who may hold it. */
  identity: string;
  clock: Clock;
  log: Logger;
  /** How long others wait after our last sign of life. */
  leaseDurationMs?: number;
  /** How long after the last successful renewal we still count it as ours; less than the above. */
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
}

const RELEASE_MS = 5_000;

/** Annotations to write together with the record. */
type Change = { annotations?: Record<string, string> };

/** A Lease that is being kept. */
export interface Hold {
  /** Aborted with the parent, and when the Lease is lost. */
  readonly signal: AbortSignal;
  /** Stops renewing and gives the Lease up, unless it was lost before. */
  end(change: Change): Promise<{ lost: boolean }>;
}

export class LeaseLock {
  readonly identity: string;
  readonly #options: Required<LeaseOptions>;
  #lease: Lease | undefined;
  #view: LeaseView | undefined;
  /** Monotonic milliseconds until which it is ours: counted from before the renewal was sent. */
  #validUntil = -Infinity;

  constructor(options: LeaseOptions) {
    const defaults = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };
    this.#options = { ...defaults, ...options, client: options.client.onLane("lease") };
    this.identity = options.identity;
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options;
    if (
      !(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > 1.2 * retryPeriodMs &&
        retryPeriodMs > 0)
    ) {
      throw new Error(
        `lease times do not fit: duration ${leaseDurationMs} > renew deadline ${renewDeadlineMs} > 1.2 × retry period ${retryPeriodMs} ms`,
      );
    }
  }

  /** Whether it is ours at this moment. To be asked right before anything that must not be done by two. */
  get held(): boolean {
    return this.#options.clock.monotonic() < this.#validUntil;
  }

  /** Whose it is by the last look; empty when nobody's. */
  get holder(): string {
    return this.#view?.record.holderIdentity ?? "";
  }

  /** Takes or renews it if that is allowed. False: it is somebody else's. Throws when nothing is known. */
  async tryHold(change: Change & { create?: boolean }, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    // Ours and unchanged: one write instead of a read and a write. A conflict leads to the long way.
    if (this.held && this.#lease && await this.#hold(this.#lease, change, signal)) return true;
    const lease = await this.#read(change.create ?? false, signal);
    this.#view = observeLease(this.#view, lease.spec ?? {}, clock.monotonic());
    if (decideLease(this.#view, this.identity, clock.monotonic()).type === "wait") {
      this.#validUntil = -Infinity; // also if we held it: somebody took it from us
      return false;
    }
    return await this.#hold(lease, change, signal);
  }

  /** Keeps a Lease that is held, in the background, until end() or until it is lost. */
  keep(change: Change, parent: AbortSignal): Hold {
    const term = new AbortController();
    const ending = new AbortController();
    const stop = (): void => term.abort(parent.reason);
    if (parent.aborted) stop();
    parent.addEventListener("abort", stop, { once: true });
    const kept = this.#renew(change, ending.signal).then(() => {
      if (!ending.signal.aborted) {
        term.abort(abortReason(`the lease ${this.#options.name} was lost`));
      }
      return !ending.signal.aborted;
    });
    return {
      signal: term.signal,
      // Renewed until here, also after the parent was aborted: nobody may begin while we wind up.
      end: async (last) => {
        ending.abort();
        parent.removeEventListener("abort", stop);
        const lost = await kept;
        if (!lost) await this.#release(last);
        return { lost };
      },
    };
  }

  async #renew(change: Change, signal: AbortSignal): Promise<void> {
    const { clock, log, name, retryPeriodMs } = this.#options;
    while (this.held && !signal.aborted) {
      const leftMs = Math.max(this.#validUntil - clock.monotonic(), 0);
      await clock.sleep(Math.min(retryPeriodMs, leftMs), signal).catch(() => {}); // the loop sees it
      if (signal.aborted || !this.held) break;
      // An answer that comes when the hold has ended is too late: its holder must be told in time.
      const deadline = startDeadline(clock, this.#validUntil - clock.monotonic(), signal);
      try {
        await this.tryHold(change, deadline.signal);
      } catch (error) {
        this.#lease = undefined;
        if (!signal.aborted) log.warn("lease not renewed", { lease: name, err: error });
      } finally {
        deadline.clear();
      }
    }
  }

  // So that nobody has to wait. Best effort within a few seconds: it expires by itself.
  async #release(change: Change): Promise<void> {
    const { clock, log, name } = this.#options;
    this.#validUntil = -Infinity;
    const deadline = startDeadline(clock, RELEASE_MS, new AbortController().signal);
    try {
      const lease = await this.#read(false, deadline.signal);
      if (lease.spec?.holderIdentity !== this.identity) return;
      const spec = renderReleased(lease.spec, formatMicroTime(clock.now()));
      await this.#write(lease, { spec, ...change }, deadline.signal);
    } catch (error) {
      log.debug("lease not released", { lease: name, err: error });
    } finally {
      deadline.clear();
    }
  }

  async #hold(lease: Lease, change: Change, signal: AbortSignal): Promise<boolean> {
    const { clock, leaseDurationMs, renewDeadlineMs } = this.#options;
    const sentAt = clock.monotonic();
    const time = formatMicroTime(clock.now());
    const spec = renderHeld(lease.spec ?? {}, this.identity, { time, leaseDurationMs });
    if (!await this.#write(lease, { spec, ...change }, signal)) return false;
    this.#validUntil = sentAt + renewDeadlineMs;
    return true;
  }

  async #read(create: boolean, signal: AbortSignal): Promise<Lease> {
    const { client, namespace, name } = this.#options;
    const found = await client.get(leases, { namespace, name }, signal);
    if (found) return found;
    if (!create) throw new Error(`Lease ${namespace}/${name} does not exist`);
    const empty: Lease = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { namespace, name },
    };
    try {
      return await client.create(leases, empty, signal);
    } catch (error) {
      if (isAlreadyExists(error)) return await this.#read(false, signal); // somebody was faster
      throw error;
    }
  }

  // False on a conflict: somebody else has written since we looked.
  async #write(
    lease: Lease,
    { spec, annotations }: Change & { spec: LeaseView["record"] },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { client, clock } = this.#options;
    const metadata = annotations
      ? { ...lease.metadata, annotations: { ...lease.metadata.annotations, ...annotations } }
      : lease.metadata;
    try {
      this.#lease = await client.replace(leases, { ...lease, metadata, spec }, {}, signal);
      this.#view = observeLease(this.#view, this.#lease.spec ?? {}, clock.monotonic());
      return true;
    } catch (error) {
      this.#lease = undefined;
      if (isConflict(error)) return false;
      throw error;
    }
  }
}
