// The latest known state of the watched objects. One writer follows a watch; readers see a whole state at
// any time: a new list is collected aside and swapped in at once, and what it lacks is reported as gone.
// Objects in a store are shared: nobody may change them.

import type { KubeObject } from "./object.ts";
import type { WatcherEvent } from "./watcher.ts";

/** What a reader sees. Keys are "namespace/name", or "name" for objects without a namespace. */
export interface Store<T extends KubeObject> {
  get(key: string): T | undefined;
  list(): readonly T[];
  /** The objects for which the index function of this name gives `value`. */
  byIndex(index: string, value: string): readonly T[];
  /** True once the first whole state is there; stays true. */
  readonly synced: boolean;
}

/** before only: gone; after only: new; both: changed. */
export type StoreChange<T> = { key: string; before?: T; after?: T };

// Written as a method, so that the indexes of Pods are indexes of objects.
type IndexFunction<T> = { of(object: T): readonly string[] }["of"];
export type Indexes<T> = Record<string, IndexFunction<T>>;

export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** "db/main" → { namespace: "db", name: "main" }. */
export function refOfKey(key: string): { namespace?: string; name: string } {
  const slash = key.indexOf("/");
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export class StoreWriter<T extends KubeObject> {
  readonly store: Store<T>;
  #objects = new Map<string, T>();
  /** By namespace ("" for all of them), while its new whole state is being collected. */
  readonly #incoming = new Map<string, Map<string, T>>();
  /** Namespaces of which no whole state has come yet. */
  readonly #missing: Set<string>;
  readonly #indexes: Indexes<T>;
  /** "index\0value" → keys. An empty set is removed. */
  readonly #indexed = new Map<string, Set<string>>();

  /** With namespaces, each of them has a watch of its own that tells of nothing else. */
  constructor(indexes: Indexes<T> = {}, namespaces: readonly string[] = [""]) {
    this.#indexes = indexes;
    this.#missing = new Set(namespaces);
    const objects = (): Map<string, T> => this.#objects;
    const isSynced = (): boolean => this.#missing.size === 0;
    this.store = {
      get: (key) => objects().get(key),
      list: () => [...objects().values()],
      byIndex: (index, value) => {
        if (!Object.hasOwn(indexes, index)) throw new Error(`the store has no index ${index}`);
        const keys = this.#indexed.get(`${index}\0${value}`) ?? [];
        return [...keys].flatMap((key) => objects().get(key) ?? []);
      },
      get synced() {
        return isSynced();
      },
    };
  }

  /** Takes in one event of a namespace's watch, and says what it changed for readers. */
  handle(event: WatcherEvent<T>, namespace = ""): StoreChange<T>[] {
    const incoming = this.#incoming.get(namespace);
    switch (event.type) {
      case "init":
        this.#incoming.set(namespace, new Map());
        return [];
      case "initApply":
        incoming?.set(keyOf(event.object), event.object);
        return [];
      case "initDone":
        return this.#swap(namespace);
      case "apply":
        return this.#set(keyOf(event.object), event.object);
      case "delete":
        if (!incoming) return this.#set(keyOf(event.object), undefined);
        incoming.delete(keyOf(event.object));
        return [];
    }
  }

  #swap(namespace: string): StoreChange<T>[] {
    const incoming = this.#incoming.get(namespace) ?? new Map<string, T>();
    this.#incoming.delete(namespace);
    this.#missing.delete(namespace);
    const lost = [...this.#objects].filter(([key, { metadata }]) =>
      !incoming.has(key) && (namespace === "" || metadata.namespace === namespace)
    );
    return [
      ...lost.flatMap(([key]) => this.#set(key, undefined)),
      ...[...incoming].flatMap(([key, object]) => this.#set(key, object)),
    ];
  }

  #set(key: string, after: T | undefined): StoreChange<T>[] {
    const before = this.#objects.get(key);
    this.#reindex(key, before, after);
    if (after) this.#objects.set(key, after);
    else this.#objects.delete(key);
    if (!before) return after ? [{ key, after }] : [];
    if (!after) return [{ key, before }];
    if (before.metadata.uid !== after.metadata.uid) return [{ key, before }, { key, after }];
    const same = before.metadata.resourceVersion === after.metadata.resourceVersion;
    return same && after.metadata.resourceVersion !== undefined ? [] : [{ key, before, after }];
  }

  #reindex(key: string, before: T | undefined, after: T | undefined): void {
    for (const [index, valuesOf] of Object.entries(this.#indexes)) {
      for (const value of before ? valuesOf(before) : []) {
        const keys = this.#indexed.get(`${index}\0${value}`);
        keys?.delete(key);
        if (keys?.size === 0) this.#indexed.delete(`${index}\0${value}`);
      }
      for (const value of after ? valuesOf(after) : []) {
        const entry = `${index}\0${value}`;
        const keys = this.#indexed.get(entry);
        if (keys) keys.add(key);
        else this.#indexed.set(entry, new Set([key]));
      }
    }
  }
}
