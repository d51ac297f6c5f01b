import t from "tap";
import { createLogger } from "../../../src/base/log.ts";
import { parseWarnings, warningLog } from "../../../src/kube/transport.ts";
import { FakeClock } from "../base/fake-clock.ts";

for (
  const { name, header, texts } of [
    { name: "nothing", header: "", texts: [] },
    { name: "one", header: '299 - "a b"', texts: ["a b"] },
    { name: "several", header: '299 - "a", 299 - "b, c"', texts: ["a", "b, c"] },
    { name: "quotes", header: String.raw`299 - "a \"b\" \\ c"`, texts: [String.raw`a "b" \ c`] },
    { name: "a date after it", header: '299 - "a" "Wed, 21 Oct 2015 07:28:00 GMT"', texts: ["a"] },
    { name: "other codes", header: '110 - "stale", 2990 - "x"', texts: [] },
    { name: "rubbish", header: '299 - "never ends', texts: [] },
  ]
) {
  t.test(`parseWarnings() finds ${name}`, async (t) => t.strictSame(parseWarnings(header), texts));
}

t.test("warningLog() says each text once, and does not remember without end", async (t) => {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const warn = warningLog(
    createLogger({ level: "warn", format: "text", write, clock: new FakeClock() }),
  );
  warn(undefined, "get Pod db/a");
  for (let i = 0; i < 3; i++) warn('299 - "old"', "get Pod db/a");
  t.equal(lines.length, 1);
  for (let i = 0; i < 1000; i++) warn(`299 - "${i}"`, "get Pod db/a");
  warn('299 - "old"', "get Pod db/a");
  t.equal(lines.length, 1002, "after a thousand others it is news again");
});
