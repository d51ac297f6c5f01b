// The latest known state of the watched objects. One writer follows a watch, or one watch per namespace;
// readers see a whole state at any time: a new list is collected aside and swapped in at once, and what it
// lacks is reported as gone. An object that cannot be read keeps its last good state and is marked. What a
// watch has deferred is parsed for the first who reads the object; changes and indexes have metadata only.
// Objects in a store are shared: nobody may change them.

import { describeError } from "../base/errors.ts";
import type { KubeObject } from "./object.ts";
import { versionOrder } from "./resource.ts";
import { readRest } from "./watch-input.ts";
import type { ObjectEvent, WatcherEvent } from "./watcher.ts";

/** What a reader sees. Keys are "namespace/name", or "name" for objects without a namespace. */
export type Store<T extends KubeObject> = Pick<
  StoreWriter<T>,
  "get" | "list" | "byIndex" | "unreadable" | "synced"
>;

/**
 * before only: gone; after only: new; both: changed. With `unreadable` (why), `after` may be no more than
 * the object's metadata, as far as they are sound.
 */
export type StoreChange<T> = {
  key: string;
  before?: T | undefined;
  after?: T | undefined;
  unreadable?: string | undefined;
};

// Written as a method, so that the indexes of Pods are indexes of objects.
export type Indexes<T> = Record<string, { of(object: T): readonly string[] }["of"]>;

export function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

// places: under which the good state is found. rest: what it lacks until somebody reads it.
type Known<T> = {
  good?: T | undefined;
  rest?: Buffer | undefined;
  places: string[];
  newest: T;
  unreadable?: string;
};

export class StoreWriter<T extends KubeObject> {
  readonly #known = new Map<string, Known<T>>();
  readonly #indexes: Indexes<T>;
  readonly #indexed = new Map<string, Set<string>>(); // "index\0value" → keys, never none
  /** By namespace ("" for all of them), while its new whole state is being collected. */
  readonly #incoming = new Map<string, Map<string, ObjectEvent<T>>>();
  readonly #missing: Set<string>; // namespaces of which no whole state has come yet

  /** With namespaces, each of them has a watch of its own that tells of nothing else. */
  constructor(indexes: Indexes<T> = {}, namespaces: readonly string[] = [""]) {
    this.#indexes = indexes;
    this.#missing = new Set(namespaces);
  }

  /** True once the first whole state is there; stays true. */
  get synced(): boolean {
    return this.#missing.size === 0;
  }

  get(key: string): T | undefined {
    const known = this.#known.get(key);
    return known && complete(known);
  }

  list(): readonly T[] {
    return [...this.#known.values()].flatMap((known) => complete(known) ?? []);
  }

  /** The objects for which the index function of this name gives `value`. */
  byIndex(index: string, value: string): readonly T[] {
    if (!Object.hasOwn(this.#indexes, index)) throw new Error(`the store has no index ${index}`);
    const keys = this.#indexed.get(`${index}\0${value}`) ?? [];
    return [...keys].flatMap((key) => this.get(key) ?? []);
  }

  /** Why the object's newest state cannot be read. What the others give is older, or nothing. */
  unreadable(key: string): string | undefined {
    this.get(key);
    return this.#known.get(key)?.unreadable;
  }

  /** Takes in one event of a namespace's watch, and says what it changed for readers. */
  handle(event: WatcherEvent<T>, namespace = ""): StoreChange<T>[] {
    const incoming = this.#incoming.get(namespace);
    if (event.type === "initDone") return this.#swap(namespace, incoming ?? new Map());
    if (event.type === "init") this.#incoming.set(namespace, new Map());
    else if (!incoming) return this.#set(keyOf(event.object), event);
    else if (event.type === "delete") incoming.delete(keyOf(event.object));
    else incoming.set(keyOf(event.object), { ...event, rest: owned(event.rest) });
    return [];
  }

  #swap(namespace: string, incoming: Map<string, ObjectEvent<T>>): StoreChange<T>[] {
    this.#incoming.delete(namespace);
    this.#missing.delete(namespace);
    const prefix = namespace === "" ? "" : `${namespace}/`;
    const old = [...this.#known.keys()].filter((key) => key.startsWith(prefix));
    return [...old.filter((key) => !incoming.has(key)), ...incoming.keys()]
      .flatMap((key) => this.#set(key, incoming.get(key)));
  }

  #set(key: string, event: ObjectEvent<T> | undefined): StoreChange<T>[] {
    const known = this.#known.get(key);
    const before = known?.good ?? known?.newest;
    if (event?.type !== "apply") {
      this.#replace(key, known, undefined);
      return before ? [{ key, before }] : [];
    }
    const { uid } = event.object.metadata;
    const isOther = (before?.metadata.uid ?? uid) !== (uid ?? before?.metadata.uid);
    const next = this.#judge(event, isOther ? undefined : known);
    const { newest: after, unreadable } = next;
    const { resourceVersion } = after.metadata;
    const isSame = versionOrder(resourceVersion, known?.newest.metadata.resourceVersion) === 0;
    if (isSame && !isOther && unreadable === known?.unreadable) return [];
    this.#replace(key, known, next);
    // Another object of the same name: whoever cares for the first has to see it go.
    if (before && isOther) return [{ key, before }, { key, after, unreadable }];
    return [{ key, before, after, unreadable }];
  }

  // Of an object that cannot be read, or that an index function fails on, the last good state stays.
  #judge({ object, rest, unreadable: why }: ObjectEvent<T>, last: Known<T> | undefined): Known<T> {
    try {
      if (why === undefined) {
        const places = this.#places(object);
        return { newest: object, good: object, rest: owned(rest, last?.rest), places };
      }
    } catch (error) {
      why = `an index fails on it: ${describeError(error)}`;
    }
    return { places: [], ...last, newest: object, unreadable: why };
  }

  #places(object: T): string[] {
    return Object.entries(this.#indexes).flatMap(([index, valuesOf]) =>
      valuesOf(object).map((value) => `${index}\0${value}`)
    );
  }

  #replace(key: string, known: Known<T> | undefined, next: Known<T> | undefined): void {
    for (const place of known?.places ?? []) {
      const keys = this.#indexed.get(place);
      keys?.delete(key);
      if (keys?.size === 0) this.#indexed.delete(place);
    }
    for (const place of next?.places ?? []) {
      const keys = this.#indexed.get(place) ?? new Set();
      this.#indexed.set(place, keys.add(key));
    }
    if (next) this.#known.set(key, next);
    else this.#known.delete(key);
  }
}

/**
 * A copy in memory of its own: a view would keep all that came with it. Where the last version's memory is large
 * enough it is used again: of objects that change all the time there would be nothing but garbage.
 */
function owned(rest: Buffer | undefined, memory?: Buffer): Buffer | undefined {
  if (!rest || rest.length === rest.buffer.byteLength) return rest; // it is one
  const copy = memory && memory.buffer.byteLength >= rest.length
    ? Buffer.from(memory.buffer, 0, rest.length)
    : Buffer.allocUnsafeSlow(rest.length);
  rest.copy(copy);
  return copy;
}

// There is no earlier state to fall back on: whoever deferred the parse trusts the server's own encoder.
function complete<T extends KubeObject>(known: Known<T>): T | undefined {
  const { good, rest } = known;
  if (rest === undefined || good === undefined) return good;
  known.rest = undefined;
  try {
    return Object.assign(good, readRest(rest));
  } catch (error) {
    known.good = undefined;
    known.unreadable = describeError(error);
    return undefined;
  }
}
