// Pure: chance that a seed repeats, and the time that goes with it. Everything random in a model run comes
// from one of these, so that a seed is the whole run.

import { FakeClock } from "../unit/base/fake-clock.ts";

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2_654_435_761 >>> 0;
  }

  /** Uniform in [0, 1). (mulberry32) */
  next(): number {
    this.#state = this.#state + 0x6d2b79f5 >>> 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** True with this probability. */
  is(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of them; undefined when there is none. */
  of<T>(all: readonly T[]): T | undefined {
    return all[this.below(all.length)];
  }

  /** The name of one, each as likely as its weight says. */
  pick<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    return (entries.find(([, weight]) => (left -= weight) < 0) ?? entries[0] as [K, number])[0];
  }

  shuffled<T>(all: readonly T[]): T[] {
    return all.map((one) => ({ one, at: this.next() })).sort((a, b) => a.at - b.at)
      .map(({ one }) => one);
  }
}

/** Time that passes only when somebody waits: a sleep is over at once, and it is later then. */
export class ModelClock extends FakeClock {
  constructor(chance: Chance) {
    super({ now: 0, random: () => chance.next() });
  }

  override async sleep(ms: number, signal: AbortSignal): Promise<void> {
    const slept = super.sleep(ms, signal);
    this.pass(ms);
    await slept;
  }

  /** Lets time pass, with everything that is due on the way. */
  pass(ms: number): void {
    const until = this.now() + ms;
    while (this.fire(until));
    this.setNow(until);
  }

  /** Lets as much time pass as it takes for the next timer; false when there is none. */
  skip(): boolean {
    return this.fire(Infinity);
  }
}
