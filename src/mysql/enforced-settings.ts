// Data: the server variables that the operator decides, each with its reason, and those that nobody may
// set (value null). my-cnf.ts writes them last; the API refuses all of these names in `spec.mysqld`.
// What the AdminAPI keeps in mysqld-auto.cnf (everything else of Group Replication) is refused by prefix.

/** Where one instance has its files and how the others reach it. */
export type InstancePlace = {
  readonly serverId: number;
  readonly reportHost: string;
  readonly port: number;
  /** mysqld's data directory. */
  readonly dataDirectory: string;
  /** Memory volume with socket and pid file. */
  readonly runDirectory: string;
  readonly temporaryDirectory: string;
  /** Folder with ca.crt, tls.crt and tls.key; unset: mysqld makes its own certificates. */
  readonly tlsDirectory?: string | undefined;
  readonly unreachableMajorityTimeoutSeconds: number;
};

export type EnforcedSetting = {
  readonly name: string;
  /** Null: never written, and refused. A function's undefined: not written for this place. */
  readonly value: string | null | ((place: InstancePlace) => string | undefined);
  readonly reason: string;
};

const setting = (
  name: string,
  value: EnforcedSetting["value"],
  reason: string,
): EnforcedSetting => ({ name, value, reason });

const tls = (file: string) => (place: InstancePlace): string | undefined =>
  place.tlsDirectory === undefined ? undefined : `${place.tlsDirectory}/${file}`;

/** One row per variable, sorted by name; names with underscores, as in SHOW VARIABLES. */
export const enforcedSettings: readonly EnforcedSetting[] = [
  setting("auto_increment_increment", null, "the AdminAPI sets it for the topology"),
  setting("auto_increment_offset", null, "the AdminAPI sets it for the topology"),
  setting("bind_address", "*", "members and probes reach the server by the Pod's address"),
  setting("binlog_do_db", null, "a filtered binary log loses transactions"),
  setting("binlog_format", null, "Group Replication certifies rows, the default"),
  setting("binlog_ignore_db", null, "a filtered binary log loses transactions"),
  setting("daemonize", null, "the container's loop watches mysqld as its child"),
  setting("datadir", (place) => place.dataDirectory, "it is on the data volume"),
  setting("disable_log_bin", null, "the group recovers members from binary logs"),
  setting("enforce_gtid_consistency", "ON", "the group identifies transactions by GTID"),
  setting("gtid_mode", "ON", "the group identifies transactions by GTID"),
  setting(
    "host_cache_size",
    "0",
    "a host that only probes the port would be blocked after a while",
  ),
  setting("init_file", null, "it would run at every start, on members that must stay read-only"),
  setting("log_bin", "binlog", "the group recovers members from binary logs"),
  setting("log_error", null, "the log belongs to the container"),
  setting("log_replica_updates", "ON", "every member must be able to bring up another"),
  setting(
    "loose_group_replication_bootstrap_group",
    "OFF",
    "a second group must never start by itself",
  ),
  setting(
    "loose_group_replication_start_on_boot",
    "OFF",
    "the agent starts it: an automatic start without a group blocks for a minute",
  ),
  setting(
    "loose_group_replication_unreachable_majority_timeout",
    (place) => String(place.unreachableMajorityTimeoutSeconds),
    "a member that lost the majority must leave write mode; set spec.groupReplication instead",
  ),
  setting(
    "max_connect_errors",
    "18446744073709551615",
    "bare TCP connects would block the node they come from",
  ),
  setting("mysqlx", "OFF", "the X protocol is not served"),
  setting(
    "offline_mode",
    "ON",
    "a server outside the group serves no clients; the agent lets them in",
  ),
  setting("performance_schema", "ON", "the state of the group is read from it"),
  setting("persisted_globals_load", "ON", "the AdminAPI keeps the group's settings there"),
  setting(
    "pid_file",
    (place) => `${place.runDirectory}/mysqld.pid`,
    "the root file system is read-only",
  ),
  setting(
    "plugin_load",
    null,
    "it would replace the plugins that the group needs; use plugin_load_add",
  ),
  setting("port", (place) => String(place.port), "Services and members use it"),
  setting("read_only", "ON", "a server outside the group must not be written to"),
  setting("relay_log", "relay-bin", "its default name would follow the host's name"),
  setting(
    "relay_log_recovery",
    "OFF",
    "ON hides after a crash what the server had received and still has in its relay log",
  ),
  setting("replica_preserve_commit_order", "ON", "members must commit in the group's order"),
  setting("report_host", (place) => place.reportHost, "members find each other by it"),
  setting("report_port", (place) => String(place.port), "members find each other by it"),
  setting("server_id", (place) => String(place.serverId), "set spec.baseServerId instead"),
  setting("skip_grant_tables", null, "it would admit everybody"),
  setting("skip_log_bin", null, "the group recovers members from binary logs"),
  setting("skip_name_resolve", "ON", "a slow DNS server would stall every new connection"),
  setting("skip_networking", null, "members reach each other over TCP"),
  setting("skip_replica_start", "ON", "the agent and the group decide what replicates"),
  setting(
    "socket",
    (place) => `${place.runDirectory}/mysqld.sock`,
    "the root file system is read-only",
  ),
  setting("ssl_ca", tls("ca.crt"), "set spec.sslSecret instead"),
  setting("ssl_cert", tls("tls.crt"), "set spec.sslSecret instead"),
  setting("ssl_key", tls("tls.key"), "set spec.sslSecret instead"),
  setting("super_read_only", "ON", "the group alone decides who is written to"),
  setting("tmpdir", (place) => place.temporaryDirectory, "the root file system is read-only"),
  setting("user", null, "the Pod's securityContext decides it"),
];

const NAMES = new Map(enforcedSettings.map((row) => [bareName(row.name), row.reason]));

/** Why a variable may not be set by a user, in any spelling (`-` or `_`, `loose_`); undefined if it may. */
export function refusalReason(name: string): string | undefined {
  const bare = bareName(name);
  const known = NAMES.get(bare);
  if (known !== undefined) return known;
  if (bare.startsWith("group_replication_")) return "set spec.groupReplication instead";
  if (bare.startsWith("replicate_")) return "a filtered member would lose transactions";
  return undefined;
}

export function isRefusedVariable(name: string): boolean {
  return refusalReason(name) !== undefined;
}

/** A variable's name without the spellings that mysqld accepts beside it. */
export function bareName(name: string): string {
  return name.toLowerCase().replaceAll("-", "_").replace(/^loose_/, "");
}
