// What a controller sees of the world: one store per watched type, filled by one watch per namespace, and
// the keys that every change concerns. Knows nothing of what is done about a key.

import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { KubeClient } from "../kube/client.ts";
import type { KubeObject } from "../kube/object.ts";
import type { ResourceType } from "../kube/resource.ts";
import { type Indexes, type Store, StoreWriter } from "../kube/store.ts";
import { watch } from "../kube/watch.ts";
import type { WatcherEvent } from "../kube/watcher.ts";

/** One watched type and the keys that an object of it concerns. */
export interface Source<T extends KubeObject = KubeObject> {
  type: ResourceType<T>;
  /** Only these, each with a watch of its own; all of them in one watch if there is none. */
  namespaces?: readonly string[];
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

export interface SourcesOptions {
  sources: readonly Source[];
  client: KubeClient;
  log: Logger;
  clock: Clock;
  /** Called when a watch of this kind has to be opened again. */
  onRestart(kind: string): void;
  enqueue(key: string, reason: string): void;
}

/** One watch: of a whole source (no scope), or of one of its namespaces. */
type Following = {
  source: Source;
  scope: string | undefined;
  writer: StoreWriter<KubeObject>;
};

export class Sources {
  readonly #options: SourcesOptions;
  readonly #following: readonly Following[];
  readonly #synced = Promise.withResolvers<void>();

  constructor(options: SourcesOptions) {
    this.#options = options;
    this.#following = options.sources.flatMap((source) => {
      const scopes = source.namespaces?.length ? source.namespaces : [undefined];
      const writer = new StoreWriter(source.indexes, scopes);
      return scopes.map((scope) => ({ source, scope, writer }));
    });
    if (this.missing.length === 0) this.#synced.resolve();
  }

  /** Kinds whose store does not hold a whole state yet. */
  get missing(): string[] {
    const unsynced = this.#following.filter(({ writer }) => !writer.store.synced);
    return [...new Set(unsynced.map(({ source }) => source.type.kind))];
  }

  /** Resolves when every store holds a whole state. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** The store of a watched type; undefined when it is not watched. */
  store<T extends KubeObject>(type: ResourceType<T>): Store<T> | undefined {
    const found = this.#following.find(({ source }) =>
      source.type.kind === type.kind && source.type.group === type.group
    );
    return found?.writer.store as unknown as Store<T> | undefined;
  }

  /** Follows every watch until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#following.map((following) => this.#follow(following, signal)));
  }

  async #follow(following: Following, signal: AbortSignal): Promise<void> {
    const { client, clock, log, onRestart } = this.#options;
    const { source: { type, labelSelector, fieldSelector }, scope } = following;
    const options = {
      ...(scope !== undefined && { namespace: scope }),
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
      ...{ log, clock, onRestart: () => onRestart(type.kind) },
    };
    try {
      for await (const event of watch(client, type, options, signal)) {
        this.#take(following, event);
        if (event.type === "initDone" && this.missing.length === 0) this.#synced.resolve();
      }
    } catch (error) {
      if (!signal.aborted) throw error; // watch() ends by abort only
    }
  }

  #take({ source, scope, writer }: Following, event: WatcherEvent<KubeObject>): void {
    try {
      for (const { before, after } of writer.handle(event, scope)) {
        const verb = before && after ? "changed" : after ? "appeared" : "gone";
        const objects = [before, after].filter((object) => object !== undefined);
        const keys = new Set(objects.flatMap((object) => source.keys(object)));
        for (const key of keys) this.#options.enqueue(key, `${source.type.kind} ${verb}`);
      }
    } catch (error) {
      // A bug in keys() or an index must not make the controller deaf to everything else.
      const stack = error instanceof Error ? error.stack : undefined;
      const fields = { kind: source.type.kind, err: describeError(error), stack };
      this.#options.log.error("watch event not understood", fields);
    }
  }
}
