// Who can talk to whom. A connection needs both directions; a machine that is off talks to nobody.

export class Network {
  readonly #cuts = new Map<string, number>();
  readonly #off = new Set<string>();

  /** Whether a connection between two places works. */
  connects(a: string, b: string): boolean {
    if (this.#off.size > 0 && (this.#off.has(a) || this.#off.has(b))) return false;
    return this.#cuts.size === 0 || a === b ||
      !this.#cuts.has(`${a}>${b}`) && !this.#cuts.has(`${b}>${a}`);
  }

  /** Drops what goes from one place to the other, until the returned function is called. */
  cut(from: string, to: string): () => void {
    const key = `${from}>${to}`;
    this.#cuts.set(key, (this.#cuts.get(key) ?? 0) + 1);
    return () => {
      const left = (this.#cuts.get(key) ?? 1) - 1;
      if (left > 0) this.#cuts.set(key, left);
      else this.#cuts.delete(key);
    };
  }

  switchOff(place: string): void {
    this.#off.add(place);
  }

  switchOn(place: string): void {
    this.#off.delete(place);
  }
}
