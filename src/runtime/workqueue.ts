// Which keys need work, each at most once at a time: client-go's queue with its three sets, delays and
// default rate limits. Knows nothing of what a key means. Methods are synchronous, so that no two workers
// can see a half-made change; only the promise of get() waits.

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

  /** Keys to hand out, in the order of their first add. Every one is in dirty and none in processing. */
  readonly #queue = new Set<string>();
  /** Keys that need work, whether or not somebody is at it just now. */
  readonly #dirty = new Set<string>();
  /** Keys handed out and not yet done. One that is also in dirty is queued again by done(). */
  readonly #processing = new Set<string>();

  /** When each delayed key is due (monotonic), and its timer; an earlier time replaces a later one. */
  readonly #delayed = new Map<string, { dueAt: number; cancel: () => void }>();
  /** Consecutive failures by key; forget() removes them. */
  readonly #failures = new Map<string, number>();
  /** Who waits for a key. Only ever somebody while the queue is empty. */
  readonly #waiters: ((key: string | undefined) => void)[] = [];
  readonly #drained = Promise.withResolvers<void>();
  #shuttingDown = false;

  constructor(options: MetricsOptions) {
    this.#clock = options.clock;
    this.#metrics = queueMetrics(options);
    this.#overall = new TokenBucket(OVERALL, options.clock.monotonic());
  }

  /** Keys ready to be handed out. */
  get length(): number {
    return this.#queue.size;
  }

  /** The key needs work from now on. Adding it again before it is handed out changes nothing. */
  add(key: string): void {
    if (this.#shuttingDown || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    this.#metrics.added(key);
    if (!this.#processing.has(key)) this.#push(key); // otherwise done() does
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
    const [key] = this.#queue;
    if (key !== undefined) return Promise.resolve(this.#handOut(key));
    if (this.#shuttingDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Work on the key has ended, well or not. */
  done(key: string): void {
    this.#processing.delete(key);
    this.#metrics.finished(key);
    if (this.#dirty.has(key)) this.#push(key);
    this.#noteDrained();
  }

  /**
   * Takes nothing more in; what is delayed is dropped, what is queued is still handed out. Resolves when
   * everything has been given back.
   */
  shutDown(): Promise<void> {
    this.#shuttingDown = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    for (const waiter of this.#waiters.splice(0)) waiter(undefined);
    this.#noteDrained();
    return this.#drained.promise;
  }

  #push(key: string): void {
    this.#queue.add(key);
    this.#waiters.shift()?.(this.#handOut(key));
  }

  #handOut(key: string): string {
    this.#queue.delete(key);
    this.#processing.add(key);
    this.#dirty.delete(key);
    this.#metrics.started(key);
    return key;
  }

  #noteDrained(): void {
    const left = this.#queue.size + this.#processing.size;
    if (this.#shuttingDown && left === 0) this.#drained.resolve();
  }
}
