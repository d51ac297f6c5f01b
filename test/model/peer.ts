// The API server as one watch meets it: answers from a model server, with everything that may go wrong on
// the way, by chance. Judges the requests: what nobody had a reason to ask for is a fault of the watch.
// Once the world is calm it answers faithfully, until there is nothing left to tell.

import { ApiError } from "../../src/kube/api-error.ts";
import type { ListPage } from "../../src/kube/client.ts";
import type { KubeObject } from "../../src/kube/object.ts";
import type { KubeRequest, Selection } from "../../src/kube/request.ts";
import type { ResourceType } from "../../src/kube/resource.ts";
import { TransportError } from "../../src/kube/transport.ts";
import type { Chance, ModelClock } from "./chance.ts";
import {
  type ModelEvent,
  type ModelObject,
  type ModelServer,
  type View,
  wireOf,
} from "./server.ts";

/** What the peers of one run have in common. */
export interface World {
  readonly chance: Chance;
  readonly clock: ModelClock;
  readonly server: ModelServer;
  /** Nothing changes and nothing goes wrong any more. */
  readonly calm: boolean;
  /** Something may change. */
  tick(): void;
  /** A peer has nothing left to tell. */
  idle(peer: Peer): void;
  /** The watch has done what it must not. */
  blame(what: string): void;
}

const REFUSAL_MS = 600_000;
const UTF8 = new TextEncoder();

const bookmark = (version: number, end?: string) => ({
  type: "BOOKMARK",
  object: {
    kind: "ConfigMap",
    metadata: {
      resourceVersion: String(version),
      ...(end ? { annotations: { "k8s.io/initial-events-end": end } } : {}),
    },
  },
});
const failure = (code: number) => ({ type: "ERROR", object: { kind: "Status", code } });

/** What an open stream still has to tell. */
type Telling = {
  /** Initial objects that were not sent yet; undefined after their end. */
  initial: ModelObject[] | undefined;
  /** Everything up to here was sent. */
  version: number;
  /** What the next bytes tell; told once they have arrived. */
  telling: ModelEvent[];
  endsInitial: boolean;
};

export class Peer {
  readonly #world: World;
  readonly #view: View;
  /** A reason to ask for everything once more; the first time needs none. */
  #mayList = true;
  #mayStream = true;
  #refusedAt = -Infinity;
  /** Requests since there was news or time went by. */
  #inVain = 0;
  #lastAskedAt = 0;
  readonly #pages = new Map<string, { version: number; rest: ModelObject[] }>();
  readonly #told: ModelEvent[] = [];
  open = 0;

  constructor(world: World, view: View) {
    this.#world = world;
    this.#view = view;
  }

  async openStream(
    request: KubeRequest,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<Uint8Array>> {
    const { chance, clock, server, calm } = this.#world;
    this.#world.tick();
    this.#judge(request);
    const asked = request.query.resourceVersion;
    if (!calm && chance.is(0.05)) this.#mayStream = !this.#mayStream;
    if (asked === undefined && !this.#mayStream) {
      this.#refusedAt = clock.monotonic();
      throw new ApiError("cannot watch", chance.is(0.5) ? 400 : 422, { status: {} });
    }
    if (!calm && chance.is(0.12)) throw this.#refusal();
    const version = asked === undefined ? server.version : Number(asked);
    const initial = asked === undefined ? chance.shuffled(server.objects(this.#view)) : undefined;
    if (!initial && !server.since(version, this.#view)) {
      this.#mayList = true;
      if (chance.is(0.5)) {
        throw new ApiError("cannot watch", 410, { status: { reason: "Expired" } });
      }
    }
    return this.#stream({ initial, version, telling: [], endsInitial: false }, signal);
  }

  async listPage<T extends KubeObject>(
    _type: ResourceType<T>,
    _selection: Selection,
    page: { continueToken?: string | undefined; limit?: number },
    _signal: AbortSignal,
  ): Promise<ListPage<KubeObject>> {
    const { chance, server, calm } = this.#world;
    this.#world.tick();
    if (page.continueToken === undefined) this.#judgeNeed(true);
    if (!calm && chance.is(0.1)) throw this.#refusal();
    const known = page.continueToken === undefined
      ? { version: server.version, rest: server.objects(this.#view) }
      : this.#pages.get(page.continueToken);
    if (!known) this.#world.blame(`a page that was never offered: ${page.continueToken}`);
    const { version, rest } = known ?? { version: 0, rest: [] };
    if (version < server.compacted || (!calm && page.continueToken && chance.is(0.1))) {
      this.#mayList = true;
      throw new ApiError("cannot list", 410, { status: { reason: "Expired" } });
    }
    const size = page.limit === 0 ? rest.length : chance.below(3);
    const items = rest.slice(0, size).map(wireOf) as KubeObject[];
    if (!calm && chance.is(0.05)) items.push({ kind: "ConfigMap" } as KubeObject);
    const left = rest.slice(size);
    const continueToken = left.length > 0 ? `token-${this.#pages.size}` : undefined;
    if (continueToken) this.#pages.set(continueToken, { version, rest: left });
    else this.#mayList = false;
    return { items, resourceVersion: String(version), continueToken };
  }

  #refusal(): Error {
    const code = this.#world.chance.of([0, 0, 401, 403, 404, 429, 500, 503, 504]) ?? 0;
    if (code === 404 || code === 504) this.#mayList = true;
    if (code === 0) return new TransportError("the connection was refused");
    const retryAfterMs = code === 429 && this.#world.chance.is(0.5) ? 3000 : undefined;
    return new ApiError("cannot", code, { status: {}, retryAfterMs });
  }

  #judge({ query }: KubeRequest): void {
    const { blame, clock } = this.#world;
    const { resourceVersion, sendInitialEvents, resourceVersionMatch } = query;
    const seconds = Number(query.timeoutSeconds);
    if (query.watch !== "1" || query.allowWatchBookmarks !== "true") blame("no bookmarks wanted");
    if (!(seconds >= 300 && seconds <= 600)) blame(`a watch of ${seconds} seconds`);
    if (query.labelSelector !== (this.#view.pickedOnly ? "picked" : undefined)) {
      blame("no selector");
    }
    const initial = sendInitialEvents === "true" && resourceVersionMatch === "NotOlderThan";
    if (initial === (resourceVersion !== undefined)) blame("neither a new watch nor an old one");
    if (initial && clock.monotonic() < this.#refusedAt + REFUSAL_MS) {
      blame("refused, and asked again");
    }
    this.#judgeNeed(initial);
  }

  #judgeNeed(everything: boolean): void {
    const { blame, clock } = this.#world;
    if (everything && !this.#mayList) blame("a new list without a reason");
    if (clock.monotonic() > this.#lastAskedAt) this.#inVain = 0;
    if (++this.#inVain > 5) blame("a hot loop");
    this.#lastAskedAt = clock.monotonic();
  }

  async *#stream(telling: Telling, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { chance } = this.#world;
    this.open++;
    try {
      while (true) {
        this.#world.tick();
        signal.throwIfAborted();
        const lines = this.#world.calm ? this.#faithful(telling) : this.#byChance(telling, signal);
        if (lines === "end") return;
        if (lines === "idle") await untilAborted(signal, () => this.#world.idle(this));
        const bytes = UTF8.encode((lines as unknown[]).map(lineOf).join(""));
        const cut = this.#world.calm || !chance.is(0.5) ? bytes.length : chance.below(bytes.length);
        yield bytes.subarray(0, cut);
        if (cut < bytes.length && chance.is(0.1)) return; // in the middle of a line
        if (cut < bytes.length && chance.is(0.1)) throw new TransportError("other side closed");
        if (cut < bytes.length) yield bytes.subarray(cut);
        this.#arrived(telling);
      }
    } finally {
      this.open--;
    }
  }

  #arrived(telling: Telling): void {
    this.#told.push(...telling.telling.splice(0));
    if (telling.endsInitial) this.#mayList = false;
    telling.endsInitial = false;
  }

  /** What is next, truly; "idle" when the watch knows everything. */
  #faithful(telling: Telling): unknown[] | "idle" {
    const next = this.#next(telling);
    if (next.length > 0) return next;
    if (telling.initial) return this.#endInitial(telling);
    return telling.version === this.#world.server.version ? "idle" : this.#bookmark(telling);
  }

  #byChance(telling: Telling, signal: AbortSignal): unknown[] | "end" {
    const { chance, clock } = this.#world;
    const next = chance.pick({
      news: 60,
      bookmark: 12,
      again: 6,
      odd: 3,
      error: 4,
      wait: 5,
      end: 6,
    });
    switch (next) {
      case "news": {
        const news = this.#next(telling);
        const ends = news.length === 0 && telling.initial?.length === 0;
        return ends ? this.#endInitial(telling) : news;
      }
      case "bookmark":
        return this.#bookmark(telling);
      case "again": {
        const event = chance.of(this.#told.slice(-4));
        // Initial events have no order that an old one could be older in.
        return event && !telling.initial
          ? [{ type: event.type, object: wireOf(event.object) }]
          : [];
      }
      case "odd":
        return [chance.of([{ type: "SURPRISE" }, { type: "ADDED", object: {} }, {}, 5])];
      case "error":
        if (chance.is(0.25)) return [failure(429)];
        this.#mayList = true;
        return [chance.of(["<html>", failure(410), failure(500)])];
      case "wait":
        this.#wait(telling, signal);
        return [];
      case "end":
        if (chance.is(0.5)) clock.pass(1000 * chance.below(5));
        if (chance.is(0.5)) throw new TransportError("other side closed");
        return "end";
    }
  }

  /** The next few lines. */
  #next(telling: Telling): unknown[] {
    const { chance, server } = this.#world;
    const { initial } = telling;
    const count = 1 + chance.below(4);
    const changes = server.since(telling.version, this.#view);
    if (!changes) {
      this.#mayList = true;
      return [failure(410)];
    }
    const [first] = changes;
    // Changes may come between the initial objects, but each object comes before its changes.
    const waits = (one: ModelObject) => one.key === first?.object.key;
    if (initial && initial.length > 0 && (!first || initial.some(waits) || chance.is(0.7))) {
      return this.#tell(
        telling,
        initial.splice(0, count).map((object) => ({ type: "ADDED", object })),
      );
    }
    const next = changes.slice(0, initial ? 1 : count);
    telling.version = next.at(-1)?.object.version ?? telling.version;
    return this.#tell(telling, next);
  }

  #tell(telling: Telling, events: ModelEvent[]): unknown[] {
    telling.telling.push(...events);
    if (events.length > 0) this.#inVain = 0;
    return events.map(({ type, object }) => ({ type, object: wireOf(object) }));
  }

  #endInitial(telling: Telling): unknown[] {
    telling.initial = undefined;
    telling.endsInitial = true;
    return [bookmark(telling.version, "true")];
  }

  #bookmark(telling: Telling): unknown[] {
    const { chance, server } = this.#world;
    if (telling.initial) return [bookmark(telling.version, chance.is(0.5) ? "false" : undefined)];
    // Nothing for this view up to here: it may as well go on from there.
    const news = server.since(telling.version, this.#view);
    if (news?.length === 0 && telling.version < server.version) {
      telling.version = server.version;
      this.#inVain = 0;
    }
    return [bookmark(telling.version)];
  }

  /** A silence: a while, or until the watch gives up. */
  #wait(telling: Telling, signal: AbortSignal): void {
    const { chance, clock, blame } = this.#world;
    if (chance.is(0.7)) clock.pass(1000 * chance.below(40));
    else while (!signal.aborted) if (!clock.skip()) return blame("a watch that waits for ever");
    if (telling.initial && signal.aborted) this.#refusedAt = clock.monotonic();
    signal.throwIfAborted();
  }
}

function lineOf(event: unknown): string {
  return (typeof event === "string" ? event : JSON.stringify(event)) + "\n";
}

function untilAborted(signal: AbortSignal, then: () => void): Promise<never> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  then();
  return aborted;
}
