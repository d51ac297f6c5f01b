// A value that gets old: made again when its time is over or when somebody has refused it, by one making
// for however many ask. A making that fails leaves the value known before: it may still do.

import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";

export type Made<T> = { value: T; validMs: number };

const RETRY_MS = 10_000;

export class Renewable<T extends object> {
  readonly #make: (refused: boolean) => Promise<Made<T>>;
  readonly #deps: { clock: Clock; log: Logger };
  readonly #restMs: number;
  #value: T | undefined;
  #madeAt = -Infinity;
  #validUntil = -Infinity;
  #making: Promise<T> | undefined;
  #complaint = "";

  /** A refused value younger than restMs is not made again: its successor would be refused as well. */
  constructor(
    make: (refused: boolean) => Promise<Made<T>>,
    deps: { clock: Clock; log: Logger },
    restMs = 0,
  ) {
    this.#make = make;
    this.#deps = deps;
    this.#restMs = restMs;
  }

  /** The value, made now when it is old. @throws what the making throws while there never was a value. */
  async current(): Promise<T> {
    const fresh = this.#deps.clock.monotonic() < this.#validUntil;
    return this.#value !== undefined && fresh ? this.#value : await this.#renew(false);
  }

  /** The successor of `used`, which was refused; `used` again when there is none. */
  async renew(used: T): Promise<T> {
    const rested = this.#deps.clock.monotonic() - this.#madeAt >= this.#restMs;
    return used === this.#value && rested ? await this.#renew(true) : this.#value ?? used;
  }

  #renew(refused: boolean): Promise<T> {
    this.#making ??= this.#makeNow(refused).finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #makeNow(refused: boolean): Promise<T> {
    const { clock, log } = this.#deps;
    try {
      const { value, validMs } = await this.#make(refused);
      this.#value = value;
      this.#madeAt = clock.monotonic();
      this.#validUntil = this.#madeAt + validMs;
      this.#complaint = "";
      return value;
    } catch (error) {
      if (this.#value === undefined) throw error;
      this.#validUntil = clock.monotonic() + RETRY_MS;
      const complaint = describeError(error);
      if (complaint !== this.#complaint) log.warn("credentials not renewed", { err: complaint });
      this.#complaint = complaint; // said once
      return this.#value;
    }
  }
}
