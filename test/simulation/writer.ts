// A client that writes numbered rows through the primary Service, and knows which were acknowledged. As pools
// do, it keeps its connection as long as that is there, whatever the server answers; a new one is made only to a
// Pod that is ready.

import type { Process } from "./clock.ts";
import type { Incarnation } from "./instance.ts";
import type { World } from "./world.ts";

export const CLIENT = "client";
const EVERY_MS = 400;
const PATIENCE_MS = 5_000;
/** So long a pool keeps a connection on which every write is refused. */
const REFUSED_MS = 15_000;

type Connection = {
  readonly instance: Incarnation;
  readonly run: Process;
  /** Its agent runs, */
  readonly watched: boolean;
  /** and has seen that it is the primary. */
  writes?: boolean;
  refusedSince?: number | undefined;
};

export class Writer {
  readonly #world: World;
  #row = 0;
  #connection: Connection | undefined;
  #waitingSince: number | undefined;
  /** When the last write was acknowledged. */
  acknowledgedAt = -Infinity;

  constructor(world: World) {
    this.#world = world;
    this.#next();
  }

  #next(): void {
    this.#world.clock.setTimer(EVERY_MS, () => {
      this.#write();
      this.#next();
    });
  }

  #write(): void {
    const { clock, network } = this.#world;
    const now = clock.monotonic();
    if (this.#waitingSince !== undefined) {
      if (now - this.#waitingSince < PATIENCE_MS) return;
      this.#waitingSince = undefined;
      this.#close();
    }
    const connection = this.#connected();
    if (connection === undefined) return;
    const { server } = connection.instance;
    if (!server.active || !network.connects(CLIENT, connection.instance.place)) {
      this.#waitingSince = now;
      return;
    }
    if (server.offlineMode) return this.#close();
    if (server.superReadOnly) return this.#refused(connection, now);
    connection.refusedSince = undefined;
    connection.writes = true;
    this.#submit(connection, now);
  }

  #submit({ instance: { place, server } }: Connection, now: number): void {
    const { acknowledged, clock, groups, network } = this.#world;
    const row = ++this.#row;
    this.#waitingSince = now;
    groups.submit(server, {
      effect: { type: "row", row },
      done: (outcome) => {
        this.#waitingSince = undefined;
        const heard = server.active && network.connects(CLIENT, place);
        if (typeof outcome === "string" || !heard) return;
        acknowledged.set(row, outcome);
        this.acknowledgedAt = clock.monotonic();
      },
    });
  }

  // Whoever is demoted while its agent looks on ends its clients' connections.
  #refused(connection: Connection, now: number): void {
    connection.refusedSince ??= now;
    if (now - connection.refusedSince < REFUSED_MS) return;
    const { server, server: { address } } = connection.instance;
    const elsewhere = this.#world.groups.writers().some((one) => one !== server);
    const saw = elsewhere && connection.watched && connection.writes === true &&
      connection.instance.agent?.neverStopped === true;
    if (saw && !this.#world.apiTrouble) {
      this.#world.blame("too long", `clients stay with ${address}, which refuses their writes`);
    }
    this.#close();
  }

  #connected(): Connection | undefined {
    const known = this.#connection;
    if (known !== undefined && known.run === known.instance.server.process && !known.run.dead) {
      return known;
    }
    this.#close();
    const { instances, network, servicePod } = this.#world;
    const instance = servicePod === undefined ? undefined : instances[servicePod];
    if (instance === undefined || instance.gone || !instance.endpoint) return undefined;
    const { server } = instance;
    if (!server.active || server.offlineMode || !network.connects(CLIENT, instance.place)) {
      return undefined;
    }
    const watched = instance.agent?.process.runs === true;
    server.endClients = () => this.#close();
    return this.#connection = { instance, run: server.process, watched };
  }

  #close(): void {
    if (this.#connection !== undefined) this.#connection.instance.server.endClients = undefined;
    this.#connection = undefined;
  }
}
