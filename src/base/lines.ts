// Bytes in any portions → whole lines. An unterminated tail is never given out: a clean end of an HTTP/2
// stream does not prove that the last line is complete, and a watch that goes on gets it again.

const LINE_END = 10;
const RETURN = 13;

/** Cuts a stream into lines. Looks at every byte once, however long the lines are. */
export class LineDecoder {
  readonly #longest: number;
  // The beginning of a line whose end has not come yet.
  #rest: Buffer[] = [];
  #restBytes = 0;

  /** Memory must not grow without a limit: a line that comes to `longest` bytes is cut there. */
  constructor(longest = 32 << 20) {
    this.#longest = longest;
  }

  /** The lines that this chunk completes, without line ends and empty ones. They may share its memory. */
  push(chunk: Uint8Array): Buffer[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const lines: Buffer[] = [];
    let start = 0;
    for (let end; (end = bytes.indexOf(LINE_END, start)) !== -1; start = end + 1) {
      const line = this.#complete(bytes.subarray(start, end));
      if (line.length > 1 || (line.length === 1 && line[0] !== RETURN)) lines.push(line);
    }
    if (start === bytes.length) return lines;
    this.#rest.push(bytes.subarray(start));
    this.#restBytes += bytes.length - start;
    if (this.#restBytes >= this.#longest) lines.push(this.#complete(Buffer.of()));
    return lines;
  }

  #complete(end: Buffer): Buffer {
    if (this.#restBytes === 0) return end;
    const line = Buffer.concat([...this.#rest, end]);
    this.#rest = [];
    this.#restBytes = 0;
    return line;
  }
}
