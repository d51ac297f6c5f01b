// A controller's figures under their conventional names. Counts and times; decides nothing.

import type { Clock } from "../base/clock.ts";
import type { Counter, Gauge, Histogram, MetricRegistry } from "../base/metrics.ts";

export class ReconcileMetrics {
  readonly #labels: { controller: string };
  readonly #clock: Clock;
  readonly #total: Counter;
  readonly #seconds: Histogram;
  readonly #active: Gauge;
  readonly #restarts: Counter;
  #running = 0;

  constructor(
    metrics: MetricRegistry,
    { name, clock, workers }: { name: string; clock: Clock; workers: number },
  ) {
    this.#labels = { controller: name };
    this.#clock = clock;
    this.#total = metrics.counter("controller_runtime_reconcile_total", "Reconciles by result", [
      "controller",
      "result",
    ]);
    this.#seconds = metrics.histogram(
      "controller_runtime_reconcile_time_seconds",
      "Duration of reconciles",
      ["controller"],
    );
    this.#active = metrics.gauge("controller_runtime_active_workers", "Reconciles in progress", [
      "controller",
    ]);
    this.#restarts = metrics.counter(
      "watch_restarts_total",
      "Watches that had to be opened again",
      ["controller", "kind"],
    );
    metrics.gauge(
      "controller_runtime_max_concurrent_reconciles",
      "Limit of reconciles in progress",
      ["controller"],
    )
      .set(this.#labels, workers);
    this.#active.set(this.#labels, 0);
  }

  watchRestarted(kind: string): void {
    this.#restarts.inc({ ...this.#labels, kind });
  }

  started(): (result: string) => void {
    const startedAt = this.#clock.monotonic();
    this.#active.set(this.#labels, ++this.#running);
    return (result) => {
      this.#active.set(this.#labels, --this.#running);
      this.#total.inc({ ...this.#labels, result });
      this.#seconds.observe(this.#labels, (this.#clock.monotonic() - startedAt) / 1000);
    };
  }
}
