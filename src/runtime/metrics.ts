// The figures of workqueues and controllers under the names that client-go and controller-runtime gave
// them, so that everybody's dashboards fit. Counts and times; decides nothing.

import type { Clock } from "../base/clock.ts";
import type { MetricRegistry } from "../base/metrics.ts";

export type MetricsOptions = { name: string; clock: Clock; metrics: MetricRegistry };

/** Notes when keys are added, handed out and done. */
export function queueMetrics({ name, clock, metrics }: MetricsOptions) {
  const [labels, by] = [{ name }, ["name"]];
  const histogram = (name: string, help: string) => metrics.histogram(name, help, by);
  const adds = metrics.counter("workqueue_adds_total", "Keys that began to need work", by);
  const retries = metrics.counter("workqueue_retries_total", "Keys added for a later time", by);
  const waited = histogram("workqueue_queue_duration_seconds", "From needing work to handed out");
  const worked = histogram("workqueue_work_duration_seconds", "From handed out to done");
  const gauge = (name: string, help: string) => metrics.gauge(name, help, by);
  const depth = gauge("workqueue_depth", "Keys that need work");
  const unfinished = gauge("workqueue_unfinished_work_seconds", "Sum of the ages of all work");
  const longest = gauge("workqueue_longest_running_processor_seconds", "Age of the oldest work");
  // Since when (monotonic) each key waits, and since when it is worked on.
  const [waiting, working] = [new Map<string, number>(), new Map<string, number>()];
  const secondsSince = (at = NaN): number => (clock.monotonic() - at) / 1000;
  metrics.beforeRender(() => {
    const ages = [...working.values()].map(secondsSince);
    depth.set(labels, waiting.size);
    unfinished.set(labels, ages.reduce((sum, age) => sum + age, 0));
    longest.set(labels, Math.max(0, ...ages));
  });
  return {
    added(key: string): void {
      adds.inc(labels);
      waiting.set(key, clock.monotonic());
    },
    retried: (): void => retries.inc(labels),
    started(key: string): void {
      waited.observe(labels, secondsSince(waiting.get(key)));
      waiting.delete(key);
      working.set(key, clock.monotonic());
    },
    finished(key: string): void {
      worked.observe(labels, secondsSince(working.get(key)));
      working.delete(key);
    },
  };
}

type Failure = "error" | "terminal" | "timeout" | "panic";
/** How a reconcile ended. */
export type ReconcileEnd = Failure | "success" | "requeue_after" | "aborted";

/** Returns what is to be called when a reconcile begins; that returns what is to be called at its end. */
export function reconcileMetrics(
  { name, clock, metrics, workers }: MetricsOptions & { workers: number },
): () => (end: ReconcileEnd) => void {
  const [labels, by] = [{ controller: name }, ["controller"]];
  const counter = (name: string, help: string) => metrics.counter(name, help, by);
  const gauge = (name: string, help: string) => metrics.gauge(name, help, by);
  const results = [...by, "result"];
  const total = metrics.counter("controller_runtime_reconcile_total", "By result", results);
  const errors = counter("controller_runtime_reconcile_errors_total", "Reconciles that failed");
  const special: { [End in ReconcileEnd]?: typeof errors } = {
    terminal: counter("controller_runtime_terminal_reconcile_errors_total", "Not repeated"),
    timeout: counter("controller_runtime_reconcile_timeouts_total", "Not ended in time"),
    panic: counter("controller_runtime_reconcile_panics_total", "Failed by a bug"),
  };
  for (const one of [errors, ...Object.values(special)]) one.inc(labels, 0);
  const seconds = metrics.histogram("controller_runtime_reconcile_time_seconds", "Duration", by);
  gauge("controller_runtime_max_concurrent_reconciles", "Most at once").set(labels, workers);
  const active = gauge("controller_runtime_active_workers", "Reconciles in progress");
  let running = 0;
  active.set(labels, running);
  return () => {
    const startedAt = clock.monotonic();
    active.set(labels, ++running);
    return (end) => {
      active.set(labels, --running);
      seconds.observe(labels, (clock.monotonic() - startedAt) / 1000);
      const failed = end !== "success" && end !== "requeue_after" && end !== "aborted";
      total.inc({ ...labels, result: failed ? "error" : end });
      if (failed) errors.inc(labels);
      special[end]?.inc(labels);
    };
  };
}
