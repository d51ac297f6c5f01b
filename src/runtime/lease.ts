// Work that only one process may do at a time: leader election for the operator, and short actions for
// agents. Work gets a signal that is aborted before anybody else can take the Lease.

import { startDeadline } from "../base/clock.ts";
import { LeaseLock, type LeaseOptions, LOST } from "./lease-lock.ts";

export { decideLease, type LeaseDecision, type LeaseView } from "./lease-decide.ts";
export { LeaseLock, type LeaseOptions } from "./lease-lock.ts";

const RELEASE_MS = 5_000;

/** Leader election. */
export class LeaseHolder {
  readonly #options: LeaseOptions;
  readonly #lock: LeaseLock;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#lock = new LeaseLock(options);
  }

  /** Whether we lead at this moment. */
  get leading(): boolean {
    return this.#lock.held;
  }

  /**
   * Waits for the Lease, then calls lead with a signal that is aborted when it is lost, and begins again
   * after lead has ended. Returns after an abort (or when lead returns while leading), with the Lease
   * given up; throws what lead throws.
   */
  async run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { log, name, identity } = this.#options;
    while (!signal.aborted) {
      if (!await this.#acquire(signal)) return;
      log.info("leading", { lease: name, identity });
      const lost = await this.#lead(lead, signal);
      if (!lost) return;
      log.warn("lease lost", { lease: name, identity });
    }
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { clock, log, name, retryPeriodMs = 2_000 } = this.#options;
    let waitingFor: string | undefined;
    while (!signal.aborted) {
      try {
        if (await this.#lock.tryHold({ create: true }, signal)) return true;
        if (waitingFor !== this.#lock.holder) {
          log.info("waiting for the lease", { lease: name, holder: this.#lock.holder });
        }
        waitingFor = this.#lock.holder;
      } catch (error) {
        if (!signal.aborted) log.warn("lease not read", { lease: name, err: error });
      }
      // Spread, so that candidates do not ask in step.
      await clock.sleep(retryPeriodMs * (1 + clock.random() / 5), signal).catch(() => {}); // the loop sees it
    }
    return false;
  }

  // True when the Lease was lost while lead was at work.
  async #lead(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<boolean> {
    const term = new AbortController();
    const ended = new AbortController();
    const stop = (): void => term.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    // Renewed until lead has ended: nobody may begin while it still winds up.
    const kept = this.#lock.keep({}, ended.signal).then(() => {
      if (ended.signal.aborted) return false;
      term.abort(LOST(this.#options.name));
      return true;
    });
    try {
      await lead(term.signal);
    } catch (error) {
      if (!term.signal.aborted) throw error;
    } finally {
      ended.abort();
      signal.removeEventListener("abort", stop);
      await kept;
      await this.#release();
    }
    return await kept;
  }

  async #release(): Promise<void> {
    const deadline = startDeadline(this.#options.clock, RELEASE_MS, new AbortController().signal);
    await this.#lock.release({}, deadline.signal);
    deadline.clear();
  }
}

/** A Lease that is ours until released or lost. */
export interface HeldLease {
  /** Aborted when the Lease is lost; what it protects must end at once. */
  readonly signal: AbortSignal;
  /** To be asked right before an irrevocable step. */
  stillMine(): boolean;
  release(): Promise<void>;
}

const ACTION_ANNOTATION = "mysql.oracle.com/action";

/** A Lease for short actions. The object must exist: holders may only read and update it. */
export class ActionLease {
  readonly #options: LeaseOptions;
  readonly #lock: LeaseLock;
  #busy = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#lock = new LeaseLock(options);
  }

  /** Who holds it by the last look; empty when nobody. */
  get holder(): string {
    return this.#lock.holder;
  }

  /** Holds the Lease for an action, renewing it in the background; undefined when it is somebody else's. */
  async tryAcquire(action: string, signal: AbortSignal): Promise<HeldLease | undefined> {
    if (this.#busy) return undefined;
    this.#busy = true;
    const change = { annotations: { [ACTION_ANNOTATION]: action } };
    try {
      if (await this.#lock.tryHold(change, signal)) return this.#hold(change, signal);
    } catch (error) {
      this.#busy = false;
      throw error;
    }
    this.#busy = false;
    return undefined;
  }

  #hold(change: { annotations: Record<string, string> }, signal: AbortSignal): HeldLease {
    const term = new AbortController();
    const ended = new AbortController();
    const stop = (): void => term.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    const kept = this.#lock.keep(change, ended.signal).then(() => {
      if (!ended.signal.aborted) term.abort(LOST(this.#options.name));
    });
    return {
      signal: term.signal,
      stillMine: () => this.#lock.held && !term.signal.aborted,
      release: async () => {
        if (ended.signal.aborted) return;
        ended.abort();
        signal.removeEventListener("abort", stop);
        await kept;
        const deadline = startDeadline(
          this.#options.clock,
          RELEASE_MS,
          new AbortController().signal,
        );
        await this.#lock.release({ annotations: { [ACTION_ANNOTATION]: "" } }, deadline.signal);
        deadline.clear();
        this.#busy = false;
      },
    };
  }
}
