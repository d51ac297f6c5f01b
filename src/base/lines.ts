// Bytes in any portions → whole lines. An unterminated tail is never given out: a clean end of an HTTP/2
// stream does not prove that the last line is complete, and a watch that goes on gets it again.

const LINE_END = 10;
const RETURN = Buffer.from("\r");

/** Cuts a stream into lines. Looks at every byte once, however long the lines are. */
export class LineDecoder {
  readonly #longest: number;
  // The beginning of a line whose end has not come yet.
  #rest: Uint8Array[] = [];
  #restBytes = 0;

  /** Memory must not grow without a limit: a line that comes to `longest` bytes is cut there. */
  constructor(longest = 32 << 20) {
    this.#longest = longest;
  }

  /** The lines that this chunk completes, without line ends and empty ones. They may share its memory. */
  push(chunk: Uint8Array): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end; (end = chunk.indexOf(LINE_END, start)) !== -1; start = end + 1) {
      const line = this.#complete(chunk.subarray(start, end));
      if (line.length > 0 && !line.equals(RETURN)) lines.push(line);
    }
    this.#rest.push(chunk.subarray(start));
    this.#restBytes += chunk.length - start;
    if (this.#restBytes >= this.#longest) lines.push(this.#complete(new Uint8Array()));
    return lines;
  }

  #complete(end: Uint8Array): Buffer {
    const begun = this.#restBytes > 0;
    const line = begun
      ? Buffer.concat([...this.#rest, end])
      : Buffer.from(end.buffer, end.byteOffset, end.length);
    this.#rest = [];
    this.#restBytes = 0;
    return line;
  }
}
