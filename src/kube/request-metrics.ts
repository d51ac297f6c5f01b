// The client's metrics under client-go's names. One observation per exchange: a repeated request counts
// as often as it was sent, and a watch until its answer begins.

import type { MetricRegistry } from "../base/metrics.ts";

/** `code` is undefined when no answer came. */
export type ObserveRequest = (method: string, code: number | undefined, seconds: number) => void;

export function requestMetrics(registry: MetricRegistry, host: string): ObserveRequest {
  const help = "Requests to the API server, by status code, method and host.";
  const total = registry.counter("rest_client_requests_total", help, ["code", "method", "host"]);
  const duration = registry.histogram(
    "rest_client_request_duration_seconds",
    "From sending a request to the beginning of its answer, by method and host.",
    ["verb", "host"],
  );
  return (method, code, seconds) => {
    total.inc({ code: String(code ?? "<error>"), method, host });
    duration.observe({ verb: method, host }, seconds);
  };
}
