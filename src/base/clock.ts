// The only file that touches time, timers and randomness. Everything else takes a Clock (loops) or a
// plain number (pure functions), so that tests decide what time it is. Wall-clock times are milliseconds
// since 1970 and end in At; durations end in Ms; monotonic() is for measuring, never for showing.

/** Time, timers and randomness as one injectable port. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump. */
  now(): number;
  /** Milliseconds from an arbitrary start. Never goes back. */
  monotonic(): number;
  /** Uniform in [0, 1). Not for secrets. */
  random(): number;
  /** Resolves after ms; rejects with signal.reason as soon as the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls run once after ms and keeps the process alive until then. Returns the cancel function. */
  setTimer(ms: number, run: () => void): () => void;
}

// setTimeout fires at once for anything longer than 31 bits.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function setTimer(ms: number, run: () => void): () => void {
  let handle: ReturnType<typeof setTimeout>;
  const arm = (leftMs: number): void => {
    const stepMs = Math.min(Math.max(leftMs, 0), LONGEST_TIMER_MS);
    handle = setTimeout(() => leftMs > stepMs ? arm(leftMs - stepMs) : run(), stepMs);
  };
  arm(ms);
  return () => clearTimeout(handle);
}

/** sleep() for any clock that has timers. */
export function sleepWith(
  timer: Clock["setTimer"],
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = timer(ms, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** The real time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  sleep: (ms, signal) => sleepWith(setTimer, ms, signal),
  setTimer,
};

/** A signal that follows its parent, if it has one, and is also aborted, with a TimeoutError, after ms. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** True once the time is up (and not when only the parent was aborted). */
  readonly expired: boolean;
  /** From now on, ms are left. */
  restart(ms: number): void;
  /** The time no longer counts; the signal still follows its parent. */
  disarm(): void;
  /** Must be called when the work is done: releases the timer and the parent. */
  clear(): void;
}

/** Starts a deadline. Written by hand because AbortSignal.any keeps every child of a long-lived parent. */
export function startDeadline(clock: Clock, ms: number, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  const follow = (): void => controller.abort(parent?.reason);
  let expired = false;
  let cancel = (): void => {};
  const restart = (leftMs: number): void => {
    cancel();
    cancel = clock.setTimer(leftMs, () => {
      expired = true;
      parent?.removeEventListener("abort", follow);
      controller.abort(new DOMException(`no answer within ${leftMs} ms`, "TimeoutError"));
    });
  };
  restart(ms);
  if (parent?.aborted) follow();
  else parent?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    restart,
    disarm: () => cancel(),
    clear() {
      cancel();
      parent?.removeEventListener("abort", follow);
    },
  };
}

// The wall clock is also set, but by small steps.
const LARGEST_STEP_MS = 2_000;

/**
 * Starts to measure; what it returns gives the milliseconds since then, Infinity when the machine seems to
 * have been suspended meanwhile, because the monotonic clock stands still then.
 */
export function stopwatch(clock: Clock): () => number {
  const [startedAt, wallAt] = [clock.monotonic(), clock.now()];
  return () => {
    const ms = clock.monotonic() - startedAt;
    return clock.now() - wallAt - ms < LARGEST_STEP_MS ? ms : Infinity;
  };
}

/** Resolves when the signal is aborted, at once if it has been. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The promise's outcome, or the signal's reason if that comes first. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** Calls run in the next turn of the event loop, after everything that is already due. */
export function nextTurn(run: () => void): void {
  setImmediate(run);
}

/** RFC 3339 with seconds, as Kubernetes writes metav1.Time: 2026-01-02T03:04:05Z. */
export function formatTime(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}

/** RFC 3339 with microseconds, as metav1.MicroTime needs it. */
export function formatMicroTime(at: number): string {
  return new Date(at).toISOString().replace(/Z$/, "000Z");
}

/** Milliseconds since 1970 of an RFC 3339 text; undefined when it is none. */
export function parseTime(text: string | undefined): number | undefined {
  const at = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
