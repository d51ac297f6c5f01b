import t from "tap";
import { BEGUN_MS } from "../../../src/agent/decide-guard.ts";
import { type GuardOptions, type Known, ServerGuard } from "../../../src/agent/guard.ts";
import { AgentLoop, type LoopOptions } from "../../../src/agent/loop.ts";
import { silentLogger } from "../../../src/base/log.ts";
import type { MemberFacts } from "../../../src/mysql/queries.ts";
import type { Session } from "../../../src/mysql/session.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";
import * as a from "./builders.ts";

/** The own server: says what it is, takes the switches, and notes what it was told. */
function ownServer(member: MemberFacts) {
  const server = { member, told: [] as string[], refuses: false, sessions: 0 };
  const rows = (): object[] =>
    server.member.members.map((row) => ({
      ...server.member,
      superReadOnly: Number(server.member.superReadOnly),
      offlineMode: Number(server.member.offlineMode),
      ...{ memberId: row.uuid, host: row.host, port: row.port, state: row.state, role: row.role },
    }));
  const query = (sql: string): Promise<object[]> => {
    const [, name, value] = /SET GLOBAL (\w+) = (\w+)/.exec(sql) ?? [];
    if (/PROCESSLIST_ID/.test(sql)) server.told.push("clients");
    if (name === undefined) return Promise.resolve(/@@server_uuid/.test(sql) ? rows() : []);
    server.told.push(`${name} ${value}`);
    if (server.refuses) return Promise.reject(new Error("refused"));
    const field = name === "offline_mode" ? "offlineMode" : "superReadOnly";
    server.member = { ...server.member, [field]: value === "ON" };
    return Promise.resolve([]);
  };
  const open = (): Promise<Session> => {
    server.sessions++;
    const session = { broken: false, query, close: () => server.sessions-- };
    return Promise.resolve(session as unknown as Session);
  };
  return { server, open };
}

/** Nobody has anything to say of the own server. */
const calm = { asks: false, doubts: false, judge: (member: MemberFacts) => member };
const closed = { offlineMode: true };
const opened = { ...a.outside(1), superReadOnly: false };

t.test("a peer that hangs keeps it from nothing", async (t) => {
  const clock = new FakeClock();
  const { open, server } = ownServer({ ...a.outside(1), ...closed });
  const stop = new AbortController();
  let asked = 0;
  const local = { open, session: undefined, look: () => Promise.resolve(a.up(server.member)) };
  const hangs = () => new Promise(() => asked++);
  const loop = new AgentLoop({
    ...{ local, expulsion: calm, clock, log: silentLogger },
    observer: { full: hangs },
    disk: { look: () => undefined },
    cluster: { read: () => Promise.resolve(), facts: { bootstrap: { at: "then" } } },
    actor: { ranSince: () => false, history: {} },
  } as unknown as LoopOptions);
  const ended = loop.run(stop.signal);
  await settle();
  t.equal(asked, 1, "the loop asks the others, and waits");
  server.member = opened;
  await clock.advance(200);
  t.same(server.told.splice(0), ["offline_mode ON"], "no client");
  await clock.advance(6_000);
  t.same(server.told.splice(0), ["super_read_only ON"], "nor a write for long");
  server.member = a.member(1, closed);
  await clock.advance(200);
  t.same(server.told.splice(0), ["offline_mode OFF"], "clients are let in");
  await clock.advance(10_000);
  t.same(server.told, [], "and that is all");
  t.equal(asked, 1, "the others still hang");
  stop.abort();
  void ended; // the tick that hangs never ends
  await settle();
  t.equal(server.sessions, 0);
});

function guarded(
  member: MemberFacts,
  known: Partial<Known> = {},
  expulsion: GuardOptions["expulsion"] = calm,
) {
  const clock = new FakeClock();
  const { open, server } = ownServer(member);
  const idle = { acting: false, leaving: false, recorded: true, paused: false, disk: undefined };
  const all = { ...idle, ...known };
  const stop = new AbortController();
  const guard = new ServerGuard({
    ...{ open, known: () => all, expulsion, clock, log: silentLogger },
  });
  t.teardown(() => stop.abort());
  void guard.run(stop.signal);
  return { clock, server };
}

t.test("every time that MySQL Shell opens it, what it starts is given its time", async (t) => {
  const { clock, server } = guarded({ ...a.outside(1), ...closed });
  await settle();
  for (let time = 0; time < 3; time++) {
    await clock.advance(5_000);
    server.member = { ...server.member, offlineMode: false };
    await clock.advance(BEGUN_MS - 200);
    const ended = server.told.splice(0);
    t.ok(ended.length > 10 && ended.every((told) => told === "clients"), "clients are ended");
    await clock.advance(400);
    t.equal(server.told.splice(0).at(-1), "offline_mode ON");
  }
});

t.test("what MySQL Shell opens and makes writable is closed at once and not fenced", async (t) => {
  const { clock, server } = guarded({ ...a.outside(1), ...closed });
  await settle();
  server.member = opened;
  await clock.advance(2_000);
  t.same(server.told, ["offline_mode ON"]);
});

t.test("a member that is being taken out of the group stays closed", async (t) => {
  const { clock, server } = guarded(a.member(0, closed), { acting: true, leaving: true });
  await settle();
  await clock.advance(5_000);
  t.same(server.told, []);
});

t.test("a primary that the others expelled lets nobody in, and is not fenced", async (t) => {
  const member = a.member(0, { members: [a.row(0), a.row(1, { state: "UNREACHABLE" }), a.row(2)] });
  const said: { expelledIn?: string } = {};
  const expulsion = {
    asks: true,
    doubts: false,
    judge: (read: MemberFacts): MemberFacts => ({ ...read, ...said }),
  };
  const { clock, server } = guarded(member, {}, expulsion);
  await clock.advance(5_000);
  t.same(server.told, [], "cut off from one member is no reason");
  said.expelledIn = "17954600589357117:6";
  await clock.advance(100);
  t.same(server.told.splice(0), ["offline_mode ON", "clients"], "at the next look");
  await clock.advance(5_000);
  t.same(server.told, []);
});

t.test("a member is let in when the others have said that it is one", async (t) => {
  const expulsion = { ...calm, asks: true, doubts: true };
  const { clock, server } = guarded(a.member(1, closed), {}, expulsion);
  await clock.advance(2_000);
  t.same(server.told, []);
  expulsion.doubts = false;
  await clock.advance(100);
  t.same(server.told, ["offline_mode OFF"]);
});

t.test("what is refused is tried again until it is done", async (t) => {
  const { clock, server } = guarded(a.member(1, closed));
  server.refuses = true;
  await settle();
  await clock.advance(1_000);
  t.ok(server.told.length > 3);
  server.refuses = false;
  await clock.advance(1_000);
  t.notOk(server.member.offlineMode);
});

t.test("a closed server that MySQL Shell makes writable is fenced after 5 s", async (t) => {
  const { clock, server } = guarded({ ...a.outside(1), ...closed });
  await settle();
  server.member = { ...opened, ...closed };
  await clock.advance(4_000);
  t.same(server.told, []);
  await clock.advance(2_000);
  t.same(server.told, ["super_read_only ON"]);
});

t.test("the next MySQL Shell that makes it writable right after that has its time, too", async (t) => {
  const { clock, server } = guarded({ ...a.outside(1), ...closed });
  await settle();
  server.member = { ...opened, ...closed };
  await clock.advance(4_900);
  t.same(server.told, []);
  await clock.advance(200);
  t.same(server.told.splice(0), ["super_read_only ON"]);
  server.member = { ...opened, ...closed };
  await clock.advance(2_400);
  t.same(server.told, [], "though no look has found it read-only");
  await clock.advance(600);
  t.same(server.told, ["super_read_only ON"]);
});

t.test("on a disk that takes no writes it is fenced once", async (t) => {
  const disk = { type: "stalled", since: 1, detail: "" } as const;
  const { clock, server } = guarded({ ...opened, ...closed }, { disk });
  server.refuses = true;
  await settle();
  await clock.advance(10_000);
  t.same(server.told, ["super_read_only ON"]);
});
