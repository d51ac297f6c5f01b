// What we wrote last to objects whose store has not caught up yet, so that a pass never decides on a state
// from before its own writes: without this it would write, log and tell everything twice.
//
// The answer to a write counts while the store has an older version, be it the one that was written upon or
// somebody else's change from in between. It is forgotten when the store has moved on, when versions have
// no order, and after a while: a server that came back from a backup begins with lower versions again.
// Forgetting costs one repeated write, nothing else.

import type { Clock } from "../base/clock.ts";
import type { KubeObject } from "../kube/object.ts";
import { versionOrder } from "../kube/resource.ts";

const MOST_REMEMBERED = 10_000;
const LONGEST_MS = 60_000;

type Write = { readonly result: KubeObject; readonly at: number };

export class RecentWrites {
  readonly #clock: Clock;
  /** By uid, the oldest first. */
  readonly #writes = new Map<string, Write>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes the answer to a write. */
  note(result: KubeObject): void {
    const { uid } = result.metadata;
    if (uid === undefined) return;
    this.#writes.delete(uid);
    this.#writes.set(uid, { result, at: this.#clock.monotonic() });
    const [oldest] = this.#writes.keys();
    if (this.#writes.size > MOST_REMEMBERED && oldest !== undefined) this.#writes.delete(oldest);
  }

  /** The stored object, or what we made of it where that is newer. */
  latest<T extends KubeObject>(stored: T): T {
    const { uid = "", resourceVersion } = stored.metadata;
    const write = this.#writes.get(uid);
    if (write === undefined) return stored;
    const isBehind = versionOrder(resourceVersion, write.result.metadata.resourceVersion) < 0;
    if (isBehind && this.#clock.monotonic() - write.at < LONGEST_MS) return write.result as T;
    this.#writes.delete(uid);
    return stored;
  }
}
