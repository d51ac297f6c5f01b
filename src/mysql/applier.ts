// What a server applies of others' transactions: how far behind it is, and why it stopped. Reads only.

import type { Session } from "./session.ts";

const CHANNELS = "CHANNEL_NAME IN ('group_replication_applier', 'group_replication_recovery')";

/** Errors of an applier that met other rows or objects than the writer of the transaction had. */
const CONFLICTS = [
  [1032, 1062, 1451, 1452], // no such row, or another one; rows that a foreign key needs or forbids
  [1007, 1008, 1049], // databases that are there, or not
  [1050, 1051, 1054, 1060, 1061, 1091, 1146, 1677], // tables, columns, indexes; another type of a column
  [1304, 1305, 1359, 1360, 1396], // routines, triggers, accounts
].flat();

/** Selects the oldest error that shows that this server's data cannot be the group's; kept until it applies again. */
export const CONFLICT_SQL = `
  SELECT CONCAT('error ', LAST_ERROR_NUMBER, ': ', LAST_ERROR_MESSAGE)
    FROM performance_schema.replication_applier_status_by_worker
   WHERE ${CHANNELS} AND LAST_ERROR_NUMBER IN (${CONFLICTS})
   ORDER BY LAST_ERROR_TIMESTAMP LIMIT 1`;

/** Seconds that the applier is behind the original commits; undefined when it has nothing to apply. */
export async function readLagSeconds(session: Session): Promise<number | undefined> {
  return await readBehind(session, "group_replication_applier");
}

async function readBehind(session: Session, channel: string): Promise<number | undefined> {
  const [row] = await session.query(
    `SELECT MAX(TIMESTAMPDIFF(MICROSECOND, APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP, NOW(6))) / 1e6 behind
       FROM performance_schema.replication_applier_status_by_worker
      WHERE CHANNEL_NAME = ? AND APPLYING_TRANSACTION <> ''`,
    [channel],
  );
  return row?.behind === null || row?.behind === undefined ? undefined : Number(row.behind);
}

/**
 * How far this server is in getting what it lacks: the stage of a clone and that stage's percentage, or how old is
 * what it applies of incremental recovery. Coarse, because every change of it is written to the API server;
 * undefined when it gets nothing. @throws SqlError
 */
export async function readJoinProgress(session: Session): Promise<string | undefined> {
  const [clone] = await session.query(
    `SELECT STAGE stage, 100 * DATA / GREATEST(ESTIMATE, 1) percent
       FROM performance_schema.clone_progress WHERE STATE = 'In Progress' LIMIT 1`,
  );
  if (clone !== undefined) {
    return `clone: ${clone.stage} ${Math.min(100, Math.floor(Number(clone.percent) / 10) * 10)} %`;
  }
  const seconds = await readBehind(session, "group_replication_recovery");
  return seconds === undefined ? undefined : `recovery: applies what is ${roughly(seconds)} old`;
}

function roughly(seconds: number): string {
  const [size, unit] = seconds < 7200 ? [60, "min"] : [3600, "h"];
  return seconds < 120 ? "less than 2 min" : `${Math.floor(seconds / size)} ${unit}`;
}

/** Last error of the group's appliers, for messages; undefined without one. @throws SqlError */
export async function readApplierError(session: Session): Promise<string | undefined> {
  const [row] = await session.query(
    `SELECT CHANNEL_NAME channel, LAST_ERROR_NUMBER number, LAST_ERROR_MESSAGE message
       FROM performance_schema.replication_applier_status_by_worker
      WHERE ${CHANNELS} AND LAST_ERROR_NUMBER <> 0 LIMIT 1`,
  );
  return row === undefined ? undefined : `${row.channel}: error ${row.number}: ${row.message}`;
}
