// The tap reporter of this project: one line per finished test file, the failures in full, and at
// the end the plain line "N passed, N failed" that people and CI look for. It only reads the TAP
// text that the runner hands it; what counts as a failure is the runner's business.

import { Transform, type TransformCallback } from "node:stream";

const TOTALS =
  /# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?(?:, todo: (\d+))?(?:, skip: (\d+))? \}/;

/** Lines of one top-level test: kept until its result is known, shown only if it failed. */
export default class Reporter extends Transform {
  #partial = "";
  #block: string[] = [];
  #totals: RegExpExecArray | undefined;

  override _transform(chunk: Buffer | string, _encoding: BufferEncoding, done: TransformCallback) {
    const lines = (this.#partial + String(chunk)).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
    done();
  }

  override _flush(done: TransformCallback) {
    if (this.#partial !== "") this.#line(this.#partial);
    this.push(closingLine(this.#totals));
    done();
  }

  #line(line: string) {
    this.#totals = TOTALS.exec(line) ?? this.#totals;
    if (/^(not )?ok \d+/.test(line)) {
      const failed = line.startsWith("not ok");
      this.push(`${line.replace(/ \{$/, "")}\n`);
      // A buffered test prints its details after its result, a streamed one before it.
      if (failed) this.push(this.#block.map((text) => `${text}\n`).join(""));
      this.#block = [];
      this.#showing = failed;
      return;
    }
    if (this.#showing && /^(\s|\})/.test(line)) this.push(`${line}\n`);
    else if (line.startsWith("# Subtest")) this.#showing = false;
    if (!this.#showing) this.#block.push(line);
  }

  #showing = false;
}

/** "N passed, N failed", with the skipped ones named so that nobody takes them for passed. */
function closingLine(totals: RegExpExecArray | undefined): string {
  if (!totals) return "0 passed, 1 failed\n";
  const [, , pass = "0", fail = "0", todo = "0", skip = "0"] = totals;
  const skipped = Number(todo) + Number(skip);
  return `${pass} passed, ${fail} failed${skipped ? `, ${skipped} skipped` : ""}\n`;
}
