// The figures of workqueues and controllers under the names that client-go and controller-runtime gave
// them, so that everybody's dashboards fit. Counts and times; decides nothing.

import type { Clock } from "../base/clock.ts";
import type { MetricRegistry } from "../base/metrics.ts";

export type MetricsOptions = { name: string; clock: Clock; metrics: MetricRegistry };
/** Since when (monotonic) each key waits, or is worked on. */
export type KeysSince = Record<"waiting" | "working", ReadonlyMap<string, number>>;

/** Notes when keys are added, handed out and done. */
export function queueMetrics({ name, clock, metrics }: MetricsOptions, keys: KeysSince) {
  const { counter, gauge, histogram } = metrics.labelled({ name });
  const waited = histogram("workqueue_queue_duration_seconds", "From needing work to handed out");
  const worked = histogram("workqueue_work_duration_seconds", "From handed out to done");
  const depth = gauge("workqueue_depth", "Keys that need work");
  const unfinished = gauge("workqueue_unfinished_work_seconds", "Sum of the ages of all work");
  const longest = gauge("workqueue_longest_running_processor_seconds", "Age of the oldest work");
  const secondsSince = (at: number): number => (clock.monotonic() - at) / 1000;
  metrics.beforeRender(() => {
    const ages = [...keys.working.values()].map(secondsSince);
    depth(keys.waiting.size);
    unfinished(ages.reduce((sum, age) => sum + age, 0));
    longest(Math.max(0, ...ages));
  });
  return {
    added: counter("workqueue_adds_total", "Keys that began to need work"),
    retried: counter("workqueue_retries_total", "Keys added for a later time"),
    started: (key: string): void => waited(secondsSince(keys.waiting.get(key) ?? NaN)),
    finished: (key: string): void => worked(secondsSince(keys.working.get(key) ?? NaN)),
  };
}

/** How a reconcile ended. */
export type ReconcileEnd = "success" | "requeue_after" | "aborted" | Failure;
type Failure = "error" | "terminal" | "timeout" | "panic";

/** Returns what is to be called when a reconcile begins; that returns what is to be called at its end. */
export function reconcileMetrics(
  { name, clock, metrics, workers }: MetricsOptions & { workers: number },
): () => (end: ReconcileEnd) => void {
  const { counter, gauge, histogram } = metrics.labelled({ controller: name });
  const by = ["controller", "result"];
  const total = metrics.counter("controller_runtime_reconcile_total", "By result", by);
  const failed = counter("controller_runtime_reconcile_errors_total", "Reconciles that failed");
  const failures: Record<Failure, () => void> = {
    error: () => {},
    terminal: counter("controller_runtime_terminal_reconcile_errors_total", "Not repeated"),
    timeout: counter("controller_runtime_reconcile_timeouts_total", "Not ended in time"),
    panic: counter("controller_runtime_reconcile_panics_total", "Failed by a bug"),
  };
  const seconds = histogram("controller_runtime_reconcile_time_seconds", "Duration");
  gauge("controller_runtime_max_concurrent_reconciles", "Most at once")(workers);
  const active = gauge("controller_runtime_active_workers", "Reconciles in progress");
  let running = 0;
  active(running);
  return () => {
    const startedAt = clock.monotonic();
    active(++running);
    return (end) => {
      active(--running);
      seconds((clock.monotonic() - startedAt) / 1000);
      const isFailure = end in failures;
      total.inc({ controller: name, result: isFailure ? "error" : end });
      if (isFailure) failed();
      failures[end as Failure]?.();
    };
  };
}
