// The loop around a reconcile function: watches → stores → keys → workqueue → workers. Level-triggered:
// a worker gets a key and looks at the stores, never an event. Workers begin once every store is whole.
// The whole retry policy is afterReconcile(); nothing else in the program repeats on failure.

import { type Clock, startDeadline, untilAborted } from "../base/clock.ts";
import { errorFields, isBug, TerminalError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Counter, MetricRegistry } from "../base/metrics.ts";
import type { KubeClient } from "../kube/client.ts";
import type { KubeObject } from "../kube/object.ts";
import type { ResourceType } from "../kube/resource.ts";
import { type Indexes, type Store, StoreWriter } from "../kube/store.ts";
import { watch } from "../kube/watch.ts";
import type { WatcherEvent } from "../kube/watcher.ts";
import { type ReconcileEnd, reconcileMetrics } from "./metrics.ts";
import { Workqueue } from "./workqueue.ts";

export type ReconcileResult = { requeueAfterMs?: number };

/** One watched type and the keys that an object of it concerns. */
export interface Source<T extends KubeObject = KubeObject> {
  type: ResourceType<T>;
  /** Only these, each with a watch of its own into the one store; all of them if there is none. */
  namespaces?: readonly string[];
  labelSelector?: string;
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

// One watch: of one of a source's namespaces, or of all there are ("").
type Following = { source: Source; namespace: string; writer: StoreWriter<KubeObject> };

export class Controller {
  readonly #options: ControllerOptions;
  readonly #log: Logger;
  readonly #queue: Workqueue;
  readonly #following: readonly Following[];
  readonly #synced = Promise.withResolvers<void>();
  /** Why each waiting key was added; the first reason wins. */
  readonly #reasons = new Map<string, string>();
  /** Counts a reconcile's beginning, then its end. */
  readonly #started: () => (end: ReconcileEnd) => void;
  readonly #restarts: Counter;
  readonly #unreadable: Counter;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#log = options.log.with({ controller: options.name });
    this.#queue = new Workqueue(options);
    this.#started = reconcileMetrics(options);
    const by = ["controller", "kind"];
    this.#restarts = options.metrics.counter("watch_restarts_total", "Watches opened again", by);
    this.#unreadable = options.metrics.counter("watch_unreadable_total", "Not understood", by);
    this.#following = options.sources.flatMap((source) => {
      const namespaces = source.namespaces?.length ? source.namespaces : [""];
      const writer = new StoreWriter(source.indexes, namespaces);
      return namespaces.map((namespace) => ({ source, namespace, writer }));
    });
  }

  /** Kinds whose store does not hold a whole state yet: none when the controller is ready to work. */
  get missing(): string[] {
    const unsynced = this.#following.filter(({ writer }) => !writer.store.synced);
    return [...new Set(unsynced.map(({ source }) => source.type.kind))];
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
    const { mayBegin, workers } = this.#options;
    const stopped = untilAborted(signal);
    if (this.missing.length === 0) this.#synced.resolve();
    const watches = this.#following.map((following) => this.#follow(following, signal));
    await Promise.race([this.#synced.promise, stopped]);
    if (!signal.aborted) this.#log.info("stores filled");
    await Promise.race([mayBegin, stopped]);
    if (!signal.aborted) this.#log.info("controller started", { workers });
    for (let worker = 0; worker < workers; worker++) void this.#work(signal);
    await stopped;
    await Promise.all([...watches, this.#queue.shutDown()]);
  }

  async #follow(following: Following, signal: AbortSignal): Promise<void> {
    const { client, clock, name } = this.#options;
    const { source: { type, labelSelector }, namespace } = following;
    const selection = {
      ...(namespace !== "" && { namespace }),
      ...(labelSelector !== undefined && { labelSelector }),
    };
    const labels = { controller: name, kind: type.kind };
    const onRestart = (): void => this.#restarts.inc(labels);
    const onUnreadable = (): void => this.#unreadable.inc(labels);
    const options = { ...selection, log: this.#log, clock, onRestart, onUnreadable };
    try {
      for await (const event of watch(client, type, options, signal)) {
        this.#take(following, event);
        if (event.type === "initDone" && this.missing.length === 0) this.#synced.resolve();
      }
    } catch (error) {
      if (!signal.aborted) throw error; // watch() ends by abort only
    }
  }

  #take({ source, namespace, writer }: Following, event: WatcherEvent<KubeObject>): void {
    for (const { before, after } of writer.handle(event, namespace)) {
      const verb = before && after ? "changed" : after ? "appeared" : "gone";
      const objects = [before, after].filter((object) => object !== undefined);
      try {
        const keys = new Set(objects.flatMap((object) => source.keys(object)));
        for (const key of keys) this.enqueue(key, `${source.type.kind} ${verb}`);
      } catch (error) {
        // A bug in keys() must not make the controller deaf to everything else.
        const fields = { kind: source.type.kind, ...errorFields(error) };
        this.#log.error("watch event not understood", fields);
      }
    }
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
    const ended = this.#started();
    const outcome = await this.#attempt(key, { log, reason }, signal);
    const aborted = !outcome.ok && !outcome.expired && signal.aborted;
    ended(aborted ? "aborted" : this.#next(key, outcome, log));
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
      return new Promise<never>(() => {}); // only asked to end: waited for
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
    const fields = errorFields(outcome.error);
    if (next === "drop") log.error("reconcile failed, not repeated", fields);
    else log.warn("reconcile failed", fields);
    if (outcome.expired) return "timeout";
    return next === "drop" ? "terminal" : isBug(outcome.error) ? "panic" : "error";
  }
}
