// Pure: the texts that carry passwords. The SQL that mysqld runs once, while it initialises an empty data
// directory or takes over that of an earlier Cluster of the same name, and the option file by which mysqladmin and MySQL Shell log in.
//
// The agent's account exists with the same password on every instance before it is added, is not written
// to the binary log (a fresh instance must have an empty GTID set), demands TLS and has what the AdminAPI
// needs and nothing on application schemas. A clone replaces it by the donor's copy, which is the same.

export type AccountsOptions = {
  readonly rootPassword: string;
  readonly agentUser: string;
  readonly agentPassword: string;
  /** Servers from 8.3 know GTID tags, which MySQL Shell uses. */
  readonly gtidTags: boolean;
};

const AGENT_PRIVILEGES =
  "RELOAD, SHUTDOWN, PROCESS, FILE, SELECT, REPLICATION SLAVE, REPLICATION CLIENT, CREATE USER, EXECUTE, " +
  "SYSTEM_VARIABLES_ADMIN, PERSIST_RO_VARIABLES_ADMIN, REPLICATION_APPLIER, CLONE_ADMIN, " +
  "REPLICATION_SLAVE_ADMIN, GROUP_REPLICATION_ADMIN, ROLE_ADMIN, CONNECTION_ADMIN";

const METADATA_PRIVILEGES =
  "ALTER, ALTER ROUTINE, CREATE, CREATE ROUTINE, CREATE TEMPORARY TABLES, CREATE VIEW, DELETE, DROP, EVENT, " +
  "EXECUTE, INDEX, INSERT, LOCK TABLES, REFERENCES, SHOW VIEW, TRIGGER, UPDATE";

const METADATA_SCHEMAS = ["", "_bkp", "_previous"].map((end) =>
  `mysql_innodb_cluster_metadata${end}`
);

/** Content of the file for `mysqld --initialize-insecure --init-file`: one statement per line. */
export function renderInitSql(options: AccountsOptions): string {
  const root = quoteSql(options.rootPassword);
  const agent = `${quoteSql(options.agentUser)}@'%'`;
  const privileges = AGENT_PRIVILEGES + (options.gtidTags ? ", TRANSACTION_GTID_TAG" : "");
  return [
    "SET SESSION sql_log_bin = 0",
    `ALTER USER IF EXISTS 'root'@'localhost' IDENTIFIED BY ${root}`,
    `CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY ${root}`,
    `ALTER USER 'root'@'%' IDENTIFIED BY ${root}`,
    "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION",
    "GRANT PROXY ON ''@'' TO 'root'@'%' WITH GRANT OPTION",
    `CREATE USER IF NOT EXISTS ${agent} IDENTIFIED BY ${
      quoteSql(options.agentPassword)
    } REQUIRE SSL`,
    `ALTER USER ${agent} IDENTIFIED BY ${quoteSql(options.agentPassword)} REQUIRE SSL`,
    `GRANT ${privileges} ON *.* TO ${agent} WITH GRANT OPTION`,
    ...METADATA_SCHEMAS.map((schema) =>
      `GRANT ${METADATA_PRIVILEGES} ON ${schema}.* TO ${agent} WITH GRANT OPTION`
    ),
    // Lets it grant to the members' recovery accounts what it does not hold itself.
    `GRANT INSERT, UPDATE, DELETE ON mysql.* TO ${agent} WITH GRANT OPTION`,
  ].map((statement) => `${statement};\n`).join("");
}

/** The same for a server that has data: it sets the passwords of this Cluster, then ends. */
export function renderTakeOverSql(options: AccountsOptions): string {
  return `${renderInitSql(options)}SHUTDOWN;\n`;
}

/** Content of the option file for the agent's account. @throws if the file cannot hold the password. */
export function renderOptionFile(login: {
  user: string;
  password: string;
  /** File with the CA that the servers' certificates must be signed by. */
  caFile?: string | undefined;
}): string {
  return [
    "[client]",
    `user=${quoteOption(login.user)}`,
    `password=${quoteOption(login.password)}`,
    "protocol=TCP",
    ...(login.caFile === undefined
      ? ["ssl-mode=REQUIRED"]
      : ["ssl-mode=VERIFY_CA", `ssl-ca=${quoteOption(login.caFile)}`]),
    "",
  ].join("\n");
}

const SQL_ESCAPES: Readonly<Record<string, string>> = {
  "\0": "\\0",
  "\n": "\\n",
  "\r": "\\r",
  "\x1a": "\\Z",
  "'": "\\'",
  "\\": "\\\\",
};

function quoteSql(text: string): string {
  // deno-lint-ignore no-control-regex
  return `'${text.replace(/[\0\n\r\x1a'\\]/g, (character) => SQL_ESCAPES[character] ?? "")}'`;
}

function quoteOption(text: string): string {
  if (/[\r\n\0]/.test(text)) {
    throw new Error(
      "Cannot write the option file: a password must not contain a line break or a NUL",
    );
  }
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}
