// One open watch: what it says next, truly or by chance. Knows what has arrived and tells the judge.

import { TransportError } from "../../src/kube/transport.ts";
import type { Judge } from "./judge.ts";
import { type ModelEvent, type ModelObject, type View, wireOf } from "./server.ts";
import type { World } from "./world.ts";

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

export type Beginning = {
  view: View;
  judge: Judge;
  /** Everything that was ever told to this watch. */
  told: ModelEvent[];
  /** Of a streaming list. */
  initial: ModelObject[] | undefined;
  version: number;
  signal: AbortSignal;
};

export class Telling {
  readonly #world: World;
  readonly #start: Beginning;
  readonly #openedAt: number;
  /** Initial objects that were not sent yet; undefined after their end. */
  #initial: ModelObject[] | undefined;
  /** Everything up to here was sent. */
  #version: number;
  /** What the bytes on the way tell, and whether they end it. */
  #sent: ModelEvent[] = [];
  #ends = false;

  constructor(world: World, start: Beginning) {
    this.#world = world;
    this.#start = start;
    this.#openedAt = world.clock.monotonic();
    this.#initial = start.initial;
    this.#version = start.version;
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    const { chance, idle, tick } = this.#world;
    const { signal, judge } = this.#start;
    while (true) {
      tick();
      signal.throwIfAborted();
      const lines = this.#world.calm ? this.#faithful() : this.#byChance();
      if (lines === "end") return this.#close();
      if (lines === "idle") {
        await untilAborted(signal, () => idle(judge));
        continue;
      }
      if (!this.#initial) judge.sent(this.#version);
      const bytes = UTF8.encode(lines.map(lineOf).join(""));
      const whole = this.#world.calm || this.#ends || chance.is(0.5);
      const cut = whole ? bytes.length : chance.below(bytes.length);
      if (cut < bytes.length) {
        yield bytes.subarray(0, cut);
        if (chance.is(0.1)) return this.#close(); // in the middle of a line
        if (chance.is(0.1)) this.#close("other side closed");
      }
      try {
        yield bytes.subarray(cut % bytes.length);
      } finally {
        this.#arrived();
      }
    }
  }

  #arrived(): void {
    const { judge, told } = this.#start;
    told.push(...this.#sent.splice(0));
    if (this.#ends) judge.lost({ pause: true });
    else if (!this.#initial) judge.reached(this.#version);
  }

  /** The stream is over; with a reason, not by a clean end. */
  #close(error?: string): void {
    const { judge, version, initial } = this.#start;
    const lastedMs = this.#world.clock.monotonic() - this.#openedAt;
    // A streaming list that took that long may be replaced by a list in pages, at once.
    const isTrouble = this.#initial
      ? lastedMs < 30_000
      : !initial && lastedMs < 1000 && !judge.mayKnowMoreThan(version);
    if (isTrouble) judge.trouble();
    if (error) throw new TransportError(error);
  }

  /** What is next, truly; "idle" when the watch knows everything. */
  #faithful(): unknown[] | "idle" {
    const next = this.#next();
    if (next.length > 0) return next;
    if (this.#initial) return this.#endInitial();
    return this.#version === this.#world.server.version ? "idle" : this.#bookmark();
  }

  #byChance(): unknown[] | "end" {
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
        const news = this.#next();
        const ends = news.length === 0 && this.#initial?.length === 0;
        return ends ? this.#endInitial() : news;
      }
      case "bookmark":
        return this.#bookmark();
      case "again": {
        const event = chance.of(this.#start.told.slice(-4));
        // Initial events have no order that an old one could be older in.
        return event && !this.#initial ? [{ type: event.type, object: wireOf(event.object) }] : [];
      }
      case "odd":
        return [chance.of([{ type: "SURPRISE" }, { type: "ADDED", object: {} }, {}, 5])];
      case "error":
        if (chance.is(0.25)) return [failure(429)];
        return this.#end(chance.of(["<html>", failure(410), failure(500)]));
      case "wait":
        this.#wait();
        return [];
      case "end":
        if (chance.is(0.5)) clock.pass(1000 * chance.below(5));
        if (chance.is(0.5)) this.#close("other side closed");
        return "end";
    }
  }

  /** The next few lines. */
  #next(): unknown[] {
    const { chance, server } = this.#world;
    const initial = this.#initial;
    const count = 1 + chance.below(4);
    const changes = server.since(this.#version, this.#start.view);
    if (!changes) return this.#end(failure(410));
    const [first] = changes;
    // Changes may come between the initial objects, but each object comes before its changes.
    const waits = (one: ModelObject) => one.key === first?.object.key;
    if (initial && initial.length > 0 && (!first || initial.some(waits) || chance.is(0.7))) {
      return this.#tell(
        initial.splice(0, count).map((object) => ({ type: "ADDED", object })),
      );
    }
    const next = changes.slice(0, initial ? 1 : count);
    this.#version = next.at(-1)?.object.version ?? this.#version;
    return this.#tell(next);
  }

  /** The last line of the stream that counts. */
  #end(line: unknown): unknown[] {
    this.#ends = true;
    const { server, chance } = this.#world;
    const after = chance.is(0.3) ? [bookmark(server.version, "true")] : [];
    return [line, ...after];
  }

  #tell(events: ModelEvent[]): unknown[] {
    this.#sent.push(...events);
    return events.map(({ type, object }) => ({ type, object: wireOf(object) }));
  }

  #endInitial(): unknown[] {
    this.#initial = undefined;
    return [bookmark(this.#version, "true")];
  }

  #bookmark(): unknown[] {
    const { chance, server } = this.#world;
    if (this.#initial) return [bookmark(this.#version, chance.is(0.5) ? "false" : undefined)];
    // Nothing for this view up to here: it may as well go on from there.
    const news = server.since(this.#version, this.#start.view);
    if (news?.length === 0 && this.#version < server.version) {
      this.#version = server.version;
    }
    return [bookmark(this.#version)];
  }

  /** A silence: a while, or until the watch gives up. */
  #wait(): void {
    const { chance, clock, blame } = this.#world;
    const { signal, judge } = this.#start;
    if (chance.is(0.7)) clock.pass(1000 * chance.below(40));
    else while (!signal.aborted) if (!clock.skip()) return blame("a watch that waits for ever");
    if (this.#initial && signal.aborted) judge.refused();
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
