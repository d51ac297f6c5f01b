import t from "tap";
import { LineDecoder } from "../../../src/base/lines.ts";

const TEXT = '{"a":"é€😀\u2028"}\n\n\r\n{"b":2}\r\n{"c":"' + "x".repeat(40) + '"}\nunterminated';
const WANT = ['{"a":"é€😀\u2028"}', '{"b":2}\r', '{"c":"' + "x".repeat(40) + '"}'];
const BYTES = new TextEncoder().encode(TEXT);
const texts = (lines: readonly Buffer[]) => lines.map((line) => line.toString());

t.test("push() gives the same lines wherever the bytes are split", async (t) => {
  for (let first = 0; first <= BYTES.length; first++) {
    for (const second of [first, first + 1, first + 2, BYTES.length]) {
      const decoder = new LineDecoder();
      const chunks = [
        BYTES.subarray(0, first),
        BYTES.subarray(first, second),
        BYTES.subarray(second),
      ];
      const lines = texts(chunks.flatMap((chunk) => decoder.push(chunk)));
      if (JSON.stringify(lines) !== JSON.stringify(WANT)) {
        t.fail(`split at ${first} and ${second}`, { lines });
      }
    }
  }
  t.pass(`${BYTES.length + 1} offsets`);
});

t.test("push() takes single bytes", async (t) => {
  const decoder = new LineDecoder();
  t.same(texts([...BYTES].flatMap((byte) => decoder.push(Uint8Array.of(byte)))), WANT);
});

t.test("push() does not look at a long line again with every chunk", async (t) => {
  // Quadratic work on 32 MB in 16 KiB chunks would be 32 GB: this test would not end in its time.
  const decoder = new LineDecoder();
  const chunk = new Uint8Array(16 << 10).fill(120);
  for (let sent = chunk.length; sent < 32 << 20; sent += chunk.length) decoder.push(chunk);
  t.equal(decoder.push(new TextEncoder().encode("\n"))[0]?.length, (32 << 20) - chunk.length);
});

t.test("push() cuts a line without an end, so that it holds no more than that", async (t) => {
  const decoder = new LineDecoder(10);
  t.same(decoder.push(new Uint8Array(9).fill(120)), []);
  t.same(texts(decoder.push(new Uint8Array(1).fill(120))), ["xxxxxxxxxx"]);
  t.same(decoder.push(new Uint8Array(9).fill(120)), []);
});
