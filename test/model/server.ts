// Pure: what an API server knows of one kind: objects, the changes that led to them, and how far back it
// still remembers. Knows nothing of connections; faults.ts is how it behaves.

import type { ConfigMap } from "../../src/api/kinds.ts";
import type { Chance } from "./chance.ts";

export type ModelObject = {
  key: string;
  uid: string;
  version: number;
  /** A watch with a selector sees only these. */
  picked: boolean;
  /** Its metadata cannot be read. */
  malformed: boolean;
  shade: "light" | "dark";
};

export type ModelEvent = { type: "ADDED" | "MODIFIED" | "DELETED"; object: ModelObject };

/** What one watch may see. */
export type View = { namespace: string | undefined; pickedOnly: boolean };

type Change = { version: number; before: ModelObject | undefined; after: ModelObject | undefined };

const KEYS = ["a/x", "a/y", "a/z", "b/x", "b/y"];

export class ModelServer {
  readonly #chance: Chance;
  readonly #objects = new Map<string, ModelObject>();
  readonly #changes: Change[] = [];
  /** "key version": everything that was ever true. */
  readonly history = new Set<string>();
  /** Changes up to this version are forgotten. */
  compacted: number;
  version: number;

  constructor(chance: Chance) {
    this.#chance = chance;
    // Versions grow longer on the way: an order by text would be wrong.
    this.version = this.compacted = chance.of([7, 93, 995]) ?? 7;
    for (let count = chance.below(6); count > 0; count--) this.change();
  }

  /** One thing happens. */
  change(): void {
    const chance = this.#chance;
    const key = chance.of(KEYS) ?? "a/x";
    const before = this.#objects.get(key);
    const fate = chance.pick({ write: 10, remove: 4, recreate: 2, compact: 1 });
    if (fate === "compact") this.compacted = this.version - chance.below(4);
    else if (fate === "write" || !before) this.#write(key, before);
    else {
      this.#record({ version: ++this.version, before, after: undefined });
      if (fate === "recreate") this.#write(key, undefined);
    }
  }

  #write(key: string, before: ModelObject | undefined): void {
    const chance = this.#chance;
    const version = ++this.version;
    const after: ModelObject = {
      key,
      uid: before?.uid ?? `uid-${version}`,
      version,
      picked: chance.is(0.8),
      malformed: chance.is(0.12),
      shade: chance.is(0.5) ? "light" : "dark",
    };
    this.#record({ version, before, after });
  }

  #record(change: Change): void {
    const key = change.after?.key ?? change.before?.key ?? "";
    if (change.after) this.#objects.set(key, change.after);
    else this.#objects.delete(key);
    this.#changes.push(change);
    this.history.add(`${key} ${change.version}`);
  }

  /** What is there now. */
  objects(view: View): ModelObject[] {
    return [...this.#objects.values()].filter((one) => sees(view, one));
  }

  /** What has changed since a version, as this view is told; undefined when that is forgotten. */
  since(version: number, view: View): ModelEvent[] | undefined {
    if (version < this.compacted) return undefined;
    return this.#changes.filter((change) => change.version > version)
      .flatMap((change) => eventOf(change, view) ?? []);
  }
}

function sees(view: View, object: ModelObject | undefined): object is ModelObject {
  return object !== undefined && (object.picked || !view.pickedOnly) &&
    (view.namespace === undefined || object.key.startsWith(`${view.namespace}/`));
}

function eventOf({ version, before, after }: Change, view: View): ModelEvent | undefined {
  const was = sees(view, before) ? before : undefined;
  if (sees(view, after)) return { type: was ? "MODIFIED" : "ADDED", object: after };
  // As the server does it: the last state that was seen, with the version of what ended it.
  return was ? { type: "DELETED", object: { ...was, version } } : undefined;
}

/** Of several bytes each: what a stream must not tear apart. */
export const LETTERS = "é€😀";

/** An object as it travels. */
export function wireOf(object: ModelObject): ConfigMap {
  const [namespace = "", name = ""] = object.key.split("/");
  const { uid, version, malformed, shade } = object;
  const labels = { shade, letters: LETTERS };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion: String(version),
      labels: malformed ? LETTERS as unknown as typeof labels : labels,
    },
  };
}
