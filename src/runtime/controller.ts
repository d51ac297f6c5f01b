// The loop around a reconcile function: watches → stores → keys → workqueue → workers. Level-triggered:
// a worker gets a key and looks at the stores, never an event. Workers begin once every store is whole.
// The whole retry policy is afterReconcile(); nothing else in the program repeats on failure.

import { type Clock, startDeadline, untilAborted } from "../base/clock.ts";
import { errorFields, isBug, TerminalError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { MetricRegistry } from "../base/metrics.ts";
import type { KubeClient } from "../kube/client.ts";
import type { KubeObject } from "../kube/object.ts";
import type { ResourceType } from "../kube/resource.ts";
import { type Indexes, type Store, StoreWriter } from "../kube/store.ts";
import { watch } from "../kube/watch.ts";
import type { WatcherEvent } from "../kube/watcher.ts";
import { type ReconcileEnd, reconcileMetrics } from "./metrics.ts";
import { Workqueue } from "./workqueue.ts";

export type ReconcileResult = { requeueAfterMs?: number };
type PassContext = { log: Logger; reason: string };

/** One watched type and the keys that an object of it concerns. */
export interface Source<T extends KubeObject = KubeObject> {
  type: ResourceType<T>;
  /** Only these, each with a watch of its own into the one store; all of them if there is none. */
  namespaces?: readonly string[];
  labelSelector?: string;
  indexes?: Indexes<T>;
  /** Spec and status are parsed when they are read from the store: not for keys() and indexes. */
  deferred?: boolean;
  /** A method, so that a Source<Pod> is a Source. */
  keys(object: T): readonly string[];
}

/** A pass hangs when it takes longer: it is aborted and no longer waited for. */
const RECONCILE_LIMIT_MS = 120_000;

export interface ControllerOptions {
  name: string;
  workers: number; // how many keys are worked on at once
  client: KubeClient;
  sources: readonly Source[];
  /** Workers wait for this too, e.g. until this replica leads; the stores are filled meanwhile. */
  mayBegin?: Promise<void>;
  /** Makes the world right for one key. Throws to be called again later. */
  reconcile(key: string, context: PassContext, signal: AbortSignal): Promise<ReconcileResult>;
  log: Logger;
  clock: Clock;
  metrics: MetricRegistry;
}

/** expired: its time was up; aborted: everything is to end. */
export type Outcome =
  | { result: ReconcileResult }
  | { error: unknown; expired: boolean; aborted: boolean };

/** What a pass counts as, and when its key comes again: not by itself, after growing delays, or after ms. */
export function afterReconcile(
  outcome: Outcome,
): { end: ReconcileEnd; again: "no" | "backoff" | number } {
  if ("result" in outcome) {
    const { requeueAfterMs } = outcome.result;
    if (requeueAfterMs === undefined) return { end: "success", again: "no" };
    return { end: "requeue_after", again: requeueAfterMs };
  }
  const { error, expired, aborted } = outcome;
  if (expired) return { end: "timeout", again: "backoff" };
  if (aborted) return { end: "aborted", again: "no" };
  if (error instanceof TerminalError) return { end: "terminal", again: "no" };
  return { end: isBug(error) ? "panic" : "error", again: "backoff" };
}

// One watch: of one of a source's namespaces, or of all there are ("").
type Following = { source: Source; namespace: string; writer: StoreWriter<KubeObject> };

export class Controller {
  readonly #options: ControllerOptions;
  readonly #log: Logger;
  readonly #queue: Workqueue;
  readonly #following: readonly Following[];
  readonly #synced = Promise.withResolvers<void>();
  readonly #reasons = new Map<string, string>(); // why each waiting key was added: the first one
  readonly #started: ReturnType<typeof reconcileMetrics>; // counts a beginning, then its end

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#log = options.log.with({ controller: options.name });
    this.#queue = new Workqueue(options);
    this.#started = reconcileMetrics(options);
    this.#following = options.sources.flatMap((source) => {
      const namespaces = source.namespaces?.length ? source.namespaces : [""];
      const writer = new StoreWriter(source.indexes, namespaces);
      return namespaces.map((namespace) => ({ source, namespace, writer }));
    });
  }

  /** Kinds whose store does not hold a whole state yet: none when the controller is ready to work. */
  get missing(): string[] {
    const unsynced = this.#following.filter(({ writer }) => !writer.synced);
    return [...new Set(unsynced.map(({ source }) => source.type.kind))];
  }

  /** The store of a watched type. */
  store<T extends KubeObject>(type: ResourceType<T>): Store<T> {
    const found = this.#following.find(({ source }) =>
      source.type.kind === type.kind && source.type.group === type.group
    );
    if (!found) throw new Error(`controller ${this.#options.name} does not watch ${type.kind}`);
    return found.writer as unknown as Store<T>;
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
    const { client, clock, metrics, name } = this.#options;
    const { source, namespace } = following;
    const { counter } = metrics.labelled({ controller: name, kind: source.type.kind });
    const options = {
      ...source,
      ...{ client, clock, log: this.#log, namespace: namespace || undefined },
      take: (event: WatcherEvent<KubeObject>) => this.#take(following, event),
      onRestart: counter("watch_restarts_total", "Watches opened again"),
      onUnreadable: counter("watch_unreadable_total", "Not understood"),
    };
    await watch(options, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error; // it ends by abort only
    });
  }

  #take({ source, namespace, writer }: Following, event: WatcherEvent<KubeObject>): void {
    const { kind } = source.type;
    for (const { before, after } of writer.handle(event, namespace)) {
      const reason = `${kind} ${before && after ? "changed" : after ? "appeared" : "gone"}`;
      try {
        const keys = [before, after].flatMap((object) => object ? source.keys(object) : []);
        for (const key of new Set(keys)) this.enqueue(key, reason);
      } catch (error) {
        // A bug in keys() must not make the controller deaf to everything else.
        this.#log.error("watch event not understood", { kind, ...errorFields(error) });
      }
    }
    if (event.type === "initDone" && this.missing.length === 0) this.#synced.resolve();
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
    const { end, again } = afterReconcile(outcome);
    if (again === "backoff") this.#queue.addRateLimited(key);
    else this.#queue.forget(key);
    if (typeof again === "number") this.#queue.addAfter(key, again);
    ended(end);
    if ("result" in outcome || end === "aborted") return;
    if (end === "terminal") log.error("reconcile failed, not repeated", errorFields(outcome.error));
    else log.warn("reconcile failed", errorFields(outcome.error));
  }

  // Its signal is aborted before the key is given to anybody else, so one that hangs writes no more.
  async #attempt(key: string, context: PassContext, signal: AbortSignal): Promise<Outcome> {
    const deadline = startDeadline(this.#options.clock, RECONCILE_LIMIT_MS, signal);
    const late = untilAborted(deadline.signal).then(() => {
      if (deadline.expired) throw new Error(`not ended within ${RECONCILE_LIMIT_MS} ms`);
      return new Promise<never>(() => {}); // only asked to end: waited for
    });
    try {
      const pass = this.#options.reconcile(key, context, deadline.signal);
      return { result: await Promise.race([pass, late]) };
    } catch (error) {
      return { error, expired: deadline.expired, aborted: signal.aborted };
    } finally {
      deadline.clear();
    }
  }
}
