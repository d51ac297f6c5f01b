import { inspect } from "node:util";
import t from "tap";
import { describeError } from "../../../src/base/errors.ts";
import { createLogger, type Level } from "../../../src/base/log.ts";
import { redact, Secret } from "../../../src/base/secret.ts";
import { FakeClock } from "./fake-clock.ts";

const SECRET = "hunter2-Zq8";

function logger(format: "json" | "text", level: Level = "debug") {
  const lines: string[] = [];
  const clock = new FakeClock({ now: Date.UTC(2026, 0, 2, 3, 4, 5, 678) });
  return { lines, log: createLogger({ level, format, write: (line) => lines.push(line), clock }) };
}

t.test("createLogger() writes one JSON object per record", async (t) => {
  const { lines, log } = logger("json");
  log.with({ controller: "cluster" }).info("applied", { name: "main", count: 2 });
  t.same(JSON.parse(lines[0] ?? ""), {
    time: "2026-01-02T03:04:05.678Z",
    level: "info",
    msg: "applied",
    controller: "cluster",
    name: "main",
    count: 2,
  });
});

t.test("createLogger() writes readable text", async (t) => {
  const { lines, log } = logger("text");
  log.warn("watch keeps failing", { name: "main", why: "two words", n: 1 });
  t.equal(
    lines[0],
    '2026-01-02T03:04:05.678Z WARN  watch keeps failing name=main why="two words" n=1',
  );
});

t.test("createLogger() leaves out what is below its level", async (t) => {
  const { lines, log } = logger("json", "warn");
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  t.equal(lines.length, 2);
});

t.test("createLogger() survives circular and odd values", async (t) => {
  const { lines, log } = logger("json");
  const circular: Record<string, unknown> = { big: 1n, bytes: new Uint8Array(3), twice: [] };
  circular.self = circular;
  const shared = { a: 1 };
  log.info("odd", { circular, shared: [shared, shared], none: undefined });
  t.match(lines[0], '"self":"[circular]"');
  t.match(lines[0], '"shared":[{"a":1},{"a":1}]');
  t.match(lines[0], '"bytes":"[3 bytes]"');
});

const LEAKS: Record<string, unknown> = {
  "wrapped": { value: new Secret(SECRET) },
  "wrapped and deep": { a: [{ b: new Secret(SECRET) }] },
  "a field named password": { password: SECRET },
  "a field named rootPassword": { nested: { rootPassword: SECRET } },
  "a field named token": { access_token: SECRET },
  "a URL with credentials": { uri: `mysql://root:${SECRET}@db:3306/x` },
  "a bearer token": { header: `Authorization: Bearer ${SECRET}` },
  "SQL": { sql: `CREATE USER a@'%' IDENTIFIED BY '${SECRET}' REQUIRE SSL` },
  "SQL with a plugin": { sql: `ALTER USER a IDENTIFIED WITH caching_sha2_password BY '${SECRET}'` },
  "an option file's text": { text: `[client]\nuser=root\npassword=${SECRET}\n` },
  "an argument": { argv: ["mysqlsh", `--password=${SECRET}`] },
  "JSON in a text": { text: JSON.stringify({ password: SECRET }) },
  "an error's cause": {
    err: new Error("cannot connect", { cause: new Error(`password: ${SECRET}`) }),
  },
};

for (const [name, fields] of Object.entries(LEAKS)) {
  t.test(`no way of printing shows a secret: ${name}`, async (t) => {
    for (const format of ["json", "text"] as const) {
      const { lines, log } = logger(format);
      log.error("failed", fields as Record<string, unknown>);
      t.notMatch(lines.join("\n"), SECRET);
    }
  });
}

t.test("Secret shows itself only through reveal()", async (t) => {
  const secret = new Secret(SECRET);
  t.equal(secret.reveal(), SECRET);
  for (
    const text of [
      `${secret}`,
      String(secret),
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ a: [secret] }, { showHidden: true }),
    ]
  ) {
    t.notMatch(text, SECRET);
  }
});

t.test("redact() leaves ordinary text alone", async (t) => {
  for (
    const text of [
      "cannot apply StatefulSet db/main: 409 Conflict",
      "https://10.0.0.1:6443/api",
      "the token file is empty",
      "Secret db/main-root-password",
    ]
  ) {
    t.equal(redact(text), text);
  }
});

t.test("describeError() joins causes once each", async (t) => {
  const inner = new Error("connect ECONNREFUSED 127.0.0.1:1");
  t.equal(
    describeError(new Error("GET https://x", { cause: inner })),
    "GET https://x: connect ECONNREFUSED 127.0.0.1:1",
  );
  t.equal(describeError(new Error("a: b", { cause: new Error("b") })), "a: b");
  t.equal(describeError("text"), "text");
  t.equal(describeError(new AggregateError([new Error("first")], "")), "AggregateError: first");
});
