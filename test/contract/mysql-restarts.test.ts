// What src/agent/observe-restarts.ts builds on: a group that was started again without a member gives out GTIDs that
// the member has, and the seed's own transactions tell who has seen that restart.

import t from "tap";
import { AGENT_PASSWORD, AGENT_USER, type Mysqld } from "../../fixtures/mysqld/mod.ts";
import { abandoned } from "../../src/agent/observe-restarts.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secret.ts";
import { subtractGtids } from "../../src/mysql/queries.ts";
import { openSession } from "../../src/mysql/session.ts";
import { openStage } from "./mysqlsh-stage.ts";

t.setTimeout(500_000);

const one = async (server: Mysqld, what: string): Promise<string> =>
  String((await server.query(`SELECT ${what} one`))[0]?.one);
const executed = (server: Mysqld): Promise<string> => one(server, "@@global.gtid_executed");

await t.test("a member that an enforced restart left behind", async (t) => {
  const stage = await openStage(t, 12_810);
  await stage.formCluster([4101, 4102]);
  const [left, seed] = [stage.server(4101), stage.server(4102)];
  for (const port of [4101, 4102]) await stage.manualStart(port);
  await left.query("CREATE DATABASE app");
  await left.query("CREATE TABLE app.t (id INT PRIMARY KEY)");
  await left.query("INSERT INTO app.t VALUES (1)");
  await stage.eventuallySome(4102, "app.t WHERE id = 1");
  await seed.query("STOP GROUP_REPLICATION");
  await left.query("INSERT INTO app.t VALUES (2)");
  const uuid = await one(left, "@@global.server_uuid");
  const restart = {
    at: "",
    serverUuid: await one(seed, "@@global.server_uuid"),
    gtids: await executed(seed),
    without: [uuid],
  };
  await left.stop();
  await stage.shell(4102, "dba", "reboot-cluster-from-complete-outage", "c1", "--force=true");
  await seed.query("INSERT INTO app.t VALUES (3)");
  await left.start();

  const session = await openSession({
    server: { host: "127.0.0.1", port: left.port },
    login: { user: AGENT_USER, password: new Secret(AGENT_PASSWORD) },
    ...{ connectTimeoutMs: 5_000, queryTimeoutMs: 5_000, clock },
  });
  t.teardown(() => session.close());
  const [mine, theirs] = [await executed(left), await executed(seed)];
  t.equal(await subtractGtids(session, mine, theirs), "", "its row 2 has the GTID of their row 3");
  const givenUp = await subtractGtids(session, mine, restart.gtids);
  t.match(givenUp, /^[0-9a-f-]{36}:\d+$/);
  t.equal(await abandoned(session, { uuid, mine, theirs }, [restart]), givenUp);
  t.equal(await abandoned(session, { uuid, mine, theirs }, []), "");
  t.equal(await abandoned(session, { uuid, mine: theirs, theirs }, [restart]), "", "who was there");
  const early = { uuid, mine: restart.gtids, theirs };
  t.equal(await abandoned(session, early, [restart]), "", "who held nothing beyond the seed");
  const other = { uuid: restart.serverUuid, mine, theirs };
  t.equal(await abandoned(session, other, [restart]), "", "who was not left out");
});
