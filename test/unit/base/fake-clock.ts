// A clock that stands still until a test moves it. Timers fire in the order of their times, with every
// consequence of one carried out before the next.

import { type Clock, sleepWith } from "../../../src/base/clock.ts";

export class FakeClock implements Clock {
  #now: number;
  readonly #start: number;
  /** In the order in which they are due. */
  #timers: { at: number; run: () => void }[] = [];
  #random: () => number;
  #suspendedMs = 0;

  constructor(options: { now?: number; random?: () => number } = {}) {
    this.#now = options.now ?? 1_700_000_000_000;
    this.#start = this.#now;
    this.#random = options.random ?? (() => 0);
  }

  now(): number {
    return this.#now + this.#suspendedMs;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  random(): number {
    return this.#random();
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return sleepWith((after, run) => this.setTimer(after, run), ms, signal);
  }

  setTimer(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    let place = this.#timers.length;
    while (place > 0 && (this.#timers[place - 1]?.at ?? 0) > timer.at) place--;
    this.#timers.splice(place, 0, timer);
    return () => {
      const place = this.#timers.indexOf(timer);
      if (place >= 0) this.#timers.splice(place, 1);
    };
  }

  /** How many timers are armed: 0 at the end of a test that leaves nothing behind. */
  get pending(): number {
    return this.#timers.length;
  }

  /** What a suspended machine sees afterwards: the wall clock has gone on, nothing else has. */
  suspend(ms: number): void {
    this.#suspendedMs += ms;
  }

  /** Lets this much time pass. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    while (this.fire(until)) await settle();
    this.#now = until;
  }

  /** Runs the first timer that is due by then, at its time; false when there is none. */
  protected fire(until: number): boolean {
    const [next] = this.#timers;
    if (next === undefined || next.at > until) return false;
    this.#now = Math.max(this.#now, next.at);
    this.#timers.shift();
    next.run();
    return true;
  }

  /** From now on it is this late, whatever is due. */
  protected setNow(at: number): void {
    this.#now = at;
  }
}

/** Everything that is due without time passing. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
