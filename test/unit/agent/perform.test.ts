// What an action does to the own server, statement by statement.

import t from "tap";
import { perform, type PerformOptions } from "../../../src/agent/perform.ts";
import { type Session, SqlError } from "../../../src/mysql/session.ts";
import * as a from "./builders.ts";
import { out } from "./situations.ts";

/** Runs leave-group on a server that answers STOP with this; what it was told. */
async function leave(stopped: () => Promise<unknown>): Promise<string[]> {
  const told: string[] = [];
  const query = async (sql: string) => {
    told.push(sql);
    if (sql.startsWith("STOP")) await stopped();
    return [];
  };
  const session = { query } as unknown as Session;
  const withSession = (use: (session: Session) => Promise<unknown>) => use(session);
  const identity = { endpointOf: () => ({ host: "main-0", port: 3306 }) };
  const options = { local: { withSession }, identity } as unknown as PerformOptions;
  const permit = { stillMine: () => true, signal: new AbortController().signal };
  await perform({ type: "leave-group" }, out({ local: a.up(a.member(0)) }), { options, permit });
  return told;
}

t.test("leave-group sends the clients away before another member can be elected", async (t) => {
  const expected = ["SET GLOBAL offline_mode = ON", "STOP GROUP_REPLICATION"];
  t.same(await leave(() => Promise.resolve()), expected);
  const unanswered = () => Promise.reject(new SqlError("no answer within 10000 ms", {}));
  t.same(await leave(unanswered), expected, "it goes on without us");
  await t.rejects(leave(() => Promise.reject(new SqlError("refused", { errno: 3092 }))), /refused/);
});
