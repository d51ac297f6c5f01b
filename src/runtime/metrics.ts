// The figures of workqueues and controllers under the names that client-go and controller-runtime gave
// them, so that everybody's dashboards fit. Counts and times; decides nothing.

import type { Clock } from "../base/clock.ts";
import type { Counter, Gauge, Histogram, Labels, MetricRegistry } from "../base/metrics.ts";

export type MetricsOptions = { name: string; clock: Clock; metrics: MetricRegistry };

export class QueueMetrics {
  readonly #clock: Clock;
  readonly #labels: Labels;
  readonly #adds: Counter;
  readonly #retries: Counter;
  readonly #waited: Histogram;
  readonly #worked: Histogram;
  /** Since when (monotonic) each key waits, and since when it is worked on. */
  readonly #waiting = new Map<string, number>();
  readonly #working = new Map<string, number>();

  constructor({ name, clock, metrics }: MetricsOptions) {
    const by = ["name"];
    this.#clock = clock;
    this.#labels = { name };
    this.#adds = metrics.counter("workqueue_adds_total", "Keys that began to need work", by);
    this.#retries = metrics.counter("workqueue_retries_total", "Keys added for a later time", by);
    const histogram = (name: string, help: string) => metrics.histogram(name, help, by);
    this.#waited = histogram("workqueue_queue_duration_seconds", "From needing work to handed out");
    this.#worked = histogram("workqueue_work_duration_seconds", "From handed out to done");
    const gauge = (name: string, help: string) => metrics.gauge(name, help, by);
    const depth = gauge("workqueue_depth", "Keys that need work");
    const unfinished = gauge("workqueue_unfinished_work_seconds", "Sum of the ages of all work");
    const longest = gauge("workqueue_longest_running_processor_seconds", "Age of the oldest work");
    metrics.beforeRender(() => {
      const ages = [...this.#working.values()].map((at) => this.#secondsSince(at));
      depth.set(this.#labels, this.#waiting.size);
      unfinished.set(this.#labels, ages.reduce((sum, age) => sum + age, 0));
      longest.set(this.#labels, Math.max(0, ...ages));
    });
  }

  added(key: string): void {
    this.#adds.inc(this.#labels);
    this.#waiting.set(key, this.#clock.monotonic());
  }

  retried(): void {
    this.#retries.inc(this.#labels);
  }

  started(key: string): void {
    const addedAt = this.#waiting.get(key);
    this.#waiting.delete(key);
    this.#working.set(key, this.#clock.monotonic());
    if (addedAt !== undefined) this.#waited.observe(this.#labels, this.#secondsSince(addedAt));
  }

  finished(key: string): void {
    const startedAt = this.#working.get(key);
    this.#working.delete(key);
    if (startedAt !== undefined) this.#worked.observe(this.#labels, this.#secondsSince(startedAt));
  }

  #secondsSince(at: number): number {
    return (this.#clock.monotonic() - at) / 1000;
  }
}

/** How a reconcile ended; the last four are errors, of which three are counted apart too. */
export type ReconcileEnd =
  | "success"
  | "requeue_after"
  | "aborted"
  | "error"
  | "terminal"
  | "timeout"
  | "panic";

export class ReconcileMetrics {
  readonly #clock: Clock;
  readonly #labels: Labels;
  readonly #total: Counter;
  readonly #seconds: Histogram;
  readonly #active: Gauge;
  readonly #errors: Counter;
  readonly #special: Partial<Record<ReconcileEnd, Counter>>;
  readonly #restarts: Counter;
  #running = 0;

  constructor({ name, clock, metrics, workers }: MetricsOptions & { workers: number }) {
    const by = ["controller"];
    const counter = (name: string, help: string) => metrics.counter(name, help, by);
    this.#clock = clock;
    this.#labels = { controller: name };
    this.#total = metrics.counter("controller_runtime_reconcile_total", "Reconciles by result", [
      ...by,
      "result",
    ]);
    this.#errors = counter("controller_runtime_reconcile_errors_total", "Reconciles that failed");
    this.#special = {
      terminal: counter("controller_runtime_terminal_reconcile_errors_total", "Not repeated"),
      timeout: counter("controller_runtime_reconcile_timeouts_total", "Not ended in time"),
      panic: counter("controller_runtime_reconcile_panics_total", "Failed by a bug"),
    };
    for (const one of [this.#errors, ...Object.values(this.#special)]) one.inc(this.#labels, 0);
    const seconds = "controller_runtime_reconcile_time_seconds";
    this.#seconds = metrics.histogram(seconds, "Duration of reconciles", by);
    const active = "controller_runtime_active_workers";
    this.#active = metrics.gauge(active, "Reconciles in progress", by);
    this.#active.set(this.#labels, 0);
    const most = "controller_runtime_max_concurrent_reconciles";
    metrics.gauge(most, "Limit of reconciles in progress", by).set(this.#labels, workers);
    const restarts = "watch_restarts_total";
    this.#restarts = metrics.counter(restarts, "Watches opened again", [...by, "kind"]);
  }

  watchRestarted(kind: string): void {
    this.#restarts.inc({ ...this.#labels, kind });
  }

  /** A reconcile begins; the function is to be called when it has ended. */
  started(): (end: ReconcileEnd) => void {
    const startedAt = this.#clock.monotonic();
    this.#active.set(this.#labels, ++this.#running);
    return (end) => {
      this.#active.set(this.#labels, --this.#running);
      this.#seconds.observe(this.#labels, (this.#clock.monotonic() - startedAt) / 1000);
      const plain = end === "success" || end === "requeue_after" || end === "aborted";
      this.#total.inc({ ...this.#labels, result: plain ? end : "error" });
      if (!plain) this.#errors.inc(this.#labels);
      this.#special[end]?.inc(this.#labels);
    };
  }
}
