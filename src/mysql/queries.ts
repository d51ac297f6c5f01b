// The statements by which the agent observes a server, and their rows as values. Reads only, except where
// the name says otherwise (statements.ts). Cheap enough for every second: readMember is one statement.
//
// Servers differ: the names of statements before 8.2, GTID tags from 8.3; the columns read here are the
// same from 8.0 to 9.7.

import { Secret } from "../base/secret.ts";
import { CONFLICT_SQL } from "./applier.ts";
import { normaliseGtidSet } from "./gtid.ts";
import { type Login, type Row, type Session, sqlErrno } from "./session.ts";

/** One row of the group's membership as one server sees it. */
export type ViewMember = {
  readonly uuid: string;
  readonly host: string;
  readonly port: number;
  /** ONLINE, RECOVERING, UNREACHABLE, OFFLINE, ERROR. */
  readonly state: string;
  /** PRIMARY, SECONDARY or empty. */
  readonly role: string;
  /** Transactions received but not applied by that member. */
  readonly queued: number;
};

/** What a server says about itself and its group, at one moment. */
export type MemberFacts = {
  readonly uuid: string;
  readonly version: string;
  readonly serverId: number;
  readonly superReadOnly: boolean;
  readonly offlineMode: boolean;
  /** Changes whenever a member joins or leaves; empty outside a group. */
  readonly viewId: string;
  /** Empty when Group Replication never ran since the server started. */
  readonly members: readonly ViewMember[];
  /** The view in which the majority went on without this server, by the word of another; the server itself does not know it. */
  readonly expelledIn?: string | undefined;
};

/** More of the same, for decisions; costs several statements. */
export type DataFacts = {
  readonly executed: string;
  readonly purged: string;
  /** Received from the group and perhaps not yet applied. */
  readonly received: string;
  readonly groupName: string;
  /** Group Replication is starting by itself, or trying to come back after an expulsion. */
  readonly starting: "no" | "atBoot" | "autoRejoin";
  readonly userSchemas: number;
  /** Why its rows cannot be the group's, in the server's words: an applier's last error; else empty. */
  readonly conflict: string;
  /** Left behind by a create-cluster that was interrupted. */
  readonly creating: boolean;
  readonly metadata: MetadataFacts | undefined;
};

/** The AdminAPI's metadata as this server's copy has it. */
export type MetadataFacts = {
  readonly clusters: readonly { readonly name: string; readonly groupName: string }[];
  /** `address` is `host:port`. */
  readonly instances: readonly { readonly uuid: string; readonly address: string }[];
};

const MEMBER_SQL = `
  SELECT @@server_uuid uuid, @@version version, @@server_id serverId,
         @@global.super_read_only superReadOnly, @@global.offline_mode offlineMode,
         m.MEMBER_ID memberId, m.MEMBER_HOST host, m.MEMBER_PORT port, m.MEMBER_STATE state,
         m.MEMBER_ROLE role, s.VIEW_ID viewId,
         s.COUNT_TRANSACTIONS_IN_QUEUE + s.COUNT_TRANSACTIONS_REMOTE_IN_APPLIER_QUEUE queued
    FROM (SELECT 1) one
    LEFT JOIN performance_schema.replication_group_members m ON m.MEMBER_ID <> ''
    LEFT JOIN performance_schema.replication_group_member_stats s
      ON s.MEMBER_ID = m.MEMBER_ID AND s.CHANNEL_NAME = 'group_replication_applier'`;

/** Who the server is and how it sees its group: the statement of every tick. @throws SqlError */
export async function readMember(session: Session): Promise<MemberFacts> {
  const rows = await session.query(MEMBER_SQL);
  const first = rows[0] ?? {};
  const uuid = text(first.uuid);
  const members = rows.filter((row) => row.memberId !== null).map(viewMember);
  const own = rows.find((row) => row.memberId === uuid);
  return {
    uuid,
    version: text(first.version),
    serverId: Number(first.serverId),
    superReadOnly: Number(first.superReadOnly) === 1,
    offlineMode: Number(first.offlineMode) === 1,
    viewId: text(own?.viewId),
    members: members.toSorted((a, b) =>
      a.host < b.host ? -1 : a.host > b.host ? 1 : a.port - b.port
    ),
  };
}

function viewMember(row: Row): ViewMember {
  return {
    uuid: text(row.memberId),
    host: text(row.host),
    port: Number(row.port),
    state: text(row.state),
    role: text(row.role),
    queued: Number(row.queued ?? 0),
  };
}

const METADATA_SCHEMA = "mysql_innodb_cluster_metadata";
export const CREATING_CHANNEL = "__mysql_innodb_cluster_creating_cluster__";

const DATA_SQL = `
  SELECT @@global.gtid_executed executed, @@global.gtid_purged purged,
    (SELECT GROUP_CONCAT(RECEIVED_TRANSACTION_SET)
       FROM performance_schema.replication_connection_status
      WHERE CHANNEL_NAME = 'group_replication_applier') received,
    (SELECT VARIABLE_VALUE FROM performance_schema.global_variables
      WHERE VARIABLE_NAME = 'group_replication_group_name') groupName,
    (SELECT GROUP_CONCAT(NAME) FROM performance_schema.threads
      WHERE NAME IN ('thread/group_rpl/THD_delayed_initialization', 'thread/group_rpl/THD_autorejoin')
    ) threads,
    (SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN
      ('mysql', 'sys', 'information_schema', 'performance_schema', '${METADATA_SCHEMA}')) userSchemas,
    (${CONFLICT_SQL}) conflict,
    (SELECT COUNT(*) FROM performance_schema.replication_connection_configuration
      WHERE CHANNEL_NAME = '${CREATING_CHANNEL}') creating`;

/** What data the server holds and which group it belongs to. @throws SqlError */
export async function readData(session: Session): Promise<DataFacts> {
  const [row = {}] = await session.query(DATA_SQL);
  const threads = text(row.threads);
  return {
    executed: normaliseGtidSet(text(row.executed)),
    purged: normaliseGtidSet(text(row.purged)),
    received: normaliseGtidSet(text(row.received)),
    groupName: text(row.groupName),
    starting: threads.includes("delayed_init")
      ? "atBoot"
      : threads.includes("autorejoin")
      ? "autoRejoin"
      : "no",
    userSchemas: Number(row.userSchemas),
    conflict: text(row.conflict),
    creating: Number(row.creating) > 0,
    metadata: await readMetadata(session),
  };
}

// No such schema, table or valid view: there is no metadata. Anything else, such as a missing
// privilege, is an error and must never be taken for "none".
const NO_METADATA = [1049, 1146, 1356];

async function readMetadata(session: Session): Promise<MetadataFacts | undefined> {
  try {
    const clusters = await session.query(
      `SELECT cluster_name name, attributes->>'$.group_replication_group_name' groupName
         FROM ${METADATA_SCHEMA}.clusters`,
    );
    const instances = await session.query(
      `SELECT mysql_server_uuid uuid, addresses->>'$.mysqlClassic' address
         FROM ${METADATA_SCHEMA}.instances ORDER BY address`,
    );
    return {
      clusters: clusters.map((row) => ({ name: text(row.name), groupName: text(row.groupName) })),
      instances: instances.map((row) => ({ uuid: text(row.uuid), address: text(row.address) })),
    };
  } catch (error) {
    if (NO_METADATA.includes(sqlErrno(error) ?? 0)) return undefined;
    throw error;
  }
}

/** The part of `set` that is not in `within`, computed by the server. @throws SqlError */
export async function subtractGtids(
  session: Session,
  set: string,
  within: string,
): Promise<string> {
  const [row] = await session.query("SELECT GTID_SUBTRACT(?, ?) rest", [set, within]);
  return normaliseGtidSet(text(row?.rest));
}

/** The binary logs, oldest first, each with the set of everything that came before it. @throws SqlError */
export async function binaryLogs(session: Session): Promise<{ name: string; before: string }[]> {
  const logs: { name: string; before: string }[] = [];
  for (const row of await session.query("SHOW BINARY LOGS")) {
    const name = text(row.Log_name);
    const head = await session.query("SHOW BINLOG EVENTS IN ? LIMIT 3", [name]);
    const previous = head.find((event) => event.Event_type === "Previous_gtids");
    logs.push({ name, before: normaliseGtidSet(text(previous?.Info)) });
  }
  return logs;
}

const EVENTS_AT_ONCE = 5_000;
const EVENTS_LIMIT_MS = 60_000;

/** The events of a binary log, in pages. @throws SqlError */
export async function* binaryLogEvents(
  session: Session,
  name: string,
): AsyncGenerator<{ type: string; info: string }> {
  let from = 4; // after the magic number
  for (;;) {
    const rows = await session.query(
      `SHOW BINLOG EVENTS IN ? FROM ${from} LIMIT ${EVENTS_AT_ONCE}`,
      [name],
      EVENTS_LIMIT_MS,
    );
    for (const row of rows) yield { type: text(row.Event_type), info: text(row.Info) };
    if (rows.length < EVENTS_AT_ONCE) return;
    from = Number(rows.at(-1)?.End_log_pos);
  }
}

/** For every two sets what the first has beyond the second: `[i][j]`. @throws SqlError */
export async function compareGtids(
  session: Session,
  sets: readonly string[],
): Promise<string[][]> {
  const pairs = sets.flatMap((_, i) => sets.map((_, j) => [i, j] as const));
  if (pairs.length === 0) return [];
  const [row = {}] = await session.query(
    `SELECT ${pairs.map(([i, j]) => `GTID_SUBTRACT(?, ?) beyond_${i}_${j}`).join(", ")}`,
    pairs.flatMap(([i, j]) => [sets[i] ?? "", sets[j] ?? ""]),
  );
  return sets.map((_, i) => sets.map((_, j) => normaliseGtidSet(text(row[`beyond_${i}_${j}`]))));
}

/**
 * The account with which this server logs in at the other members when it joins; undefined if it has none.
 * Each add or rejoin gives all members new passwords, and a member that missed it cannot start: it would be
 * refused for a minute. @throws SqlError
 */
export async function readRecoveryLogin(session: Session): Promise<Login | undefined> {
  const [row] = await session.query(
    `SELECT User_name user, User_password password FROM mysql.slave_master_info
      WHERE Channel_name = 'group_replication_recovery'`,
  );
  const user = text(row?.user);
  return user === "" ? undefined : { user, password: new Secret(text(row?.password)) };
}

function text(value: unknown): string {
  return value === null || value === undefined ? "" : String(value);
}
