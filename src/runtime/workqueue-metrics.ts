// A workqueue's figures under their conventional names. Knows when keys came and went; decides nothing.

import type { Clock } from "../base/clock.ts";
import type { Counter, Histogram, Labels, MetricRegistry } from "../base/metrics.ts";

export class WorkqueueMetrics {
  readonly #clock: Clock;
  readonly #labels: Labels;
  readonly #adds: Counter;
  readonly #retries: Counter;
  readonly #waited: Histogram;
  readonly #worked: Histogram;
  readonly #addedAt = new Map<string, number>();
  readonly #startedAt = new Map<string, number>();

  constructor({ name, clock, metrics }: { name: string; clock: Clock; metrics: MetricRegistry }) {
    this.#clock = clock;
    this.#labels = { name };
    this.#adds = metrics.counter("workqueue_adds_total", "Keys that began to need work", ["name"]);
    this.#retries = metrics.counter("workqueue_retries_total", "Keys put back after a failure", [
      "name",
    ]);
    this.#waited = metrics.histogram(
      "workqueue_queue_duration_seconds",
      "From needing work to being handed out",
      ["name"],
    );
    this.#worked = metrics.histogram(
      "workqueue_work_duration_seconds",
      "From being handed out to done",
      ["name"],
    );
    const depth = metrics.gauge("workqueue_depth", "Keys that need work", ["name"]);
    const unfinished = metrics.gauge(
      "workqueue_unfinished_work_seconds",
      "Sum of the ages of all work in progress",
      ["name"],
    );
    const longest = metrics.gauge(
      "workqueue_longest_running_processor_seconds",
      "Age of the oldest work in progress",
      ["name"],
    );
    metrics.beforeRender(() => {
      const ages = [...this.#startedAt.values()].map((at) => this.#secondsSince(at));
      depth.set(this.#labels, this.#addedAt.size);
      unfinished.set(this.#labels, ages.reduce((sum, age) => sum + age, 0));
      longest.set(this.#labels, Math.max(0, ...ages));
    });
  }

  added(key: string): void {
    this.#adds.inc(this.#labels);
    this.#addedAt.set(key, this.#clock.monotonic());
  }

  retried(): void {
    this.#retries.inc(this.#labels);
  }

  started(key: string): void {
    const addedAt = this.#addedAt.get(key);
    this.#addedAt.delete(key);
    this.#startedAt.set(key, this.#clock.monotonic());
    if (addedAt !== undefined) this.#waited.observe(this.#labels, this.#secondsSince(addedAt));
  }

  finished(key: string): void {
    const startedAt = this.#startedAt.get(key);
    this.#startedAt.delete(key);
    if (startedAt !== undefined) this.#worked.observe(this.#labels, this.#secondsSince(startedAt));
  }

  #secondsSince(at: number): number {
    return (this.#clock.monotonic() - at) / 1000;
  }
}
