// Which keys need work, each at most once at a time. Knows nothing of what a key means. Methods are
// synchronous, so that no two workers can see a half-made change; only get() waits.

import { backoffDelay } from "../base/backoff.ts";
import type { Clock } from "../base/clock.ts";
import type { MetricRegistry } from "../base/metrics.ts";
import { WorkqueueMetrics } from "./workqueue-metrics.ts";

const RETRY = { baseMs: 5, maxMs: 1_000_000, jitter: 0 };

export class Workqueue {
  readonly #clock: Clock;
  readonly #metrics: WorkqueueMetrics;

  /** Keys to hand out, in the order of their first add. Every one is in dirty and none in processing. */
  #queue = new Set<string>();
  /** Keys that need work, whether or not somebody is at it just now. */
  #dirty = new Set<string>();
  /** Keys handed out and not yet done. One that is also in dirty is queued again by done(). */
  #processing = new Set<string>();

  /** When each delayed key is due (monotonic), and its timer; an earlier time replaces a later one. */
  #delayed = new Map<string, { dueAt: number; cancel: () => void }>();
  /** Consecutive failures by key; forget() removes them. */
  #failures = new Map<string, number>();
  #waiters: (() => void)[] = [];
  #shuttingDown = false;

  constructor(options: { name: string; clock: Clock; metrics: MetricRegistry }) {
    this.#clock = options.clock;
    this.#metrics = new WorkqueueMetrics(options);
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
    if (this.#processing.has(key)) return; // done() queues it
    this.#push(key);
  }

  /** add() after ms. Of several delays for one key only the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#shuttingDown) return;
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

  /** addAfter() a delay that doubles with every call since forget(): 5 ms up to 1000 s. */
  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#metrics.retried();
    this.addAfter(key, backoffDelay(failures, RETRY, () => this.#clock.random()));
  }

  /** The key is well: its next failure is the first again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, which the caller must give back with done(); undefined at shutdown or abort. */
  async get(signal: AbortSignal): Promise<string | undefined> {
    while (this.#queue.size === 0) {
      if (this.#shuttingDown || signal.aborted) return undefined;
      await this.#wait(signal);
    }
    const [key] = this.#queue;
    if (key === undefined || signal.aborted) return undefined;
    this.#queue.delete(key);
    this.#processing.add(key);
    this.#dirty.delete(key);
    this.#metrics.started(key);
    return key;
  }

  /** Work on the key has ended, well or not. */
  done(key: string): void {
    this.#processing.delete(key);
    this.#metrics.finished(key);
    if (this.#dirty.has(key)) this.#push(key);
  }

  /** Takes nothing more in; what is queued is still handed out, what is delayed is dropped. */
  shutDown(): void {
    this.#shuttingDown = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    for (const wake of this.#waiters.splice(0)) wake();
  }

  #push(key: string): void {
    this.#queue.add(key);
    this.#waiters.shift()?.();
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const abort = (): void => {
        this.#waiters = this.#waiters.filter((waiter) => waiter !== wake);
        wake();
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#waiters.push(wake);
    });
  }
}
