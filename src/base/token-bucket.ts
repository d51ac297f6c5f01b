// Pure but for its count: how often something may happen in the long run, and how often at once. Who
// measures the time is the caller's business.

export type TokenBucketOptions = {
  /** How many tokens there are at first, and at most. */
  burst: number;
  /** A new token comes every so many milliseconds. */
  everyMs: number;
};

export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #tokens: number;
  #countedAt: number;

  /** Full at `now`; all times on one monotonic clock. */
  constructor(options: TokenBucketOptions, now: number) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#countedAt = now;
  }

  /** Takes a token if there is one. */
  take(now: number): boolean {
    this.#refill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes a token, also one that is yet to come: the milliseconds until it is there. */
  reserveMs(now: number): number {
    this.#refill(now);
    this.#tokens -= 1;
    return Math.max(0, -this.#tokens * this.#options.everyMs);
  }

  #refill(now: number): void {
    const { burst, everyMs } = this.#options;
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#countedAt) / everyMs);
    this.#countedAt = now;
  }
}
