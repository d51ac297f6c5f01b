import t from "tap";
import { wentOnWithout } from "../../../src/agent/facts.ts";
import { ExpulsionObserver } from "../../../src/agent/observe-expulsion.ts";
import type { MemberFacts } from "../../../src/mysql/queries.ts";
import { Secret } from "../../../src/base/secret.ts";
import type { Session, SessionOptions } from "../../../src/mysql/session.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";
import * as a from "./builders.ts";

const CREATED = "17954600589357117";
const silent = (ordinal: number) => a.row(ordinal, { state: "UNREACHABLE" });
/** The primary, cut off from main-1. */
const CUT_OFF = a.member(0, { members: [a.row(0), silent(1), a.row(2)] });
/** What main-2 says after main-1 and it went on. */
const LATER = a.member(2, { viewId: `${CREATED}:6`, members: [a.row(1), a.row(2)] });

const WORDS: readonly { name: string; other: MemberFacts; own?: MemberFacts; expect: boolean }[] = [
  { name: "a later view without it", other: LATER, expect: true },
  { name: "the view that it has", other: a.member(2), expect: false },
  {
    name: "a later view with it",
    other: a.member(2, { viewId: `${CREATED}:6` }),
    expect: false,
  },
  {
    name: "an earlier view, from before it joined",
    other: { ...LATER, viewId: `${CREATED}:4` },
    expect: false,
  },
  {
    name: "a view of another start of the group",
    other: { ...LATER, viewId: "17954600589357999:6" },
    expect: false,
  },
  {
    name: "a later view that has no majority itself",
    other: { ...LATER, members: [silent(1), a.row(2)] },
    expect: false,
  },
  {
    name: "a later view of a member that is only recovering",
    other: { ...LATER, members: [a.row(1), a.row(2, { state: "RECOVERING" })] },
    expect: false,
  },
  { name: "a server in no group", other: a.outside(2), expect: false },
  {
    name: "a view that is earlier than that in which it came back",
    own: { ...CUT_OFF, viewId: `${CREATED}:7` },
    other: LATER,
    expect: false,
  },
];

for (const { name, other, own = CUT_OFF, expect } of WORDS) {
  t.test(`wentOnWithout() ${name}`, (t) => {
    t.equal(wentOnWithout(own, other), expect);
    t.end();
  });
}

/** The others, by host: what they say, or that they never answer. */
function observed(says: Record<string, MemberFacts>) {
  const clock = new FakeClock();
  const seen = { asked: [] as string[], sessions: 0 };
  const rows = (member: MemberFacts): object[] =>
    member.members.map((row) => ({
      ...{ uuid: member.uuid, superReadOnly: 0, offlineMode: 0, viewId: member.viewId },
      ...{ memberId: row.uuid, host: row.host, port: row.port, state: row.state, role: row.role },
    }));
  const open = ({ server: { host } }: SessionOptions): Promise<Session> => {
    seen.sessions++;
    const query = (): Promise<object[]> => {
      seen.asked.push(host);
      const member = says[host];
      return member === undefined ? new Promise(() => {}) : Promise.resolve(rows(member));
    };
    const session = { broken: false, query, close: () => seen.sessions-- };
    return Promise.resolve(session as unknown as Session);
  };
  const login = () => Promise.resolve({ user: "agent", password: new Secret("") });
  const observer = new ExpulsionObserver({ open, login, clock });
  /** Looks every 100 ms for so long, as the guard does. */
  const look = async (member: MemberFacts, ms: number): Promise<MemberFacts> => {
    for (let time = 0; time < ms; time += 100) {
      observer.judge(member);
      await clock.advance(100);
    }
    return observer.judge(member);
  };
  return { clock, look, observer, says, seen };
}

t.test("a member that is calm asks nobody, after its first seconds", async (t) => {
  const { look, observer, seen } = observed({
    [a.hostOf(0)]: a.member(0),
    [a.hostOf(2)]: a.member(2),
  });
  await look(a.member(1), 3_000);
  t.ok(seen.asked.length > 40, "it may have been expelled before the agent came");
  seen.asked = [];
  await look(a.member(1), 10_000);
  t.same(seen.asked, []);
  t.equal(seen.sessions, 0);
  t.notOk(observer.asks);
});

t.test("who is cut off from one member hears from another that it was expelled", async (t) => {
  const { look, says, seen } = observed({ [a.hostOf(2)]: a.member(2) });
  t.equal((await look(CUT_OFF, 1_000)).expelledIn, undefined);
  t.same(new Set(seen.asked), new Set([a.hostOf(1), a.hostOf(2)]), "all others are asked");
  says[a.hostOf(2)] = LATER;
  t.equal((await look(CUT_OFF, 200)).expelledIn, LATER.viewId);
  delete says[a.hostOf(2)];
  t.equal((await look(CUT_OFF, 5_000)).expelledIn, LATER.viewId, "what is shown stays so");
  const back = a.member(0, { viewId: `${CREATED}:7` });
  t.equal((await look(back, 100)).expelledIn, undefined, "until it is a member again");
});

t.test("whom the server cannot reach may be the one who tells", async (t) => {
  const { look } = observed({ [a.hostOf(1)]: { ...LATER, uuid: a.uuidOf(1) } });
  t.equal((await look(CUT_OFF, 200)).expelledIn, LATER.viewId);
});

t.test("whoever stood still asks when it goes on", async (t) => {
  const { clock, look, seen } = observed({
    [a.hostOf(0)]: a.member(0),
    [a.hostOf(2)]: a.member(2),
  });
  await look(a.member(1), 4_000);
  t.equal(seen.sessions, 0);
  seen.asked = [];
  await clock.advance(3_100);
  await look(a.member(1), 200);
  t.ok(seen.asked.length > 0);
});

t.test("as long as nobody answers it goes on asking", async (t) => {
  const { look, observer, says } = observed({ [a.hostOf(2)]: a.outside(7) });
  await look(a.member(1), 20_000);
  t.ok(observer.asks);
  says[a.hostOf(2)] = a.member(2);
  await look(a.member(1), 200);
  t.notOk(observer.asks);
});

t.test("a server outside the group asks nobody", async (t) => {
  const { look, seen } = observed({});
  await look(a.outside(1), 1_000);
  t.same(seen.asked, []);
});

t.test("it doubts until one says that it is a member, or for 2.5 s", async (t) => {
  const { look, observer, says } = observed({ [a.hostOf(0)]: a.outside(7) });
  observer.judge(a.member(1));
  await settle();
  t.ok(observer.doubts, "nobody has answered");
  await look(a.member(1), 2_000);
  t.ok(observer.doubts, "and whoever has the name of a member says nothing of it");
  says[a.hostOf(2)] = a.member(2);
  // main-2 hangs in its first question and is asked by nobody else.
  await look(a.member(1), 600);
  t.notOk(observer.doubts);
  t.ok(observer.asks, "it goes on asking");
});

t.test("the word of one who knows it ends the doubt", async (t) => {
  const before = a.member(2, { viewId: `${CREATED}:4`, members: [a.row(0), a.row(2)] });
  const { look, observer, says } = observed({ [a.hostOf(2)]: before });
  await look(a.member(1), 200);
  t.ok(observer.doubts, "a view from before it joined says nothing");
  says[a.hostOf(2)] = a.member(2);
  await look(a.member(1), 200);
  t.notOk(observer.doubts);
});

t.test("a session that opens after the end is closed", async (t) => {
  const { observer, seen } = observed({ [a.hostOf(1)]: a.member(1), [a.hostOf(2)]: a.member(2) });
  observer.judge(CUT_OFF);
  observer.close();
  await settle();
  t.equal(seen.sessions, 0);
});
