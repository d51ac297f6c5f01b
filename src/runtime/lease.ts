// Work that only one process may do at a time: leading, for the operator, and short actions, for agents.
//
// A Lease is not a fence: its holder has to stop by itself before others may take it. So a hold counts from
// before its renewal was sent, ends earlier than others believe, and ends at once when the machine was
// suspended. It is kept over the client's own connection for that, always by resourceVersion. Another
// process's clock is never compared with ours: a holder is alive as long as its record keeps changing.

import { type Clock, formatMicroTime, startDeadline, stopwatch } from "../base/clock.ts";
import { abortReason } from "../base/errors.ts";
import { type Logger, newsOf } from "../base/log.ts";
import { isAlreadyExists, isConflict } from "../kube/api-error.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Lease } from "../kube/object.ts";
import { leases } from "../kube/resource.ts";

const DEFAULTS = {
  mayCreate: false, // makes the Lease when it does not exist; agents have no right to that
  leaseDurationMs: 15_000, // how long others wait after our last sign of life
  /** How long after the last successful renewal we still count it as ours; less than the above. */
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};
const ACTION_ANNOTATION = "mysql.oracle.com/action";

export type LeaseOptions = Partial<typeof DEFAULTS> & {
  client: KubeClient;
  namespace: string;
  name: string;
  identity: string; // unique among all who may hold it
  clock: Clock;
  log: Logger;
};

/** A Lease that is ours until released or lost. */
export interface HeldLease {
  /** Aborted when the Lease is lost: what it protects must end at once. */
  readonly lost: AbortSignal;
  /** To be asked right before an irrevocable step. */
  stillMine(): boolean;
  /** Stops renewing and gives the Lease up, unless it was lost before. */
  release(): Promise<void>;
}

type LeaseRecord = NonNullable<Lease["spec"]>;
type Render = (before: LeaseRecord) => LeaseRecord;

/** A Lease as last seen, and since when (our monotonic milliseconds) its record has looked like that. */
export type LeaseView = { readonly lease: Lease; readonly unchangedSince: number };

export class LeaseLock {
  readonly #options: Required<LeaseOptions>;
  #view: LeaseView | undefined;
  #sinceSent: (() => number) | undefined; // milliseconds since the renewal that counts was sent
  #action: string | undefined; // what it is wanted for, while it is held or asked for

  /** @throws when the times do not leave room for each other. */
  constructor(options: LeaseOptions) {
    this.#options = { ...DEFAULTS, ...options, client: options.client.onLane("lease") };
    const { identity, leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options;
    const longestMs = 1.2 * retryPeriodMs; // between two looks of acquire()
    if (leaseDurationMs <= renewDeadlineMs || renewDeadlineMs <= longestMs || retryPeriodMs <= 0) {
      const times = `duration ${leaseDurationMs} > renew deadline ${renewDeadlineMs}`;
      throw new Error(`lease times do not fit: ${times} > 1.2 × retry period ${retryPeriodMs} ms`);
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
    const isNews = newsOf(1);
    while (!signal.aborted) {
      const held = await this.tryAcquire("lead", signal).catch((error: unknown) => {
        if (!signal.aborted) log.warn("lease not read", { lease: name, err: error });
      });
      if (held) return held;
      const { holder } = this;
      if (holder && isNews(holder)) log.info("waiting for the lease", { lease: name, holder });
      // Spread, so that candidates do not ask in step; little, so that a dead leader is followed soon.
      const waitMs = retryPeriodMs * (1 + clock.random() / 5);
      await clock.sleep(waitMs, signal).catch(() => {}); // the loop sees it
    }
    return undefined;
  }

  /** Takes the Lease, noting for what, and renews it in the background. Throws when nothing is known. */
  async tryAcquire(action: string, signal: AbortSignal): Promise<HeldLease | undefined> {
    if (this.#action !== undefined) return undefined; // wanted by us already
    this.#action = action;
    let taken = false;
    try {
      taken = await this.#hold(signal);
      return taken ? this.#keep(signal) : undefined; // it is somebody else's
    } finally {
      if (!taken) this.#action = undefined;
    }
  }

  get #leftMs(): number {
    return this.#sinceSent ? this.#options.renewDeadlineMs - this.#sinceSent() : 0;
  }

  #keep(parent: AbortSignal): HeldLease {
    const { clock, log, name } = this.#options;
    const [lost, ending] = [new AbortController(), new AbortController()];
    const renewed = this.#renew(ending.signal).then(() => {
      if (!ending.signal.aborted) lost.abort(abortReason(`the lease ${name} was lost`));
    });
    // Renewed until here, also after the parent was aborted: nobody may begin while we wind up.
    const release = async (): Promise<void> => {
      ending.abort();
      await renewed;
      if (this.held) {
        this.#sinceSent = undefined; // first: from now on somebody else may have it
        this.#action = "";
        const time = formatMicroTime(clock.now());
        // Best effort: it expires by itself.
        await this.#write((before) => renderReleased(before, time)).catch((error: unknown) =>
          log.debug("lease not released", { lease: name, err: error })
        );
      }
      this.#action = undefined;
    };
    let released: Promise<void> | undefined;
    return {
      lost: lost.signal,
      stillMine: () => released === undefined && this.held && !parent.aborted,
      release: () => released ??= release(),
    };
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { clock, log, name, retryPeriodMs } = this.#options;
    while (this.held && !signal.aborted) {
      await clock.sleep(Math.min(retryPeriodMs, this.#leftMs), signal).catch(() => {}); // seen below
      if (signal.aborted || !this.held) return;
      await this.#hold(signal).catch((error: unknown) => {
        if (!signal.aborted) log.warn("lease not renewed", { lease: name, err: error });
      });
    }
  }

  async #hold(parent: AbortSignal): Promise<boolean> {
    const { clock, identity, leaseDurationMs: durationMs } = this.#options;
    const sinceSent = stopwatch(clock);
    const renewal = { identity, time: formatMicroTime(clock.now()), durationMs };
    const wrote = await this.#write((before) => renderHeld(before, renewal), parent);
    if (wrote) this.#sinceSent = sinceSent;
    return wrote;
  }

  // Writes the record if that is allowed. Two such attempts fit into the time that a hold is valid, and an
  // answer that comes when the hold has ended is too late: its holder must be told in time.
  async #write(render: Render, parent?: AbortSignal): Promise<boolean> {
    const { clock, identity, renewDeadlineMs } = this.#options;
    const limitMs = Math.min(renewDeadlineMs / 2, this.held ? this.#leftMs : Infinity);
    const { signal, clear } = startDeadline(clock, limitMs, parent);
    try {
      // Ours and unchanged: one request instead of two. Whatever hinders it, looking tells.
      if (this.held && await this.#put(render, signal).catch(() => false)) return true;
      const view = await this.#look(signal);
      if (mayHold(view, identity, clock.monotonic())) return await this.#put(render, signal);
      this.#sinceSent = undefined; // also if we held it: somebody took it from us
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

/** The view after reading a Lease: a record that looks the same has been so since before. */
export function observeLease(before: LeaseView | undefined, lease: Lease, now: number): LeaseView {
  const same = before && JSON.stringify(before.lease.spec) === JSON.stringify(lease.spec);
  return { lease, unchangedSince: same ? before.unchangedSince : now };
}

/** Whether `identity` may write itself into this Lease at `now`: ours, given up, or expired. */
export function mayHold(view: LeaseView, identity: string, now: number): boolean {
  const { holderIdentity = "", leaseDurationSeconds = 0 } = view.lease.spec ?? {};
  const free = holderIdentity === "" || holderIdentity === identity;
  return free || now >= view.unchangedSince + leaseDurationSeconds * 1000;
}

/** The record to write when we renew or take; `time` is the wall clock as MicroTime, for people. */
export function renderHeld(
  record: LeaseRecord,
  { identity, time, durationMs }: { identity: string; time: string; durationMs: number },
): LeaseRecord {
  const ours = record.holderIdentity === identity;
  return {
    ...record,
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    acquireTime: ours ? record.acquireTime ?? time : time,
    renewTime: time,
    leaseTransitions: ours ? record.leaseTransitions ?? 0 : (record.leaseTransitions ?? -1) + 1,
  };
}

/** The record to write when we give it up: nobody has to wait. */
export function renderReleased(record: LeaseRecord, time: string): LeaseRecord {
  return { ...record, holderIdentity: "", leaseDurationSeconds: 1, renewTime: time };
}
