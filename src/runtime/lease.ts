// Work that only one process may do at a time: leader election for the operator, and short actions for
// agents. Work gets a signal that is aborted before anybody else can take the Lease.

import { LeaseLock, type LeaseOptions } from "./lease-lock.ts";

export { decideLease, type LeaseDecision, type LeaseView } from "./lease-decide.ts";
export type { LeaseOptions } from "./lease-lock.ts";

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
    while (await this.#acquire(signal)) {
      log.info("leading", { lease: name, identity });
      const { lost } = await this.#lead(lead, signal);
      if (!lost) return;
      log.warn("lease lost", { lease: name, identity });
    }
  }

  // False after an abort.
  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { clock, log, name, retryPeriodMs = 2_000 } = this.#options;
    let waitingFor: string | undefined;
    while (!signal.aborted) {
      try {
        if (await this.#lock.tryHold({ create: true }, signal)) return true;
        const { holder } = this.#lock;
        if (waitingFor !== holder) log.info("waiting for the lease", { lease: name, holder });
        waitingFor = holder;
      } catch (error) {
        if (!signal.aborted) log.warn("lease not read", { lease: name, err: error });
      }
      // Spread, so that candidates do not ask in step.
      const waitMs = retryPeriodMs * (1 + clock.random() / 5);
      await clock.sleep(waitMs, signal).catch(() => {}); // the loop sees it
    }
    return false;
  }

  async #lead(
    lead: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<{ lost: boolean }> {
    const hold = this.#lock.keep({}, signal);
    try {
      await lead(hold.signal);
    } catch (error) {
      if (hold.signal.aborted) return await hold.end({});
      await hold.end({});
      throw error;
    }
    return await hold.end({});
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
  readonly #lock: LeaseLock;
  #busy = false;

  constructor(options: LeaseOptions) {
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
    const hold = this.#lock.keep(change, signal);
    let released: Promise<unknown> | undefined;
    return {
      signal: hold.signal,
      stillMine: () => released === undefined && this.#lock.held && !hold.signal.aborted,
      release: async () => {
        released ??= hold.end({ annotations: { [ACTION_ANNOTATION]: "" } });
        await released;
        this.#busy = false;
      },
    };
  }
}
