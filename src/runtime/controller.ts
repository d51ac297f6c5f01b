// The loop around a reconcile function: changed objects → keys → workqueue → workers. Level-triggered: a
// worker gets a key and looks at the stores, never an event. Workers begin once every store is whole. The
// whole retry policy is afterReconcile(); nothing else in the program repeats on failure.

import { type Clock, startDeadline, untilAborted } from "../base/clock.ts";
import { describeError, isAbort, TerminalError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { MetricRegistry } from "../base/metrics.ts";
import type { KubeClient } from "../kube/client.ts";
import type { KubeObject } from "../kube/object.ts";
import type { ResourceType } from "../kube/resource.ts";
import type { Store } from "../kube/store.ts";
import { type ReconcileEnd, ReconcileMetrics } from "./metrics.ts";
import { type Source, Sources } from "./sources.ts";
import { Workqueue } from "./workqueue.ts";

export type ReconcileResult = { requeueAfterMs?: number };

export interface ControllerOptions {
  name: string;
  /** How many keys are worked on at once. */
  workers: number;
  client: KubeClient;
  sources: readonly Source[];
  /** Workers wait for this too, e.g. until this replica leads; the stores are filled meanwhile. */
  mayBegin?: Promise<void>;
  /** Makes the world right for one key. Throws to be called again later. */
  reconcile(
    key: string,
    context: { log: Logger; reason: string },
    signal: AbortSignal,
  ): Promise<ReconcileResult>;
  /** After this long a reconcile is aborted and no longer waited for. */
  reconcileTimeoutMs?: number;
  log: Logger;
  clock: Clock;
  metrics: MetricRegistry;
}

/** expired: it was aborted because its time was up. */
export type Outcome =
  | { ok: true; result: ReconcileResult }
  | { ok: false; error: unknown; expired: boolean };

/** What happens to a key next: nothing, again after growing delays, never mind, or at a set time. */
export function afterReconcile(
  outcome: Outcome,
): "forget" | "backoff" | "drop" | { afterMs: number } {
  if (!outcome.ok) return outcome.error instanceof TerminalError ? "drop" : "backoff";
  const { requeueAfterMs } = outcome.result;
  return requeueAfterMs === undefined ? "forget" : { afterMs: requeueAfterMs };
}

export class Controller {
  readonly #options: ControllerOptions;
  readonly #log: Logger;
  readonly #queue: Workqueue;
  readonly #sources: Sources;
  /** Why each waiting key was added; the first reason wins. */
  readonly #reasons = new Map<string, string>();
  readonly #metrics: ReconcileMetrics;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#log = options.log.with({ controller: options.name });
    this.#queue = new Workqueue(options);
    const metrics = this.#metrics = new ReconcileMetrics(options);
    this.#sources = new Sources({
      ...options,
      log: this.#log,
      onRestart: (kind) => metrics.watchRestarted(kind),
      enqueue: (key, reason) => this.enqueue(key, reason),
    });
  }

  /** Kinds whose store does not hold a whole state yet: none when the controller is ready to work. */
  get missing(): string[] {
    return this.#sources.missing;
  }

  /** The store of a watched type. */
  store<T extends KubeObject>(type: ResourceType<T>): Store<T> {
    const store = this.#sources.store(type);
    if (!store) throw new Error(`controller ${this.#options.name} does not watch ${type.kind}`);
    return store;
  }

  /** Asks for a key to be reconciled for a reason that no watch knows of. */
  enqueue(key: string, reason: string): void {
    if (!this.#reasons.has(key)) this.#reasons.set(key, reason);
    this.#queue.add(key);
  }

  /** Works until the signal is aborted and the work in progress has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { mayBegin, workers } = this.#options;
    const stopped = untilAborted(signal);
    const watches = this.#sources.run(signal);
    await Promise.race([this.#sources.synced, stopped]);
    if (!signal.aborted) this.#log.info("stores filled");
    await Promise.race([mayBegin, stopped]);
    if (!signal.aborted) this.#log.info("controller started", { workers });
    for (let worker = 0; worker < workers; worker++) void this.#work(signal);
    await stopped;
    await Promise.all([watches, this.#queue.shutDown()]);
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let key = await this.#queue.get(); key !== undefined; key = await this.#queue.get()) {
      // After the end whatever is left is only given back.
      if (!signal.aborted) await this.#reconcile(key, signal);
      this.#queue.done(key);
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const reason = this.#reasons.get(key) ?? "due";
    this.#reasons.delete(key);
    const log = this.#log.with({ key });
    log.debug("reconcile started", { reason });
    const finished = this.#metrics.started();
    const outcome = await this.#attempt(key, { log, reason }, signal);
    const aborted = !outcome.ok && !outcome.expired && signal.aborted;
    finished(aborted ? "aborted" : this.#next(key, outcome, log));
  }

  // Its signal is aborted before the key is given to anybody else, so one that hangs writes no more.
  async #attempt(
    key: string,
    context: { log: Logger; reason: string },
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { clock, reconcileTimeoutMs = 120_000 } = this.#options;
    const deadline = startDeadline(clock, reconcileTimeoutMs, signal);
    const late = untilAborted(deadline.signal).then(() => {
      if (deadline.expired) throw new Error(`not ended within ${reconcileTimeoutMs} ms`);
      return new Promise<never>(() => {}); // asked to end: waited for
    });
    try {
      const pass = this.#options.reconcile(key, context, deadline.signal);
      return { ok: true, result: await Promise.race([pass, late]) };
    } catch (error) {
      return { ok: false, error, expired: deadline.expired };
    } finally {
      deadline.clear();
    }
  }

  #next(key: string, outcome: Outcome, log: Logger): ReconcileEnd {
    const next = afterReconcile(outcome);
    if (next === "backoff") this.#queue.addRateLimited(key);
    else this.#queue.forget(key);
    if (typeof next === "object") this.#queue.addAfter(key, next.afterMs);
    if (outcome.ok) return next === "forget" ? "success" : "requeue_after";
    const end = failureOf(outcome);
    // Nobody's answer but a bug: its stack is wanted.
    const stack = end === "panic" && outcome.error instanceof Error
      ? outcome.error.stack
      : undefined;
    const fields = { err: describeError(outcome.error), ...(stack !== undefined && { stack }) };
    if (next === "drop") log.error("reconcile failed, not repeated", fields);
    else log.warn("reconcile failed", fields);
    return end;
  }
}

// Whatever is meant to be thrown has a code.
function failureOf({ error, expired }: Outcome & { ok: false }): ReconcileEnd {
  if (expired) return "timeout";
  if (error instanceof TerminalError) return "terminal";
  const expected = error instanceof Error && ("code" in error || isAbort(error));
  return expected ? "error" : "panic";
}
