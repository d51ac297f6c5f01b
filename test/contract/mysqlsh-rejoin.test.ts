// The stand-in against the recorded D series (a member stopped, down, outside of the group, back again),
// and Q and J, which decide how a member may come back: purged binary logs, errant transactions, another
// password, accounts with few privileges.
import t from "tap";
import { USED } from "./mysqlsh-cases.ts";
import { openStage, type Stage } from "./mysqlsh-stage.ts";

t.setTimeout(300_000);
const STARTS_AT_BOOT = "(SELECT COUNT(*) n FROM performance_schema.threads " +
  "WHERE NAME = 'thread/group_rpl/THD_delayed_initialization') t";

await t.test("transcripts D, Q and J", async (t) => {
  const stage = await openStage(t, 10_020);
  await stage.formCluster([4101, 4102, 4103]);
  const third = () => stage.server(4103);
  const states: Record<string, () => Promise<unknown>> = {
    D01: async () => {
      await stage.manualStart(4103);
      await third().stop();
    },
    Q20: () => weakAccounts(stage),
    D10: () => third().start(),
    D20: async () => {
      await stage.manualStart(4103);
      await third().restart();
    },
    Q10: () => strangers(stage),
    Q12: () =>
      stage.server(4104).query(
        "ALTER USER root@localhost IDENTIFIED BY 'other'",
      ),
    Q01: () => purgeBehind(stage),
    J01: () => makeErrant(stage),
    J02: () => stage.eventuallyApplies(4103),
    J06: async () => {
      await stage.eventuallySome(4103, `${STARTS_AT_BOOT} WHERE t.n = 0`);
      await stage.eventually(4101, "MEMBER_STATE = 'ONLINE'", 2, "= 2");
    },
  };
  for (const name of USED.rejoin) {
    await states[name.split("-")[0]!]?.();
    await stage.replay(t, name);
  }
  t.strictSame(stage.replayed, USED.rejoin);
});

/** Q10: a standalone server with two transactions of its own. */
async function strangers(stage: Stage): Promise<void> {
  const server = await stage.start(4104);
  await server.query("CREATE DATABASE app");
  await server.query("CREATE TABLE app.own (id INT PRIMARY KEY)");
}

/** Q01: the third member misses a transaction that both others have purged. */
async function purgeBehind(stage: Stage): Promise<void> {
  await stage.manualStart(4103);
  await stage.server(4103).stop();
  await stage.server(4101).query("CREATE DATABASE purged");
  await stage.purge([4101, 4102]);
  await stage.server(4103).start();
}

/** Q20: accounts that the third member, which is down, does not have yet. */
async function weakAccounts(stage: Stage): Promise<void> {
  const primary = stage.server(4101);
  for (const user of ["u0", "u1"]) {
    await primary.query(`CREATE USER ${user} IDENTIFIED BY '${user}pw'`);
  }
  await primary.query("GRANT SELECT ON *.* TO u1");
  await stage.eventually(4102, "MEMBER_STATE = 'ONLINE'", 2);
}

/** J01: the third member misses nothing, has three transactions of its own, and tries to join. */
async function makeErrant(stage: Stage): Promise<void> {
  const third = stage.server(4103);
  await stage.manualStart(4103);
  await third.restart();
  await third.query("SET GLOBAL super_read_only = OFF");
  await third.query("SET GLOBAL read_only = OFF");
  for (const name of ["a", "b", "c"]) {
    await third.query(`CREATE DATABASE errant_${name}`);
  }
  await third.query("SET PERSIST group_replication_start_on_boot = ON");
  await third.restart();
}
