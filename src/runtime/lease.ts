// Work that only one process may do at a time: leading, for the operator, and short actions, for agents.
//
// A Lease is not a fence: its holder has to stop by itself before others may take it. So a hold counts from
// before its renewal was sent, ends earlier than others believe, and ends at once when the machine was
// suspended. It is kept over the client's own connection for that, always by resourceVersion.

import {
  type Clock,
  elapsedMs,
  formatMicroTime,
  type Moment,
  momentOf,
  startDeadline,
} from "../base/clock.ts";
import { abortReason } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { isAlreadyExists, isConflict } from "../kube/api-error.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Lease } from "../kube/object.ts";
import { leases } from "../kube/resource.ts";
import {
  type LeaseRecord,
  type LeaseView,
  mayHold,
  observeLease,
  renderHeld,
  renderReleased,
} from "./lease-record.ts";

export interface LeaseOptions {
  client: KubeClient;
  namespace: string;
  name: string;
  /** Unique among all who may hold it. */
  identity: string;
  /** Makes the Lease when it does not exist; agents have no right to that. */
  mayCreate?: boolean;
  clock: Clock;
  log: Logger;
  /** How long others wait after our last sign of life. */
  leaseDurationMs?: number;
  /** How long after the last successful renewal we still count it as ours; less than the above. */
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
}

/** A Lease that is ours until released or lost. */
export interface HeldLease {
  /** Aborted with the parent, and when the Lease is lost; what it protects must end at once. */
  readonly signal: AbortSignal;
  /** To be asked right before an irrevocable step. */
  stillMine(): boolean;
  /** Stops renewing and gives the Lease up, unless it was lost before. */
  release(): Promise<void>;
}

const DEFAULTS = {
  mayCreate: false,
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};
const JITTER_FACTOR = 1.2;
const ACTION_ANNOTATION = "mysql.oracle.com/action";

type Render = (record: LeaseRecord) => LeaseRecord;

export class LeaseLock {
  readonly #options: Required<LeaseOptions>;
  #view: LeaseView | undefined;
  /** When the renewal that counts was sent. */
  #sentAt: Moment | undefined;
  /** What it is wanted for, while it is held or asked for. */
  #action: string | undefined;

  /** @throws when the times do not leave room for each other. */
  constructor(options: LeaseOptions) {
    this.#options = { ...DEFAULTS, ...options, client: options.client.onLane("lease") };
    const { identity, leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options;
    const fit = leaseDurationMs > renewDeadlineMs &&
      renewDeadlineMs > JITTER_FACTOR * retryPeriodMs && retryPeriodMs > 0;
    if (!fit) {
      throw new Error(
        `lease times do not fit: duration ${leaseDurationMs} > renew deadline ${renewDeadlineMs} > 1.2 × retry period ${retryPeriodMs} ms`,
      );
    }
    if (identity === "") throw new Error(`lease ${options.name}: the identity is empty`);
  }

  /** Whether it is ours at this moment. To be asked right before anything that must not be done by two. */
  get held(): boolean {
    return this.#leftMs > 0;
  }

  /** Who holds it by the last look; empty when nobody. */
  get holder(): string {
    return this.#view?.lease.spec?.holderIdentity ?? "";
  }

  /** Waits for the Lease, then keeps it; undefined after an abort. */
  async acquire(signal: AbortSignal): Promise<HeldLease | undefined> {
    const { clock, log, name, retryPeriodMs } = this.#options;
    let waitingFor: string | undefined;
    while (!signal.aborted) {
      try {
        const held = await this.tryAcquire("lead", signal);
        if (held) return held;
        const { holder } = this;
        if (waitingFor !== holder) log.info("waiting for the lease", { lease: name, holder });
        waitingFor = holder;
      } catch (error) {
        if (!signal.aborted) log.warn("lease not read", { lease: name, err: error });
      }
      // Spread, so that candidates do not ask in step; little, so that a dead leader is followed soon.
      const waitMs = retryPeriodMs * (1 + clock.random() / 5);
      await clock.sleep(waitMs, signal).catch(() => {}); // the loop sees it
    }
    return undefined;
  }

  /**
   * Takes the Lease, noting for what, and renews it in the background; undefined when it is somebody
   * else's, or wanted by us already. Throws when nothing is known.
   */
  async tryAcquire(action: string, signal: AbortSignal): Promise<HeldLease | undefined> {
    if (this.#action !== undefined) return undefined;
    this.#action = action;
    let held: HeldLease | undefined;
    try {
      if (await this.#hold(signal)) held = this.#keep(signal);
      return held;
    } finally {
      if (!held) this.#action = undefined;
    }
  }

  get #leftMs(): number {
    const { clock, renewDeadlineMs } = this.#options;
    return this.#sentAt ? renewDeadlineMs - elapsedMs(clock, this.#sentAt) : 0;
  }

  #keep(parent: AbortSignal): HeldLease {
    const term = new AbortController();
    const ending = new AbortController();
    const stop = (): void => term.abort(parent.reason);
    if (parent.aborted) stop();
    parent.addEventListener("abort", stop, { once: true });
    const lost = abortReason(`the lease ${this.#options.name} was lost`);
    const renewed = this.#renew(ending.signal).then(() =>
      ending.signal.aborted || term.abort(lost)
    );
    let released: Promise<void> | undefined;
    // Renewed until here, also after the parent was aborted: nobody may begin while we wind up.
    const release = async (): Promise<void> => {
      ending.abort();
      parent.removeEventListener("abort", stop);
      await renewed;
      if (this.held) await this.#release();
      this.#action = undefined;
    };
    return {
      signal: term.signal,
      stillMine: () => released === undefined && this.held && !term.signal.aborted,
      release: () => released ??= release(),
    };
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { clock, log, name, retryPeriodMs } = this.#options;
    while (this.held && !signal.aborted) {
      await clock.sleep(Math.min(retryPeriodMs, this.#leftMs), signal).catch(() => {}); // seen below
      if (signal.aborted || !this.held) return;
      try {
        await this.#hold(signal);
      } catch (error) {
        if (!signal.aborted) log.warn("lease not renewed", { lease: name, err: error });
      }
    }
  }

  async #hold(parent: AbortSignal): Promise<boolean> {
    const { clock, identity, leaseDurationMs } = this.#options;
    const sentAt = momentOf(clock);
    const how = { time: formatMicroTime(sentAt.wall), leaseDurationMs };
    const wrote = await this.#write((record) => renderHeld(record, identity, how), parent);
    if (wrote) this.#sentAt = sentAt;
    return wrote;
  }

  // So that nobody has to wait. Best effort: it expires by itself.
  async #release(): Promise<void> {
    const { clock, log, name } = this.#options;
    this.#sentAt = undefined; // first: from now on somebody else may have it
    this.#action = "";
    const time = formatMicroTime(clock.now());
    await this.#write((record) => renderReleased(record, time), new AbortController().signal)
      .catch((error: unknown) => log.debug("lease not released", { lease: name, err: error }));
  }

  // Writes the record if that is allowed. Two such attempts fit into the time that a hold is valid.
  async #write(render: Render, parent: AbortSignal): Promise<boolean> {
    const { clock, identity, renewDeadlineMs } = this.#options;
    const halfMs = renewDeadlineMs / 2;
    // An answer that comes when the hold has ended is too late: its holder must be told in time.
    const limitMs = this.held ? Math.min(this.#leftMs, halfMs) : halfMs;
    const { signal, clear } = startDeadline(clock, limitMs, parent);
    try {
      // Ours and unchanged: one request instead of two. Whatever hinders it, looking tells.
      if (this.held && await this.#put(render, signal).catch(() => false)) return true;
      const view = await this.#look(signal);
      if (mayHold(view, identity, clock.monotonic())) return await this.#put(render, signal);
      this.#sentAt = undefined; // also if we held it: somebody took it from us
      return false;
    } finally {
      clear();
    }
  }

  async #look(signal: AbortSignal): Promise<LeaseView> {
    const { client, clock, mayCreate, namespace, name } = this.#options;
    const found = await client.of(leases).get({ namespace, name }, signal);
    if (!found && !mayCreate) throw new Error(`Lease ${namespace}/${name} does not exist`);
    const apiVersion = "coordination.k8s.io/v1";
    const lease = found ?? { apiVersion, kind: "Lease", metadata: { namespace, name } };
    return this.#view = observeLease(this.#view, lease, clock.monotonic());
  }

  // False when somebody else has written since we looked.
  async #put(render: Render, signal: AbortSignal): Promise<boolean> {
    const { client, clock } = this.#options;
    const { lease } = this.#view ?? await this.#look(signal);
    const annotations = { ...lease.metadata.annotations, [ACTION_ANNOTATION]: this.#action ?? "" };
    const metadata = { ...lease.metadata, annotations };
    const next: Lease = { ...lease, metadata, spec: render(lease.spec ?? {}) };
    try {
      const written = metadata.resourceVersion === undefined
        ? await client.of(leases).create(next, signal)
        : await client.of(leases).replace(next, {}, signal);
      this.#view = observeLease(this.#view, written, clock.monotonic());
      return true;
    } catch (error) {
      if (isConflict(error) || isAlreadyExists(error)) return false;
      throw error;
    }
  }
}
