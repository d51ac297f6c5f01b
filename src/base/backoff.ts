// Pure: how long to wait before attempt n. Randomness is a parameter; who counts attempts and when the
// count starts again is the caller's business.

/** baseMs doubles with every attempt up to maxMs; jitter 0.5 adds up to half of that again. */
export type BackoffOptions = { baseMs: number; maxMs: number; jitter: number };

/** Delay in milliseconds before retry number `attempt` (0 is the first), never above maxMs × (1 + jitter). */
export function backoffDelay(
  attempt: number,
  options: BackoffOptions,
  random: () => number,
): number {
  // 2 ** 1024 is Infinity, which Math.min handles; a negative attempt counts as the first.
  const delayMs = Math.min(options.maxMs, options.baseMs * 2 ** Math.max(0, attempt));
  return Math.round(delayMs * (1 + options.jitter * random()));
}
