// What a simulated server answers to the statements of src/mysql, by their texts. A statement that it does
// not know is a fault of the run, not of the server.

import { type Groups, WRONG_PASSWORDS } from "./group.ts";
import type { Mysqld } from "./server.ts";
import { subtractSets } from "./transactions.ts";

export type Row = Record<string, unknown>;

/** A refusal by the server. */
export class Refusal extends Error {
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(message);
    this.errno = errno;
  }
}

export type SqlWorld = {
  readonly groups: Groups;
  readonly unknown: (sql: string) => void;
  /** Told before an agent starts its member, and before it stops it. */
  readonly starts: (server: Mysqld) => void;
  readonly stops: (server: Mysqld) => void;
  /** Told before an agent makes its server read-only. */
  readonly waste: { readonly fences: (server: Mysqld) => void };
  /** Told before somebody takes back what a creation did. */
  readonly deeds: { readonly erases: (server: Mysqld) => void };
  /** Calls it later, if the server is still there and in the same run. */
  readonly later: (server: Mysqld, ms: number, run: () => void) => void;
};

type Answer = (rows: Row[] | Refusal) => void;
type Statement = (context: {
  server: Mysqld;
  world: SqlWorld;
  sql: string;
  values: readonly unknown[];
}, answer: Answer) => void;

const STATEMENTS: readonly [RegExp, Statement][] = [
  [/^SET SESSION/, (_, answer) => answer([])],
  [
    /@@server_uuid uuid, @@version/,
    ({ server, world }, answer) => answer(memberRows(server, world)),
  ],
  [/gtid_executed executed/, ({ server }, answer) => answer([dataRow(server)])],
  [/metadata\.clusters/, ({ server }, answer) => answer(clusterRows(server))],
  [/metadata\.instances/, ({ server }, answer) => answer(instanceRows(server))],
  [/GTID_SUBTRACT\(\?, \?\) beyond_/, ({ server, sql, values }, answer) => {
    if (server.comparesSlowly) return;
    const names = sql.match(/beyond_\d+_\d+/g) ?? [];
    const rest = (i: number): string =>
      subtractSets(String(values[2 * i]), String(values[2 * i + 1]));
    answer([Object.fromEntries(names.map((name, i) => [name, rest(i)]))]);
  }],
  [/GTID_SUBTRACT/, ({ server, values }, answer) => {
    if (server.comparesSlowly) return;
    answer([{ rest: subtractSets(String(values[0]), String(values[1])) }]);
  }],
  [/GTID_SUBSET/, ({ values }, answer) => {
    answer([{ within: subtractSets(String(values[0]), String(values[1])) === "" ? 1 : 0 }]);
  }],
  [
    /slave_master_info/,
    ({ server: { volume: { credential } } }, answer) => {
      const user = "mysql_innodb_cluster_1";
      answer(credential === undefined ? [] : [{ user, password: String(credential) }]);
    },
  ],
  [
    /FROM performance_schema\.threads\s+WHERE TYPE/,
    ({ server }, answer) => answer(server.endClients === undefined ? [] : [{ id: 1 }]),
  ],
  [/^KILL CONNECTION/, ({ server }, answer) => {
    server.endClients?.();
    answer([]);
  }],
  [
    /SELECT STAGE stage|applier_status_by_worker/,
    (_, answer) => {
      answer([]);
    },
  ],
  [/^SET GLOBAL super_read_only = ON/, ({ server, world }, answer) => {
    world.waste.fences(server);
    server.superReadOnly = true;
    answer([]);
  }],
  [/^SET GLOBAL (super_read_only|read_only) = OFF/, ({ server }, answer) => {
    server.superReadOnly = false;
    answer([]);
  }],
  [/^SET GLOBAL offline_mode = ON/, ({ server }, answer) => {
    server.offlineMode = true;
    server.endClients?.();
    answer([]);
  }],
  [/^SET GLOBAL offline_mode = OFF/, ({ server }, answer) => {
    server.offlineMode = false;
    answer([]);
  }],
  [/^START GROUP_REPLICATION/, ({ server, world }, answer) => start(server, world, answer)],
  [/^STOP GROUP_REPLICATION/, ({ server, world }, answer) => {
    world.groups.leave(server);
    answer([]);
  }],
  [/^DROP SCHEMA IF EXISTS mysql_innodb_cluster_metadata/, ({ server }, answer) => {
    server.volume.metadata = undefined;
    answer([]);
  }],
  [/^DROP USER/, (_, answer) => answer([])],
  [/^FLUSH OPTIMIZER_COSTS/, (_, answer) => answer([])],
  [/^RESET REPLICA ALL FOR CHANNEL 'group_replication_recovery'/, ({ server }, answer) => {
    server.volume.credential = undefined;
    answer([]);
  }],
  [/^RESET REPLICA ALL FOR CHANNEL '__mysql/, ({ server }, answer) => {
    server.volume.creating = false;
    answer([]);
  }],
  [/^RESET REPLICA ALL/, (_, answer) => answer([])],
  [/^RESET (BINARY LOGS|MASTER)/, ({ server, world }, answer) => {
    world.deeds.erases(server);
    server.volume.erase();
    answer([]);
  }],
];

const found = new Map<string, (typeof STATEMENTS)[number]>();

function statementOf(sql: string): (typeof STATEMENTS)[number] | undefined {
  const known = found.get(sql) ??
    STATEMENTS.find(([pattern]) => pattern.test(sql.trimStart()));
  if (known !== undefined) found.set(sql, known);
  return known;
}

/** Carries a statement out; the answer may come later, or never when the server goes away. */
export function execute(
  server: Mysqld,
  world: SqlWorld,
  statement: { sql: string; values: readonly unknown[]; answer: Answer },
): void {
  const { answer, sql, values } = statement;
  const known = statementOf(sql);
  if (known === undefined) {
    world.unknown(sql);
    return answer(new Refusal(1064, `unknown statement: ${sql}`));
  }
  try {
    known[1]({ server, world, sql, values }, answer);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    answer(error);
  }
}

/** START GROUP_REPLICATION takes seconds, and has failed if it was not let in. */
export function start(server: Mysqld, world: SqlWorld, answer: Answer): void {
  if (server.group.starting || server.group.state !== "OFFLINE") {
    return answer(new Refusal(3093, "Group Replication is already running"));
  }
  if (server.volume.groupName === "") {
    return answer(new Refusal(3092, "The server is not configured properly"));
  }
  server.group.starting = true;
  const before = server.superReadOnly;
  world.later(server, 1_500, () => {
    const failed = world.groups.join(server);
    if (failed === undefined) return answer([]);
    // Logins that are refused are tried for a minute.
    world.later(server, failed === WRONG_PASSWORDS ? 58_000 : 3_500, () => {
      server.group.starting = false;
      // A START that fails restores what read-only was before it.
      server.superReadOnly = before;
      answer(new Refusal(3092, `The server could not join: ${failed}`));
    });
  });
}

function memberRows(server: Mysqld, world: SqlWorld): Row[] {
  const { group, volume } = server;
  const self = {
    uuid: volume.uuid,
    version: "9.7.4",
    serverId: server.serverId,
    superReadOnly: server.superReadOnly ? 1 : 0,
    offlineMode: server.offlineMode ? 1 : 0,
  };
  const rowOf = (of: Mysqld, state: string, role: string): Row => {
    const { host, port } = of;
    const viewId = group.view?.id ?? "";
    return { ...self, memberId: of.uuid, host, port, state, role, viewId, queued: 0 };
  };
  if (group.view === undefined) return [rowOf(server, group.state, "")];
  const half = group.halfPromoted;
  group.halfPromoted = false;
  return group.view.members.map((member) => {
    const primary = group.view?.primary === member.server.uuid && !half;
    return rowOf(
      member.server,
      world.groups.stateOf(server, member),
      primary ? "PRIMARY" : "SECONDARY",
    );
  });
}

function dataRow(server: Mysqld): Row {
  const { group, volume } = server;
  return {
    executed: volume.executed.text,
    purged: volume.purged,
    received: volume.relay.text,
    groupName: volume.groupName,
    threads: group.rejoin === undefined ? null : "thread/group_rpl/THD_autorejoin",
    userSchemas: volume.valued ? 1 : 0,
    // Its rows are their GTIDs.
    conflict: "",
    creating: volume.creating ? 1 : 0,
  };
}

function clusterRows({ volume: { metadata } }: Mysqld): Row[] {
  if (metadata === undefined) throw new Refusal(1049, "Unknown database");
  const { groupName, name } = metadata;
  return name === undefined ? [] : [{ name, groupName }];
}

function instanceRows({ volume: { metadata } }: Mysqld): Row[] {
  if (metadata === undefined) throw new Refusal(1049, "Unknown database");
  return metadata.entries.map(({ address, uuid }) => ({ uuid, address }));
}
