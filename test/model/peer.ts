// The API server as one watch meets it: answers from a model server, with everything that may go wrong on
// the way, by chance. Once the world is calm it answers faithfully, until there is nothing left to tell.

import { ApiError } from "../../src/kube/api-error.ts";
import type { ListOptions, ListPage } from "../../src/kube/objects.ts";
import type { KubeObject } from "../../src/kube/object.ts";
import type { KubeRequest } from "../../src/kube/request.ts";
import { TransportError } from "../../src/kube/transport.ts";
import { Judge } from "./judge.ts";
import { type ModelEvent, type ModelObject, type View, wireOf } from "./server.ts";
import { Telling } from "./telling.ts";
import type { World } from "./world.ts";

/** Stands in for a KubeClient. */
export class Peer {
  readonly #world: World;
  readonly #view: View;
  readonly #judge: Judge;
  readonly #pages = new Map<string, { version: number; rest: ModelObject[] }>();
  readonly #told: ModelEvent[] = [];
  #mayStream = true;
  /** How many streams are open. */
  open = 0;

  constructor(world: World, view: View) {
    this.#world = world;
    this.#view = view;
    this.#judge = new Judge(world.clock, world.blame);
  }

  async openStream(
    request: KubeRequest,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<Uint8Array>> {
    const { chance, server, calm } = this.#world;
    this.#world.tick();
    this.#judge.watches(request, this.#view);
    const asked = request.query.resourceVersion;
    if (!calm && chance.is(0.05)) this.#mayStream = !this.#mayStream;
    if (asked === undefined && !this.#mayStream) {
      this.#judge.refused();
      throw new ApiError("cannot watch", chance.is(0.5) ? 400 : 422, { status: {} });
    }
    if (!calm && chance.is(0.12)) throw this.#refusal();
    const version = asked === undefined ? server.version : Number(asked);
    const initial = asked === undefined ? chance.shuffled(server.objects(this.#view)) : undefined;
    // Or as the first thing that the stream says.
    if (!initial && !server.since(version, this.#view) && chance.is(0.5)) throw this.#gone(true);
    const start = {
      view: this.#view,
      judge: this.#judge,
      told: this.#told,
      initial,
      version,
      signal,
    };
    return this.#follow(new Telling(this.#world, start));
  }

  async *#follow(telling: Telling): AsyncGenerator<Uint8Array> {
    this.open++;
    try {
      yield* telling.bytes();
    } finally {
      this.open--;
    }
  }

  of() {
    return { list: (page: ListOptions) => this.#list(page) };
  }

  async #list(page: ListOptions): Promise<ListPage<KubeObject>> {
    const { chance, server, calm } = this.#world;
    this.#world.tick();
    if (page.continueToken === undefined) this.#judge.lists();
    if (!calm && chance.is(0.1)) throw this.#refusal();
    const known = page.continueToken === undefined
      ? { version: server.version, rest: server.objects(this.#view) }
      : this.#pages.get(page.continueToken);
    if (!known) this.#world.blame(`a page that was never offered: ${page.continueToken}`);
    const { version, rest } = known ?? { version: 0, rest: [] };
    const isPaged = page.limit !== undefined;
    // After a page, everything at once may be asked for without a pause.
    if (version < server.compacted) throw this.#gone(!isPaged);
    if (!calm && chance.is(isPaged ? 0.1 : 0.3)) throw this.#gone(!isPaged);
    const size = isPaged ? chance.below(3) : rest.length;
    const items = rest.slice(0, size).map(wireOf) as KubeObject[];
    if (!calm && chance.is(0.05)) items.push({ kind: "ConfigMap" } as KubeObject);
    const left = rest.slice(size);
    const continueToken = left.length > 0 ? `token-${this.#pages.size}` : undefined;
    if (continueToken) this.#pages.set(continueToken, { version, rest: left });
    else this.#judge.reached(version);
    return { items, resourceVersion: String(version), continueToken };
  }

  #gone(pause: boolean): Error {
    this.#judge.lost({ pause });
    return new ApiError("cannot", 410, { status: { reason: "Expired" } });
  }

  #refusal(): Error {
    const code = this.#world.chance.of([0, 0, 401, 403, 404, 429, 500, 503, 504]) ?? 0;
    const retryAfterMs = code === 429 && this.#world.chance.is(0.5) ? 30_000 : undefined;
    this.#judge.trouble(retryAfterMs);
    if (code === 404 || code === 504) this.#judge.lost({ pause: true });
    if (code === 0) return new TransportError("the connection was refused");
    return new ApiError("cannot", code, { status: {}, retryAfterMs });
  }
}
