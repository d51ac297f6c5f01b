// A member whose rows are not the group's although its transactions are: no comparison of sets shows it. What does is
// an applier that fails, and the server remembers that until it applies again.

import t from "tap";
import { dataOf } from "./mysql-session.ts";
import { openStage, type Stage } from "./mysqlsh-stage.ts";

t.setTimeout(180_000);

/** Statements that no other member and no binary log ever sees. */
async function byHand(stage: Stage, statement: string): Promise<void> {
  const server = stage.server(4102);
  await server.query("SET GLOBAL super_read_only = OFF");
  (await server.hold("SET SESSION sql_log_bin = 0", statement))();
  await server.query("SET GLOBAL super_read_only = ON");
}

async function conflict(stage: Stage): Promise<string> {
  return (await dataOf(stage.server(4102))).conflict;
}

const isIn = (state: string): string =>
  `performance_schema.replication_group_members
    WHERE MEMBER_ID = @@server_uuid AND MEMBER_STATE = '${state}'`;

await t.test("a member with other rows", async (t) => {
  const stage = await openStage(t, 13_010);
  await stage.formCluster([4101, 4102]);
  await stage.manualStart(4102);
  const [primary, member] = [stage.server(4101), stage.server(4102)];
  await primary.query("CREATE DATABASE app");
  await primary.query("CREATE TABLE app.t (id INT PRIMARY KEY, n INT)");
  await primary.query("INSERT INTO app.t VALUES (1, 1), (2, 2)");
  await stage.eventuallySome(4102, "app.t WHERE id = 2");
  t.equal(await conflict(stage), "");

  await byHand(stage, "INSERT INTO app.t VALUES (3, 30)");
  await primary.query("INSERT INTO app.t VALUES (3, 3)");
  await stage.eventuallySome(4102, isIn("ERROR"));
  t.match(await conflict(stage), /^error 1062: .*Duplicate entry '3' for key 't.PRIMARY'/);
  await member.query("STOP GROUP_REPLICATION");
  t.match(await conflict(stage), /^error 1062: /, "it is still known");
  await t.rejects(member.query("START GROUP_REPLICATION"), "the same again in recovery");
  t.match(await conflict(stage), /^error 1062: /);

  await byHand(stage, "DELETE FROM app.t WHERE id IN (2, 3)");
  await member.kill();
  await member.start();
  t.equal(
    await conflict(stage),
    "",
    "a restart forgets it: this is how a person says that it is mended",
  );
  await member.query("START GROUP_REPLICATION");
  await stage.eventuallySome(4102, isIn("ONLINE"));
  t.equal(await conflict(stage), "");
  await primary.query("UPDATE app.t SET n = 20 WHERE id = 2");
  await stage.eventuallySome(4102, isIn("ERROR"));
  t.match(await conflict(stage), /^error 1032: /, "a row that is missing");
});
