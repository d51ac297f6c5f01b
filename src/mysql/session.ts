// The only door to mysqld's protocol: one kept-alive connection per server, a limit on every wait, and
// errors as values with the server's number. Knows nothing of groups; the statements are in queries.ts.
//
// After a timeout or a lost connection a session is broken and only good for closing: what became of its
// statement is unknown, and the caller looks again on a new one.

import mysql from "mysql2";
import type { Connection, ConnectionOptions, QueryError } from "mysql2";
import type { Clock } from "../base/clock.ts";
import type { Secret } from "../base/secret.ts";
import type { Endpoint } from "./shell-request.ts";

export type SqlValue = string | number | bigint | null;
export type Row = Readonly<Record<string, unknown>>;

export type Login = {
  readonly user: string;
  readonly password: Secret;
  /** PEM of the CA that signed the servers' certificates; without it any certificate is taken. */
  readonly ca?: string | undefined;
};

export type SessionOptions = {
  readonly server: Endpoint;
  readonly login: Login;
  readonly connectTimeoutMs: number;
  readonly queryTimeoutMs: number;
  readonly clock: Clock;
};

/** A failed connect or statement. `errno` is the server's number; without it no answer came. */
export class SqlError extends Error {
  override readonly name = "SqlError";
  readonly code = "MYSQL_SQL";
  readonly errno: number | undefined;
  readonly refused: boolean;

  constructor(message: string, options: { errno?: number; refused?: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.errno = options.errno;
    this.refused = options.refused ?? false;
  }
}

/** What happened to a statement or connect, by the server's error numbers. */
export function sqlErrno(error: unknown): number | undefined {
  return error instanceof SqlError ? error.errno : undefined;
}

const SETUP = [
  "SET SESSION autocommit = 1, sql_mode = '', lock_wait_timeout = 3, group_concat_max_len = 1048576",
  // Reads must not wait for the group; the variable exists only with the plugin.
  "SET SESSION group_replication_consistency = 'EVENTUAL'",
];
const UNKNOWN_VARIABLE = 1193;

/** One connection to one server. */
export class Session {
  readonly #connection: Connection;
  readonly #options: SessionOptions;
  #broken = false;

  constructor(connection: Connection, options: SessionOptions) {
    this.#connection = connection;
    this.#options = options;
    // Also keeps an error between two statements from ending the process.
    connection.on("error", () => this.#break());
    connection.on("end", () => this.#break());
  }

  /** True once it can only be closed. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Runs one statement; `values` replace its question marks. @throws SqlError */
  async query(sql: string, values: readonly SqlValue[] = [], timeoutMs?: number): Promise<Row[]> {
    if (this.#broken) throw new SqlError("the connection is closed", {});
    const limitMs = timeoutMs ?? this.#options.queryTimeoutMs;
    return await new Promise<Row[]>((resolve, reject) => {
      const cancel = this.#options.clock.setTimer(limitMs, () => {
        this.#break();
        reject(new SqlError(`no answer within ${limitMs} ms`, {}));
      });
      this.#connection.query(sql, [...values], (error: QueryError | null, rows: unknown) => {
        cancel();
        if (error === null) return resolve(Array.isArray(rows) ? rows : []);
        const failure = toSqlError(error);
        if (failure.errno === undefined) this.#break();
        reject(failure);
      });
    });
  }

  close(): void {
    this.#break();
  }

  #break(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#connection.destroy();
  }
}

/** Connects and logs in. @throws SqlError: `refused` when nobody listens, `errno` when the server answered. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const connection = mysql.createConnection(connectionOptions(options));
  const session = new Session(connection, options);
  await new Promise<void>((resolve, reject) => {
    const cancel = options.clock.setTimer(options.connectTimeoutMs, () => {
      session.close();
      reject(new SqlError(`no connection within ${options.connectTimeoutMs} ms`, {}));
    });
    connection.connect((error: QueryError | null) => {
      cancel();
      if (error === null) return resolve();
      session.close();
      reject(toSqlError(error));
    });
  });
  for (const statement of SETUP) {
    await session.query(statement).catch((error: unknown) => {
      if (sqlErrno(error) === UNKNOWN_VARIABLE) return;
      session.close();
      throw error;
    });
  }
  return session;
}

function connectionOptions(options: SessionOptions): ConnectionOptions {
  const { server, login } = options;
  return {
    host: server.host,
    port: server.port,
    user: login.user,
    password: login.password.reveal(),
    connectTimeout: options.connectTimeoutMs,
    // Pod certificates carry no fixed names: the CA is what is verified.
    ssl: login.ca === undefined
      ? { rejectUnauthorized: false }
      : { ca: login.ca, rejectUnauthorized: true, verifyIdentity: false },
    dateStrings: true,
    supportBigNumbers: true,
    enableKeepAlive: true,
    multipleStatements: false,
  };
}

function toSqlError(error: QueryError): SqlError {
  // The driver gives its own and the network's errors no sqlState.
  const errno = typeof error.sqlState === "string" && error.sqlState !== ""
    ? error.errno
    : undefined;
  const refused = error.code === "ECONNREFUSED";
  return new SqlError(error.message || error.code, {
    cause: error,
    refused,
    ...(errno === undefined ? {} : { errno }),
  });
}
