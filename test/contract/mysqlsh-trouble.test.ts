// The stand-in against the recorded S, T and U series: a member that is frozen, one whose applier failed,
// one that is catching up. A lock that a client holds on the joiner stands for the 200 MB that the
// recorded one had to catch up with, and an account that is locked for a moment for a slow start.
import { rm } from "node:fs/promises";
import t from "tap";
import { USED } from "./mysqlsh-cases.ts";
import { openStage, type Stage } from "./mysqlsh-stage.ts";

t.setTimeout(300_000);
const RECOVERY_ACCOUNT = "'mysql_innodb_cluster_3003'@'%'";

await t.test("transcripts S, T and U", async (t) => {
  const stage = await openStage(t, 10_090);
  await stage.formCluster([4101, 4102, 4103]);
  const primary = stage.server(4101);
  const third = stage.server(4103);
  await primary.query("CREATE DATABASE app");
  await primary.query("CREATE TABLE app.t (id INT PRIMARY KEY, n INT)");
  // U01 changes accounts, waits, starts; is ONLINE, waits, gives the accounts back.
  const notStarted = await stage.file("not-started", "");
  const notDone = await stage.file("not-done", "");
  const slow = { MYSQLSH_FAULTS: `delay-start=${notStarted},hang-after-join=${notDone}` };
  let frozen = Promise.resolve();
  let rejoining = Promise.resolve();
  let release = () => {};
  const states: Record<string, () => Promise<unknown> | void> = {
    S01: async () => {
      third.freeze();
      await stage.eventually(4101, "MEMBER_STATE = 'UNREACHABLE'");
    },
    S04: async () => {
      await frozen;
      await stage.eventually(4101, "MEMBER_STATE = 'ONLINE'", 2, "= 2");
    },
    S05: () => third.thaw(),
    S06: () => allOnline(stage),
    T01: () => breakApplier(stage),
    U01: async () => release = await fallBehind(stage),
    U02: () => slowStart(stage, notStarted),
    U03: () => startGoesOn(stage),
    U06: async () => {
      release();
      await allOnline(stage);
    },
  };
  for (const name of USED.trouble) {
    const id = name.split("-")[0]!;
    await states[id]?.();
    if (id === "S02") frozen = stage.replay(t, name);
    else if (id === "U01") rejoining = stage.replay(t, name, { env: slow });
    else await stage.replay(t, name);
  }
  await rm(notDone);
  await rejoining;
  t.strictSame(stage.replayed, USED.trouble);
});

/** For the primary and for the third member itself. */
async function allOnline(stage: Stage): Promise<void> {
  for (const port of [4101, 4103]) await stage.eventually(port, "MEMBER_STATE = 'ONLINE'", 3);
}

/** T01: the third member lacks a table that the next write is for. */
async function breakApplier(stage: Stage): Promise<void> {
  const drop = ["SET GLOBAL super_read_only = OFF", "SET SESSION sql_log_bin = 0"];
  const locked = "SET GLOBAL super_read_only = ON";
  (await stage.server(4103).hold(...drop, "DROP TABLE app.t", locked))();
  await stage.server(4101).query("INSERT INTO app.t VALUES (1, 1)");
  await stage.eventually(4101, "MEMBER_STATE = 'ONLINE'", 2, "= 2");
  const offline = "VARIABLE_NAME = 'offline_mode' AND VARIABLE_VALUE = 'ON'";
  await stage.eventuallySome(4103, `performance_schema.global_variables WHERE ${offline}`);
}

/** U01: the third member misses a change of a row that a client has locked there until the release. */
async function fallBehind(stage: Stage): Promise<() => void> {
  await stage.manualStart(4103);
  await stage.server(4103).restart();
  await stage.server(4101).query("UPDATE app.t SET n = 2 WHERE id = 1");
  return await stage.server(4103).hold("BEGIN", "SELECT n FROM app.t WHERE id = 1 FOR SHARE");
}

/** U02: Group Replication starts on the third member, and the others cannot log in to it. */
async function slowStart(stage: Stage, notStarted: string): Promise<void> {
  await stage.eventuallyUses(4102, "mysql_innodb_cluster_3003");
  await lockAccount(stage, "LOCK");
  await rm(notStarted);
  await stage.eventuallyApplies(4103);
}

async function startGoesOn(stage: Stage): Promise<void> {
  await lockAccount(stage, "UNLOCK");
  await stage.eventually(4101, "MEMBER_STATE = 'RECOVERING'");
  await stage.eventually(4103, "MEMBER_STATE = 'RECOVERING'");
}

async function lockAccount(stage: Stage, verb: "LOCK" | "UNLOCK"): Promise<void> {
  const third = stage.server(4103);
  const [before] = await third.query("SELECT @@GLOBAL.super_read_only locked");
  (await third.hold(
    "SET GLOBAL super_read_only = OFF",
    "SET SESSION sql_log_bin = 0",
    `ALTER USER ${RECOVERY_ACCOUNT} ACCOUNT ${verb}`,
    `SET GLOBAL super_read_only = ${before!.locked}`,
  ))();
}
