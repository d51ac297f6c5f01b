// What a watch may ask for, judged from what it was told. A request that nobody had a reason to make is a
// fault, and so is one that comes too early.

import type { KubeRequest } from "../../src/kube/request.ts";
import type { ModelClock } from "./chance.ts";
import type { View } from "./server.ts";

const REFUSAL_MS = 600_000;

export class Judge {
  readonly #clock: ModelClock;
  readonly #blame: (what: string) => void;
  /** What the watch knows: everything up to `least`, and perhaps more; nothing before its first list. */
  #known = { least: 0, most: 0 };
  /** It knows nothing that it could go on from. */
  #mustList = true;
  #refusedAt = -Infinity;
  /** It was told to stay away, for at least the moment: it must not ask again before this. */
  #notBefore = 0;

  constructor(clock: ModelClock, blame: (what: string) => void) {
    this.#clock = clock;
    this.#blame = blame;
  }

  /** Everything up to this version has arrived. */
  reached(version: number): void {
    this.#known = { least: version, most: version };
    this.#mustList = false;
  }

  /** Everything up to this version is on the way. */
  sent(version: number): void {
    this.#known.most = version;
  }

  /** Whether anything newer may have arrived. */
  mayKnowMoreThan(version: number): boolean {
    return this.#known.most > version;
  }

  trouble(pauseMs = 1): void {
    this.#notBefore = this.#clock.monotonic() + pauseMs;
  }

  /** What it knows is of no use any more; `pause`: and it has to wait before it asks. */
  lost({ pause }: { pause: boolean }): void {
    this.#mustList = true;
    if (pause) this.trouble();
  }

  /** Streaming lists were refused, or it may have taken it for that. */
  refused(): void {
    this.#refusedAt = this.#clock.monotonic();
  }

  watches({ query }: KubeRequest, view: View): void {
    const { resourceVersion, sendInitialEvents, resourceVersionMatch } = query;
    const seconds = Number(query.timeoutSeconds);
    const selector = view.pickedOnly ? "picked" : undefined;
    if (query.watch !== "1" || query.allowWatchBookmarks !== "true") this.#blame("no bookmarks");
    if (!(seconds >= 300 && seconds <= 600)) this.#blame(`a watch of ${seconds} seconds`);
    if (query.labelSelector !== selector) this.#blame("another selector");
    const initial = sendInitialEvents === "true" && resourceVersionMatch === "NotOlderThan";
    if (initial === (resourceVersion !== undefined)) {
      this.#blame("neither a new watch nor an old one");
    }
    if (initial && this.#clock.monotonic() < this.#refusedAt + REFUSAL_MS) {
      this.#blame("refused, and asked again");
    }
    this.#needs(initial);
    const { least, most } = this.#known;
    const from = Number(resourceVersion);
    if (from < least || from > most) this.#blame(`goes on from ${from}, knows ${least} to ${most}`);
  }

  lists(): void {
    this.#needs(true);
  }

  #needs(everything: boolean): void {
    if (everything && !this.#mustList) this.#blame("a new list without a reason");
    if (!everything && this.#mustList) this.#blame("it goes on where it cannot");
    if (this.#clock.monotonic() < this.#notBefore) this.#blame("asked too early");
  }
}
