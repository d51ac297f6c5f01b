// What a watch makes of the bytes it gets: in portions of any kind, too many of them, or of no use.

import { gzipSync } from "node:zlib";
import t from "tap";
import { playScript, type Reply } from "../../fixtures/apiserver/scripted-apiserver.ts";
import { systemClock } from "../../src/base/clock.ts";
import { configMaps } from "../../src/api/kinds.ts";
import { LineDecoder } from "../../src/base/lines.ts";
import { buildWatch } from "../../src/kube/request.ts";
import {
  added,
  answer,
  bookmark,
  eagerClock,
  followUntil,
  from,
  fromNothing,
  initial,
  limit,
  map,
  modified,
  namespace,
  WATCH,
} from "./scripted-support.ts";

const UTF8 = new TextEncoder();
const lines = (...events: unknown[]) =>
  UTF8.encode(events.map((event) => JSON.stringify(event) + "\n").join(""));
const withText = (name: string, version: string, text: string) => ({
  type: "MODIFIED",
  object: { ...map(name, version), data: { text } },
});
const ODD_TEXT = "é€😀\u2028\\u0000\r";

for (const sizes of [[1], [2, 3, 5, 7, 11, 13], [100, 1, 16_384]]) {
  t.test(`a stream in portions of ${sizes} bytes is the same stream`, async (t) => {
    const bytes = lines(
      added("a", "5"),
      withText("b", "6", ODD_TEXT),
      bookmark("9", "true"),
      withText("a", "10", ODD_TEXT),
    );
    const server = await playScript(t, [{
      expect: WATCH,
      reply: async (reply) => {
        reply.head(200);
        await reply.trickle(bytes, ...sizes);
      },
    }]);
    const { writer, seen } = await followUntil(server.client(), "a10,b6", systemClock);
    t.same(seen, ["init", "apply", "apply", "initDone", "apply"]);
    for (const key of ["db/a", "db/b"]) t.equal(writer.get(key)?.data?.text, ODD_TEXT);
  });
}

t.test("an object of one and a half megabytes is an object", async (t) => {
  const text = "😀".repeat(400_000);
  const server = await playScript(t, [
    initial(t, (reply) => reply.write(lines(withText("a", "10", text), modified("b", "11")))),
  ]);
  const { writer } = await followUntil(server.client(), "a10,b11", systemClock);
  t.equal(writer.get("db/a")?.data?.text, text);
});

t.test("a line that never ends is given up, and the rest of it is not read", async (t) => {
  const megabyte = new Uint8Array(1 << 20).fill(120);
  let sent = 0;
  const endless = (reply: Reply): void => {
    const more = (): void => {
      if (reply.stream.destroyed || sent > 200) return;
      sent++;
      reply.stream.write(megabyte, more);
    };
    more();
  };
  const clock = eagerClock();
  const server = await playScript(t, [
    initial(t, endless),
    {
      expect: WATCH,
      check: fromNothing(t),
      reply: answer(added("a", "50"), bookmark("60", "true")),
    },
  ]);
  const { restarts } = await followUntil(server.client(), "a50", clock);
  t.match(restarts, [/^broken: a line of \d+ bytes is not JSON/]);
  t.ok(sent < 100, `${sent} MB were sent`);
  t.same(clock.slept, [500]);
});

const USELESS: Record<string, (reply: Reply) => void> = {
  "a line that is not JSON": (reply) => reply.write("<html>\n"),
  "an answer that is compressed unasked": (reply) =>
    reply.write(gzipSync(lines(modified("a", "10")))),
  "a Table": (reply) =>
    reply.events({ type: "ADDED", object: { ...map("a", "10"), kind: "Table" } }),
};

for (const [name, says] of Object.entries(USELESS)) {
  t.test(`${name} leads to a new list, slowly`, async (t) => {
    const clock = eagerClock();
    const bad = (reply: Reply) => {
      reply.head(200);
      says(reply);
      reply.write("\n");
      reply.end();
    };
    const server = await playScript(t, [
      initial(t, (reply) => {
        says(reply);
        reply.write("\n");
      }),
      { expect: WATCH, check: fromNothing(t), reply: bad },
      { expect: WATCH, check: fromNothing(t), reply: bad },
      {
        expect: WATCH,
        check: (seen) => {
          fromNothing(t)(seen);
          t.equal(seen.headers["accept-encoding"], undefined, "nothing compressed is asked for");
        },
        reply: answer(added("a", "50"), bookmark("60", "true")),
      },
    ]);
    await followUntil(server.client(), "a50", clock);
    t.same(clock.slept, [500, 1000, 2000]);
  });
}

t.test("one malformed object does not stop its kind, wherever it comes", async (t) => {
  const bad = (version: string) => {
    const one = map("bad", version);
    return { ...one, metadata: { ...one.metadata, labels: "no" } };
  };
  const server = await playScript(t, [
    {
      expect: WATCH,
      reply: answer(
        { type: "ADDED", object: bad("4") },
        added("a", "5"),
        bookmark("9", "true"),
        { type: "MODIFIED", object: bad("10") },
        { type: "MODIFIED", object: {} },
        { type: "SURPRISE", object: map("a", "99") },
        modified("a", "11"),
        { type: "MODIFIED", object: map("bad", "12") },
      ),
    },
  ]);
  const { unreadable, restarts, writer } = await followUntil(
    server.client(),
    "a11,bad12",
    eagerClock(),
  );
  t.equal(unreadable.length, 4);
  t.same(restarts, []);
  t.equal(writer.unreadable("db/bad"), undefined, "it is well again");
});

t.test("a reader that is slow holds the server up, and gets everything", async (t) => {
  const count = 400;
  const text = "x".repeat(100_000);
  let sent = 0;
  const server = await playScript(t, [
    initial(t, (reply) => {
      const more = (): void => {
        if (sent < count) reply.stream.write(lines(withText("a", String(10 + sent++), text)), more);
      };
      more();
    }),
  ]);
  // What a watch reads from: it takes the next portion when everybody has seen the last one.
  const request = buildWatch(configMaps, { namespace }, {
    resourceVersion: undefined,
    timeoutSeconds: 300,
  });
  const decoder = new LineDecoder();
  const read: Buffer[] = [];
  for await (const chunk of await server.client().openStream(request, limit())) {
    if (read.length === 0) {
      const held = await standstill(() => sent);
      t.ok(held > 1 && held < count / 2, `${held} of ${count} were sent before anybody read them`);
    }
    read.push(...decoder.push(chunk));
    if (read.length === count + 3) break;
  }
  t.match(read.at(-1)?.toString(), `"resourceVersion":"${9 + count}"`);
});

/** What a count comes to when it does not move any more. */
async function standstill(count: () => number): Promise<number> {
  const signal = limit();
  for (let last = -1; last !== count();) {
    last = count();
    await systemClock.sleep(300, signal);
  }
  return count();
}

t.test("a watch goes on from the last whole line, also in the middle of a letter", async (t) => {
  const bytes = lines(withText("a", "10", "€"), withText("a", "11", "€"));
  const cut = bytes.lastIndexOf(0x82); // € is e2 82 ac
  const server = await playScript(t, [
    initial(t, (reply) => {
      reply.write(bytes.subarray(0, cut));
      reply.end();
    }),
    { expect: WATCH, check: from(t, "10"), reply: answer(withText("a", "11", "€")) },
  ]);
  await followUntil(server.client(), "a11,b3", eagerClock());
});
