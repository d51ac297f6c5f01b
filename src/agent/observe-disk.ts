// Looks at the volume of the data, beside the loop: on a frozen disk a write does not return. Two things are asked:
// whether there is room, and whether a small write reaches the disk. The server itself says neither: it waits in its
// commits, is ONLINE in its group, and answers everything that only reads.

import { open, statfs } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { DiskTrouble } from "./facts.ts";

export type DiskPorts = {
  readonly freeBytes: () => Promise<number>;
  /** Resolves when a write is on the disk. */
  readonly write: () => Promise<void>;
};

const EVERY_MS = 5_000;
/** Less room than this is none: the server extends its files by more. */
export const FULL_BYTES = 1 << 20;
/** A disk may take this long; a group lives with a slower one, and a fail-over is no remedy for being slow. */
export const STALL_MS = 15_000;

/** The volume of the data, observed. */
export class DiskObserver {
  readonly #ports: DiskPorts;
  readonly #clock: Clock;
  /** When the look that has not ended yet began; else when the next is due. */
  #pendingSince: number | undefined;
  #dueAt = -Infinity;
  #full: DiskTrouble | undefined;
  #failing: DiskTrouble | undefined;

  constructor(ports: DiskPorts, clock: Clock) {
    this.#ports = ports;
    this.#clock = clock;
  }

  /** What is wrong with the disk now, and begins the next look if it is time. Waits for nothing. */
  look(): DiskTrouble | undefined {
    const now = this.#clock.monotonic();
    const since = this.#pendingSince;
    if (since !== undefined) {
      const detail = "a write to it does not return";
      return now - since < STALL_MS ? this.#known() : { type: "stalled", since, detail };
    }
    if (now >= this.#dueAt) {
      this.#pendingSince = now;
      this.#probe(now).finally(() => {
        this.#dueAt = this.#clock.monotonic() + EVERY_MS;
        this.#pendingSince = undefined;
      });
    }
    return this.#known();
  }

  #known(): DiskTrouble | undefined {
    return this.#full ?? this.#failing;
  }

  async #probe(now: number): Promise<void> {
    try {
      const full = await this.#ports.freeBytes() < FULL_BYTES;
      this.#full = full ? this.#full ?? { type: "full", since: now, detail: "" } : undefined;
      await this.#ports.write();
      this.#failing = undefined;
    } catch (error) {
      const since = this.#failing?.since ?? now;
      this.#failing = { type: "stalled", since, detail: describeError(error) };
    }
  }
}

/** The mounted volume; the file that is written is ours alone. */
export function volumePorts(directory: string): DiskPorts {
  return {
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(directory);
      return bavail * bsize;
    },
    write: async () => {
      const file = await open(`${directory}/agent-probe`, "w", 0o600);
      try {
        await file.write("x");
        await file.sync();
      } finally {
        await file.close();
      }
    },
  };
}
