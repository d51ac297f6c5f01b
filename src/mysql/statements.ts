// The few statements by which the agent changes a server itself, without MySQL Shell: its own server's
// read-only switches, starting and stopping its own member, ending client connections, and undoing a
// group that was never recorded. Nothing here touches another member.

import { CREATING_CHANNEL } from "./queries.ts";
import { type Session, sqlErrno } from "./session.ts";

/** Longest that START GROUP_REPLICATION was seen to take is a minute: peers that refuse the login. */
const START_LIMIT_MS = 180_000;
const STOP_LIMIT_MS = 120_000;

/** Makes the server refuse writes of everybody, also of root. @throws SqlError */
export async function fence(session: Session): Promise<void> {
  await session.query("SET GLOBAL super_read_only = ON");
}

/** Lets administrators in only (CONNECTION_ADMIN), and ends everybody else's connections. @throws SqlError */
export async function enterOfflineMode(session: Session): Promise<void> {
  await session.query("SET GLOBAL offline_mode = ON");
}

/** Lets clients in. @throws SqlError */
export async function leaveOfflineMode(session: Session): Promise<void> {
  await session.query("SET GLOBAL offline_mode = OFF");
}

/** Starts the member with the settings that the AdminAPI persisted. Returns when it joined. @throws SqlError */
export async function startGroupReplication(session: Session): Promise<void> {
  await session.query("START GROUP_REPLICATION", [], START_LIMIT_MS);
}

/** Writes a transaction that changes nothing to the binary log, with the next GTID of the group. @throws SqlError */
export async function writeNothing(session: Session): Promise<void> {
  await session.query("FLUSH OPTIMIZER_COSTS");
}

/** Leaves the group, or ends an ERROR state or an automatic rejoin. @throws SqlError */
export async function stopGroupReplication(
  session: Session,
  limitMs = STOP_LIMIT_MS,
): Promise<void> {
  await session.query("STOP GROUP_REPLICATION", [], limitMs);
}

/**
 * Takes back what an interrupted create-cluster did, so that it can run again on an empty server. Only
 * for a group whose creation was never recorded: no client was ever sent to it. @throws SqlError
 */
export async function undoCreate(
  session: Session,
  server: { serverId: number; version: string },
): Promise<void> {
  const before82 = /^8\.(0|1)\./.test(server.version);
  await stopGroupReplication(session);
  for (
    const statement of [
      "SET SESSION sql_log_bin = 0",
      "SET GLOBAL super_read_only = OFF",
      "SET GLOBAL read_only = OFF",
      "DROP SCHEMA IF EXISTS mysql_innodb_cluster_metadata",
      `DROP USER IF EXISTS 'mysql_innodb_cluster_${server.serverId}'@'%'`,
      `RESET REPLICA ALL FOR CHANNEL '${CREATING_CHANNEL}'`,
      "RESET REPLICA ALL FOR CHANNEL 'group_replication_applier'",
      "RESET REPLICA ALL FOR CHANNEL 'group_replication_recovery'",
      before82 ? "RESET MASTER" : "RESET BINARY LOGS AND GTIDS",
      "SET GLOBAL super_read_only = ON",
      "SET SESSION sql_log_bin = 1",
    ]
  ) {
    await session.query(statement, [], STOP_LIMIT_MS).catch((error: unknown) => {
      if (sqlErrno(error) !== NO_SUCH_CHANNEL) throw error;
    });
  }
}

const NO_SUCH_CHANNEL = 3074;
const GONE = 1094; // the connection ended by itself
const NOT_OURS_TO_END = [1095, 1227]; // a system account

/**
 * Ends the connections of applications; not those of the server, the group and the agent, nor one that is still logging
 * in: it may be the agent's or MySQL Shell's. @throws SqlError
 */
export async function endClientConnections(session: Session, agentUser: string): Promise<number> {
  const rows = await session.query(
    `SELECT PROCESSLIST_ID id FROM performance_schema.threads
      WHERE TYPE = 'FOREGROUND' AND PROCESSLIST_ID <> CONNECTION_ID() AND PROCESSLIST_USER IS NOT NULL
        AND PROCESSLIST_USER NOT IN (?, 'event_scheduler', 'system user', 'unauthenticated user')
        AND PROCESSLIST_USER NOT LIKE 'mysql.%'
        AND PROCESSLIST_USER NOT LIKE 'mysql\\_innodb\\_cluster\\_%'`,
    [agentUser],
  );
  let ended = 0;
  for (const { id } of rows) {
    try {
      await session.query(`KILL CONNECTION ${Number(id)}`);
      ended++;
    } catch (error) {
      if (![GONE, ...NOT_OURS_TO_END].includes(sqlErrno(error) ?? 0)) throw error;
    }
  }
  return ended;
}
