// A client that writes numbered rows through the primary Service, and knows which were acknowledged.

import type { World } from "./world.ts";

export const CLIENT = "client";
const EVERY_MS = 400;
const PATIENCE_MS = 5_000;

export class Writer {
  readonly #world: World;
  #row = 0;
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
    const { acknowledged, clock, groups, instances, network, servicePod } = this.#world;
    const now = clock.monotonic();
    if (this.#waitingSince !== undefined && now - this.#waitingSince < PATIENCE_MS) return;
    this.#waitingSince = undefined;
    const instance = servicePod === undefined ? undefined : instances[servicePod];
    if (instance === undefined || instance.gone) return;
    const { server } = instance;
    const open = server.active && !server.offlineMode && !server.superReadOnly;
    if (!open || !network.connects(CLIENT, instance.place)) return;
    const row = ++this.#row;
    this.#waitingSince = now;
    groups.submit(server, {
      effect: { type: "row", row },
      done: (outcome) => {
        this.#waitingSince = undefined;
        const heard = server.active && network.connects(CLIENT, instance.place);
        if (typeof outcome === "string" || !heard) return;
        acknowledged.set(row, outcome);
        this.acknowledgedAt = clock.monotonic();
      },
    });
  }
}
