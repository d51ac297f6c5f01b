// The loop around a reconcile function: watches → stores → keys → workqueue → workers. Level-triggered:
// a worker gets a key and looks at the stores, never an event. Workers start once every store is synced.
// The whole retry policy is afterReconcile(); nothing else in the program repeats on failure.

import type { Clock } from "../base/clock.ts";
import { describeError, isAbort, TerminalError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { MetricRegistry } from "../base/metrics.ts";
import type { KubeClient } from "../kube/client.ts";
import type { ResourceType } from "../kube/resource.ts";
import { type Indexes, type Store, StoreWriter } from "../kube/store.ts";
import type { KubeObject } from "../kube/object.ts";
import { watch } from "../kube/watch.ts";
import type { WatcherEvent } from "../kube/watcher.ts";
import { ReconcileMetrics } from "./reconcile-metrics.ts";
import { Workqueue } from "./workqueue.ts";

export type ReconcileResult = { requeueAfterMs?: number };

/** One watched type and the keys that an object of it concerns. */
export interface Source<T extends KubeObject = KubeObject> {
  type: ResourceType<T>;
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  indexes?: Indexes<T>;
  /** A method, so that a Source<Pod> is a Source. */
  keys(object: T): readonly string[];
}

/** A source among others of other types. */
export function source<T extends KubeObject>(one: Source<T>): Source {
  return one;
}

export interface ControllerOptions {
  name: string;
  /** How many keys are worked on at once. */
  workers: number;
  client: KubeClient;
  sources: readonly Source[];
  /** Makes the world right for one key. Throws to be called again later. */
  reconcile(
    key: string,
    context: { log: Logger; reason: string },
    signal: AbortSignal,
  ): Promise<ReconcileResult>;
  log: Logger;
  clock: Clock;
  metrics: MetricRegistry;
}

export type Outcome = { ok: true; result: ReconcileResult } | { ok: false; error: unknown };

/** What happens to a key next: nothing, again after growing delays, never mind, or at a set time. */
export function afterReconcile(
  outcome: Outcome,
): "forget" | "backoff" | "drop" | { afterMs: number } {
  if (!outcome.ok) return outcome.error instanceof TerminalError ? "drop" : "backoff";
  const { requeueAfterMs } = outcome.result;
  return requeueAfterMs === undefined ? "forget" : { afterMs: requeueAfterMs };
}

type Following = { source: Source; writer: StoreWriter<KubeObject> };

export class Controller {
  readonly #options: ControllerOptions;
  readonly #log: Logger;
  readonly #queue: Workqueue;
  readonly #following: readonly Following[];
  /** Why each waiting key was added; the first reason wins. */
  readonly #reasons = new Map<string, string>();
  readonly #metrics: ReconcileMetrics;
  #announceSynced = (): void => {};

  constructor(options: ControllerOptions) {
    const { name, clock, metrics } = options;
    this.#options = options;
    this.#log = options.log.with({ controller: name });
    this.#queue = new Workqueue({ name, clock, metrics });
    this.#metrics = new ReconcileMetrics(metrics, options);
    this.#following = options.sources.map((source) => ({
      source,
      writer: new StoreWriter(source.indexes),
    }));
  }

  /** Whether every store holds a whole state. */
  get synced(): boolean {
    return this.#following.every(({ writer }) => writer.store.synced);
  }

  /** The store of a watched type. */
  store<T extends KubeObject>(type: ResourceType<T>): Store<T> {
    const found = this.#following.find(({ source }) =>
      source.type.kind === type.kind && source.type.group === type.group
    );
    if (!found) throw new Error(`controller ${this.#options.name} does not watch ${type.kind}`);
    return found.writer.store as unknown as Store<T>;
  }

  /** Asks for a key to be reconciled for a reason that no watch knows of. */
  enqueue(key: string, reason: string): void {
    if (!this.#reasons.has(key)) this.#reasons.set(key, reason);
    this.#queue.add(key);
  }

  /** Works until the signal is aborted and the work in progress has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const allSynced = new Promise<void>((resolve) => {
      this.#announceSynced = resolve;
      if (this.synced) resolve();
    });
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const watches = this.#following.map((following) => this.#follow(following, signal));
    await Promise.race([allSynced, stopped]);
    if (!signal.aborted) this.#log.info("controller started", { workers: this.#options.workers });
    const workers = Array.from({ length: this.#options.workers }, () => this.#work(signal));
    await stopped;
    this.#queue.shutDown();
    await Promise.all([...watches, ...workers]);
  }

  async #follow(following: Following, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const { type, keys: _keys, indexes: _indexes, ...selection } = following.source;
    const onRestart = (): void => this.#metrics.watchRestarted(type.kind);
    const options = { ...selection, log: this.#log, clock, onRestart };
    try {
      for await (const event of watch(client, type, options, signal)) {
        this.#take(following, event);
        if (event.type === "initDone" && this.synced) this.#announceSynced();
      }
    } catch (error) {
      if (!signal.aborted) throw error; // watch() ends by abort only
    }
  }

  #take({ source, writer }: Following, event: WatcherEvent<KubeObject>): void {
    try {
      for (const { before, after } of writer.handle(event)) {
        const verb = before && after ? "changed" : after ? "appeared" : "gone";
        const objects = [before, after].filter((object) => object !== undefined);
        const keys = new Set(objects.flatMap((object) => source.keys(object)));
        for (const key of keys) this.enqueue(key, `${source.type.kind} ${verb}`);
      }
    } catch (error) {
      // A bug in keys() or an index must not make the controller deaf to everything else.
      this.#log.error("watch event not understood", {
        kind: source.type.kind,
        ...errorFields(error),
      });
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (
      let key = await this.#queue.get(signal);
      key !== undefined;
      key = await this.#queue.get(signal)
    ) {
      try {
        await this.#reconcile(key, signal);
      } finally {
        this.#queue.done(key);
      }
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const reason = this.#reasons.get(key) ?? "due";
    this.#reasons.delete(key);
    const log = this.#log.with({ key });
    log.debug("reconcile started", { reason });
    const finished = this.#metrics.started();
    let outcome: Outcome;
    try {
      outcome = { ok: true, result: await this.#options.reconcile(key, { log, reason }, signal) };
    } catch (error) {
      outcome = { ok: false, error };
    }
    if (!outcome.ok && signal.aborted) return finished("aborted");
    this.#next(key, log, { outcome, finished });
  }

  #next(
    key: string,
    log: Logger,
    { outcome, finished }: { outcome: Outcome; finished: (result: string) => void },
  ): void {
    const next = afterReconcile(outcome);
    const fields = outcome.ok ? {} : errorFields(outcome.error);
    switch (next) {
      case "forget":
        this.#queue.forget(key);
        return finished("success");
      case "drop":
        this.#queue.forget(key);
        log.error("reconcile failed, not repeated", fields);
        return finished("error");
      case "backoff":
        this.#queue.addRateLimited(key);
        log.warn("reconcile failed", fields);
        return finished("error");
      default:
        this.#queue.forget(key);
        this.#queue.addAfter(key, next.afterMs);
        return finished("requeue_after");
    }
  }
}

// An error without a code is nobody's answer but a bug: its stack is wanted.
function errorFields(error: unknown): Record<string, unknown> {
  const expected = error instanceof Error && ("code" in error || isAbort(error));
  return {
    err: describeError(error),
    ...(!expected && error instanceof Error ? { stack: error.stack } : {}),
  };
}
