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
  /** What the bytes on the way tell, and whether they end it. */
  sent: ModelEvent[];
  ends: boolean;
  openedAt: number;
  /** What the watch asked from; -1 for a streaming list. */
  from: number;
};

export class Peer {
  readonly #world: World;
  readonly #view: View;
  /** What the watch knows: everything up to `least`, and perhaps more; nothing before its first list. */
  #known: { least: number; most: number } | undefined;
  /** It knows nothing that it could go on from. */
  #mustList = true;
  #mayStream = true;
  #refusedAt = -Infinity;
  /** When it was last told to stay away: it must not ask again at that very time. */
  #troubleAt = -1;
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
    // Or as the first thing that the stream says.
    if (!initial && !server.since(version, this.#view) && chance.is(0.5)) throw this.#gone();
    const openedAt = clock.monotonic();
    const telling = {
      initial,
      version,
      sent: [],
      ends: false,
      openedAt,
      from: initial ? -1 : version,
    };
    return this.#stream(telling, signal);
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
    const isPaged = page.limit !== 0;
    if (version < server.compacted || (!calm && chance.is(isPaged ? 0.1 : 0.3))) {
      const gone = this.#gone();
      if (isPaged) this.#troubleAt = -1; // everything at once may be asked for without a pause
      throw gone;
    }
    const size = page.limit === 0 ? rest.length : chance.below(3);
    const items = rest.slice(0, size).map(wireOf) as KubeObject[];
    if (!calm && chance.is(0.05)) items.push({ kind: "ConfigMap" } as KubeObject);
    const left = rest.slice(size);
    const continueToken = left.length > 0 ? `token-${this.#pages.size}` : undefined;
    if (continueToken) this.#pages.set(continueToken, { version, rest: left });
    else this.#reached(version);
    return { items, resourceVersion: String(version), continueToken };
  }

  #reached(version: number): void {
    this.#known = { least: version, most: version };
    this.#mustList = false;
  }

  /** The stream is over; with a reason, not by a clean end. */
  #close(telling: Telling, error?: string): void {
    const { clock } = this.#world;
    const nothingNew = (this.#known?.most ?? 0) <= telling.from;
    const lastedMs = clock.monotonic() - telling.openedAt;
    // A streaming list that took that long may be replaced by a list in pages, at once.
    const tooShort = telling.initial ? lastedMs < 30_000 : lastedMs < 1000 && nothingNew;
    if (tooShort) this.#troubleAt = clock.monotonic();
    if (error) throw new TransportError(error);
  }

  #end(telling: Telling, line: unknown): unknown[] {
    telling.ends = true;
    return [line];
  }

  #gone(): Error {
    this.#mustList = true;
    this.#troubleAt = this.#world.clock.monotonic();
    return new ApiError("cannot", 410, { status: { reason: "Expired" } });
  }

  #refusal(): Error {
    const code = this.#world.chance.of([0, 0, 401, 403, 404, 429, 500, 503, 504]) ?? 0;
    this.#troubleAt = this.#world.clock.monotonic();
    if (code === 404 || code === 504) this.#mustList = true;
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
    const { least = 0, most = 0 } = this.#known ?? {};
    const from = Number(resourceVersion);
    if (from < least || from > most) blame(`goes on from ${from}, knows ${least} to ${most}`);
  }

  #judgeNeed(everything: boolean): void {
    const { blame, clock } = this.#world;
    if (everything && !this.#mustList) blame("a new list without a reason");
    if (!everything && this.#mustList) blame("it goes on where it cannot");
    if (clock.monotonic() === this.#troubleAt) blame("no pause after trouble");
  }

  async *#stream(telling: Telling, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { chance } = this.#world;
    this.open++;
    try {
      while (true) {
        this.#world.tick();
        signal.throwIfAborted();
        const lines = this.#world.calm ? this.#faithful(telling) : this.#byChance(telling, signal);
        if (lines === "end") return this.#close(telling);
        if (lines === "idle") await untilAborted(signal, () => this.#world.idle(this));
        if (this.#known && !telling.initial) this.#known.most = telling.version;
        const bytes = UTF8.encode((lines as unknown[]).map(lineOf).join(""));
        const cut = this.#world.calm || !chance.is(0.5) ? bytes.length : chance.below(bytes.length);
        if (cut < bytes.length) {
          yield bytes.subarray(0, cut);
          if (chance.is(0.1)) return this.#close(telling); // in the middle of a line
          if (chance.is(0.1)) this.#close(telling, "other side closed");
        }
        try {
          yield bytes.subarray(cut % bytes.length);
        } finally {
          this.#arrived(telling);
        }
      }
    } finally {
      this.open--;
    }
  }

  #arrived(telling: Telling): void {
    this.#told.push(...telling.sent.splice(0));
    if (telling.ends) {
      this.#mustList = true;
      this.#troubleAt = this.#world.clock.monotonic();
    } else if (!telling.initial) this.#reached(telling.version);
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
        return this.#end(telling, chance.of(["<html>", failure(410), failure(500)]));
      case "wait":
        this.#wait(telling, signal);
        return [];
      case "end":
        if (chance.is(0.5)) clock.pass(1000 * chance.below(5));
        if (chance.is(0.5)) this.#close(telling, "other side closed");
        return "end";
    }
  }

  /** The next few lines. */
  #next(telling: Telling): unknown[] {
    const { chance, server } = this.#world;
    const { initial } = telling;
    const count = 1 + chance.below(4);
    const changes = server.since(telling.version, this.#view);
    if (!changes) return this.#end(telling, failure(410));
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
    telling.sent.push(...events);
    return events.map(({ type, object }) => ({ type, object: wireOf(object) }));
  }

  #endInitial(telling: Telling): unknown[] {
    telling.initial = undefined;
    return [bookmark(telling.version, "true")];
  }

  #bookmark(telling: Telling): unknown[] {
    const { chance, server } = this.#world;
    if (telling.initial) return [bookmark(telling.version, chance.is(0.5) ? "false" : undefined)];
    // Nothing for this view up to here: it may as well go on from there.
    const news = server.since(telling.version, this.#view);
    if (news?.length === 0 && telling.version < server.version) {
      telling.version = server.version;
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
