// Which keys need work, each at most once at a time: client-go's queue with its delays and default rate
// limits. Knows nothing of what a key means. Methods are synchronous, so that no two workers can see a
// half-made change; only the promise of get() waits.

import { backoffDelay } from "../base/backoff.ts";
import type { Clock } from "../base/clock.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import { type MetricsOptions, queueMetrics } from "./metrics.ts";

const RETRY = { baseMs: 5, maxMs: 1_000_000, jitter: 0 };
// All keys together: after the first hundred, ten retries a second.
const OVERALL = { burst: 100, everyMs: 100 };

export class Workqueue {
  readonly #clock: Clock;
  readonly #metrics: ReturnType<typeof queueMetrics>;
  readonly #overall: TokenBucket;
  /** Keys that need work, and since when; their order is the queue. Whoever is being worked on is passed over. */
  readonly #dirty = new Map<string, number>();
  readonly #processing = new Map<string, number>(); // keys handed out and not done, since when
  /** When each delayed key is due (monotonic), and its timer; an earlier time replaces a later one. */
  readonly #delayed = new Map<string, { dueAt: number; cancel: () => void }>();
  readonly #failures = new Map<string, number>(); // in a row, by key; forget() removes them
  readonly #waiters: ((key: string | undefined) => void)[] = []; // who waits for a key
  readonly #drained = Promise.withResolvers<void>();
  #shuttingDown = false;

  constructor(options: MetricsOptions) {
    this.#clock = options.clock;
    this.#metrics = queueMetrics(options, { waiting: this.#dirty, working: this.#processing });
    this.#overall = new TokenBucket(OVERALL, options.clock.monotonic());
  }

  /** The key needs work from now on. Adding it again before it is handed out changes nothing. */
  add(key: string): void {
    if (this.#shuttingDown || this.#dirty.has(key)) return;
    this.#dirty.set(key, this.#clock.monotonic());
    this.#metrics.added();
    this.#serve();
  }

  /** add() after ms. Of several delays for one key only the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#shuttingDown) return;
    this.#metrics.retried();
    if (ms <= 0) return this.add(key);
    const dueAt = this.#clock.monotonic() + ms;
    const known = this.#delayed.get(key);
    if (known && known.dueAt <= dueAt) return;
    known?.cancel();
    const cancel = this.#clock.setTimer(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueAt, cancel });
  }

  /** addAfter() a delay that doubles with every call since forget(), 5 ms up to 1000 s, or OVERALL's. */
  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const ownMs = backoffDelay(failures, RETRY, () => 0);
    this.addAfter(key, Math.max(ownMs, this.#overall.reserveMs(this.#clock.monotonic())));
  }

  /** The key is well: its next failure is the first again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, which the caller must give back with done(); undefined when all is over. */
  get(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#serve();
    });
  }

  /** Work on the key has ended, well or not. */
  done(key: string): void {
    this.#metrics.finished(key);
    this.#processing.delete(key);
    const again = this.#dirty.get(key);
    if (again !== undefined) {
      this.#dirty.delete(key); // it goes to the end
      this.#dirty.set(key, again);
    }
    this.#serve();
  }

  /** Takes nothing more in, drops what is delayed. Resolves when what was queued has been given back. */
  shutDown(): Promise<void> {
    this.#shuttingDown = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#serve();
    return this.#drained.promise;
  }

  // The only place where keys meet those who wait for them.
  #serve(): void {
    for (const key of this.#dirty.keys()) {
      if (this.#processing.has(key)) continue; // done() comes back here
      const waiter = this.#waiters.shift();
      if (!waiter) return;
      this.#metrics.started(key);
      this.#dirty.delete(key);
      this.#processing.set(key, this.#clock.monotonic());
      waiter(key);
    }
    if (!this.#shuttingDown) return;
    for (const waiter of this.#waiters.splice(0)) waiter(undefined);
    if (this.#dirty.size + this.#processing.size === 0) this.#drained.resolve();
  }
}
