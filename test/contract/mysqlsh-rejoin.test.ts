// The stand-in against the recorded D series (a member stopped, down, outside of the group, back again),
// and the parts of Q and J that decide how a member may come back: purged binary logs, errant
// transactions, another password.
import t from "tap";
import { USED } from "./mysqlsh-cases.ts";
import { openStage, type Stage } from "./mysqlsh-stage.ts";

t.setTimeout(300_000);

await t.test("transcripts D, Q and J", async (t) => {
  const stage = await openStage(t, 10_020);
  await stage.formCluster([4101, 4102, 4103]);
  const third = () => stage.server(4103);
  const states: Record<string, () => Promise<unknown>> = {
    D01: async () => {
      await stage.manualStart(4103);
      await third().stop();
    },
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

/** J01: the third member misses nothing and has three transactions of its own. */
async function makeErrant(stage: Stage): Promise<void> {
  await stage.shell(
    4101,
    "cluster",
    "rejoin-instance",
    "127.0.0.1:4103",
    "--recoveryMethod=clone",
  );
  const third = stage.server(4103);
  await stage.manualStart(4103);
  await third.restart();
  await third.query("SET GLOBAL super_read_only = OFF");
  await third.query("SET GLOBAL read_only = OFF");
  for (const name of ["a", "b", "c"]) {
    await third.query(`CREATE DATABASE errant_${name}`);
  }
  await third.query("SET GLOBAL super_read_only = ON");
}
