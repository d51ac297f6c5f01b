import t from "tap";
import { type PulseOptions, ReturnPulse, whilePulsing } from "../../../src/agent/pulse.ts";
import { Secret } from "../../../src/base/secret.ts";
import type { Session } from "../../../src/mysql/session.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";
import * as a from "./builders.ts";

const PRIMARY = { host: a.hostOf(0), port: 3306 };

/** A server that is the primary or not, and may refuse; counts what is written and which sessions are open. */
function world() {
  const clock = new FakeClock();
  const server = { primary: true, refuses: false, blocks: false, written: 0, sessions: 0 };
  const query = (sql: string): Promise<object[]> => {
    if (server.refuses) return Promise.reject(new Error("gone"));
    if (/^FLUSH/.test(sql)) server.written++;
    if (/^FLUSH/.test(sql) && server.blocks) return Promise.reject(new Error("no answer in time"));
    const role = server.primary ? "PRIMARY" : "SECONDARY";
    return Promise.resolve([{ uuid: "u", memberId: "u", state: "ONLINE", role }]);
  };
  const open = () => {
    server.sessions++;
    return Promise.resolve({ query, close: () => server.sessions-- } as unknown as Session);
  };
  const login = () => Promise.resolve({ user: "agent", password: new Secret("x") });
  return { clock, server, options: { clock, open, login } satisfies PulseOptions };
}

t.test("the primary is written on for as long as the join takes", async (t) => {
  const { clock, options, server } = world();
  let join: (state: string) => void = () => {};
  const joined = whilePulsing(options, PRIMARY, () => new Promise<string>((done) => join = done));
  await settle();
  t.equal(server.written, 1, "at once");
  for (const more of [2, 3]) {
    await clock.advance(200);
    t.equal(server.written, more);
  }
  server.primary = false;
  await clock.advance(200);
  t.equal(server.written, 3, "nobody else is written on");
  server.refuses = true;
  await clock.advance(200);
  t.equal(server.sessions, 0, "a session that broke is closed");
  Object.assign(server, { refuses: false, primary: true });
  await clock.advance(200);
  t.equal(server.written, 4, "and opened anew");
  join("ONLINE");
  t.equal(await joined, "ONLINE");
  t.equal(server.sessions, 0);
  await clock.advance(1_000);
  t.equal(server.written, 4, "nothing after it");
});

t.test("a primary that takes no writes is not written on again", async (t) => {
  const { clock, options, server } = world();
  server.blocks = true;
  let join: (state: string) => void = () => {};
  const joined = whilePulsing(options, PRIMARY, () => new Promise<string>((done) => join = done));
  await settle();
  await clock.advance(5_000);
  t.equal(server.written, 1, "it may wait for a majority that is lost");
  t.equal(server.sessions, 0);
  join("ONLINE");
  t.equal(await joined, "ONLINE");
});

t.test("a join that fails is a failure, and ends the pulse", async (t) => {
  const { clock, options, server } = world();
  const failing = () => Promise.reject(new Error("3092"));
  await t.rejects(whilePulsing(options, PRIMARY, failing), /3092/);
  const { written } = server;
  await clock.advance(1_000);
  t.equal(server.written, written);
  t.equal(server.sessions, 0);
});

t.test("a server that comes back by itself is written for as long as it says so", async (t) => {
  const { clock, options, server } = world();
  const pulse = new ReturnPulse(options);
  for (let look = 1; look <= 3; look++) {
    pulse.want(a.addressOfOrdinal(0));
    await settle();
    t.equal(server.sessions, 1, "one pulse, however often it is wanted");
    t.equal(server.written, look);
    await clock.advance(200);
  }
  pulse.want(a.addressOfOrdinal(1));
  await settle();
  await clock.advance(200);
  t.equal(server.sessions, 1, "another primary: the first is left alone");
  pulse.want(undefined);
  await settle();
  t.equal(server.sessions, 0);
  const { written } = server;
  await clock.advance(1_000);
  t.equal(server.written, written);
});
