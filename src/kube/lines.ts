// Bytes in any portions → whole lines. An unterminated tail is never given out: a clean end of an HTTP/2
// stream does not prove that the last line is complete, and a watch that goes on gets it again.

/** Cuts a stream of UTF-8 into lines. Looks at every byte once, however long the lines are. */
export class LineDecoder {
  readonly #decoder = new TextDecoder();
  readonly #longest: number;
  // The beginning of a line whose end has not come yet. Appending makes a rope, which costs nothing.
  #rest = "";

  /** Memory must not grow without a limit: a line that comes to `longest` characters is cut there. */
  constructor(longest = 32 << 20) {
    this.#longest = longest;
  }

  /** The lines that this chunk completes, without their line ends; empty lines are left out. */
  push(chunk: Uint8Array): string[] {
    const text = this.#decoder.decode(chunk, { stream: true });
    const lines: string[] = [];
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      const line = this.#rest + text.slice(start, end);
      this.#rest = "";
      start = end + 1;
      if (line !== "" && line !== "\r") lines.push(line);
    }
    this.#rest += text.slice(start);
    if (this.#rest.length >= this.#longest) {
      lines.push(this.#rest);
      this.#rest = "";
    }
    return lines;
  }
}
