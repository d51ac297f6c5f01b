// A member that joins while somebody writes. The server applies a transaction twice, and the member goes to ERROR, when
// what it lacked ended with a tagged transaction, as MySQL Shell writes them right before every join: src/agent/pulse.ts.

import t from "tap";
import { whilePulsing } from "../../src/agent/pulse.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secret.ts";
import { openSession } from "../../src/mysql/session.ts";
import { openStage, type Stage } from "./mysqlsh-stage.ts";

t.setTimeout(180_000);

const login = { user: "root", password: new Secret("rootpw") };

/** The state that the joiner comes to, and what it has then beyond the primary. */
async function joins(stage: Stage, pulsing: boolean): Promise<{ state: unknown; beyond: unknown }> {
  const [primary, joiner] = [stage.server(4101), stage.server(4102)];
  await joiner.query("STOP GROUP_REPLICATION");
  const tagged = "SET SESSION gtid_next = 'AUTOMATIC:mysqlsh'";
  (await primary.hold(tagged, `CREATE TABLE app.after_${pulsing} (id INT PRIMARY KEY)`))();
  // So that applying it takes until the next transaction is there.
  const release = await joiner.hold("LOCK INSTANCE FOR BACKUP");
  const start = () => joiner.query("START GROUP_REPLICATION");
  const server = { host: primary.host, port: primary.port };
  const options = { open: openSession, login: () => Promise.resolve(login), clock };
  await (pulsing ? whilePulsing(options, server, start) : start());
  for (let n = 0; n < 5; n++) await primary.query("INSERT INTO app.rows_ VALUES ()");
  const [{ executed } = {}] = await primary.query("SELECT @@global.gtid_executed executed");
  await stage.eventuallySome(
    4102,
    `performance_schema.replication_connection_status WHERE CHANNEL_NAME = 'group_replication_recovery'
       AND GTID_SUBSET('${executed}', CONCAT_WS(',', RECEIVED_TRANSACTION_SET, @@global.gtid_executed))`,
  );
  release();
  const own = "performance_schema.replication_group_members WHERE MEMBER_ID = @@server_uuid";
  await stage.eventuallySome(4102, `${own} AND MEMBER_STATE IN ('ONLINE', 'ERROR')`);
  const [row] = await joiner.query(
    `SELECT MEMBER_STATE state, GTID_SUBTRACT(@@global.gtid_executed, '${executed}') beyond FROM ${own}`,
  );
  return { state: row?.state, beyond: row?.beyond };
}

await t.test("a member that joins while somebody writes", async (t) => {
  const stage = await openStage(t, 12_210);
  await stage.formCluster([4101, 4102]);
  for (const port of [4101, 4102]) await stage.manualStart(port);
  await stage.server(4101).query("CREATE DATABASE app");
  await stage.server(4101).query("CREATE TABLE app.rows_ (id INT AUTO_INCREMENT PRIMARY KEY)");
  await stage.eventuallySome(4102, "information_schema.TABLES WHERE TABLE_NAME = 'rows_'");
  t.strictSame(await joins(stage, true), { state: "ONLINE", beyond: "" });
  const { state } = await joins(stage, false);
  t.equal(state, "ERROR", "without the pulse: this is why there is one");
});
