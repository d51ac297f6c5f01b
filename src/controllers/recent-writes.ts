// What we wrote last to objects whose store has not caught up yet, so that a pass never decides on a state
// that it has itself changed: without this it would write, log and tell everything twice.
//
// A store that has moved past the version that a write was based on is believed again, whatever it holds:
// versions are only compared for equality. Forgetting an entry costs one repeated write, nothing else.

import type { KubeObject } from "../kube/object.ts";

const MOST_REMEMBERED = 10_000;

/** The versions that the result has replaced: more than one if the store lags behind several writes. */
type Entry = { readonly replaced: readonly (string | undefined)[]; readonly result: KubeObject };

export class RecentWrites {
  /** By uid, the oldest first. */
  readonly #entries = new Map<string, Entry>();

  /** Notes the answer to a write that was decided on `basis`. */
  note(basis: KubeObject | undefined, result: KubeObject): void {
    const { uid } = result.metadata;
    if (uid === undefined) return;
    const based = basis?.metadata.resourceVersion;
    const before = this.#entries.get(uid);
    const earlier = before?.result.metadata.resourceVersion === based ? before?.replaced ?? [] : [];
    this.#entries.delete(uid);
    this.#entries.set(uid, { replaced: [...earlier, based], result });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MOST_REMEMBERED && oldest !== undefined) this.#entries.delete(oldest);
  }

  /** The stored object, or what we made of exactly this version of it. */
  latest<T extends KubeObject>(stored: T): T {
    const { uid = "", resourceVersion } = stored.metadata;
    const entry = this.#entries.get(uid);
    if (entry === undefined) return stored;
    if (entry.replaced.includes(resourceVersion)) return entry.result as T;
    this.#entries.delete(uid);
    return stored;
  }
}
