// Pure: the option file of one instance. Three layers, the later wins: our defaults, what the user wrote
// (the my.cnf of `spec.config`, then `spec.mysqld`), what we enforce. The output is sorted, so that equal
// input gives an equal file.
//
// A user's setting that is enforced otherwise is left out here and returned, to be logged: an old Cluster
// must not fail to start because a new version enforces one variable more.

import {
  bareName,
  enforcedSettings,
  type InstancePlace,
  refusalReason,
} from "./enforced-settings.ts";

export {
  bareName,
  type EnforcedSetting,
  enforcedSettings,
  type InstancePlace,
  isRefusedVariable,
  refusalReason,
} from "./enforced-settings.ts";

export type MyCnfOptions = {
  readonly place: InstancePlace;
  /** Text of the user's my.cnf; only the groups that mysqld reads count. */
  readonly userText?: string | undefined;
  /** `spec.mysqld`. */
  readonly mysqld?: Readonly<Record<string, string | number>> | undefined;
  /** The run that makes the data directory: writable, without plugins and binary log. */
  readonly initialize?: boolean;
};

export type MyCnf = {
  readonly text: string;
  /** User settings that are not in the text, with the reason. */
  readonly ignored: readonly { readonly name: string; readonly reason: string }[];
};

/** What we would choose, and anybody may change. */
export const defaultSettings: Readonly<Record<string, string>> = {
  disabled_storage_engines: "MyISAM,BLACKHOLE,FEDERATED,ARCHIVE,MEMORY",
  local_infile: "OFF",
  secure_file_priv: "NULL",
};

const PLUGINS = ["group_replication.so", "mysql_clone.so"];
// mysqld --initialize would refuse its own writes, or has no use for these.
const NOT_AT_INITIALIZE = new Set([
  "offline_mode",
  "read_only",
  "super_read_only",
  "log_bin",
  "log_replica_updates",
]);

/** Renders the file for one instance. */
export function renderMyCnf(options: MyCnfOptions): MyCnf {
  const values = new Map<string, string | undefined>(Object.entries(defaultSettings));
  const plugins: string[] = [];
  const ignored: { name: string; reason: string }[] = [];
  for (const [name, value] of userSettings(options)) {
    const reason = refusalReason(name);
    if (reason !== undefined) ignored.push({ name, reason });
    else if (bareName(name) === "plugin_load_add") plugins.push(value ?? "");
    else {
      values.delete(bareName(name));
      values.delete(`loose_${bareName(name)}`);
      values.set(name, value);
    }
  }
  const initialize = options.initialize === true;
  const lines = [...values].map(([name, value]) => [line(name, value)]);
  lines.push(...enforcedLines(options.place, initialize));
  if (initialize) lines.push(["disable_log_bin"]);
  else lines.push([...plugins, ...PLUGINS].map((name) => line("plugin_load_add", name)));
  return { text: `[mysqld]\n${sorted(lines).join("\n")}\n`, ignored };
}

function enforcedLines(place: InstancePlace, initialize: boolean): string[][] {
  return enforcedSettings.flatMap(({ name, value, reason }) => {
    if (initialize && (NOT_AT_INITIALIZE.has(name) || name.startsWith("loose_"))) return [];
    const text = typeof value === "function" ? value(place) : value;
    return text === null || text === undefined ? [] : [[line(name, text), `# enforced: ${reason}`]];
  });
}

// Each entry is one setting, possibly with the comment that goes above it.
function sorted(entries: readonly (readonly string[])[]): string[] {
  const key = ([first = ""]: readonly string[]): string => first.replace(/^loose_/, "");
  return entries.toSorted((a, b) => key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0)
    .flatMap((entry) => entry[1]?.startsWith("#") ? [entry[1], entry[0] ?? ""] : [...entry]);
}

function line(name: string, value: string | undefined): string {
  return value === undefined ? name : `${name} = ${value}`;
}

function userSettings(options: MyCnfOptions): [name: string, value: string | undefined][] {
  const fromMap = Object.entries(options.mysqld ?? {})
    .map((
      [name, value],
    ): [string, string] => [spelled(name), String(value).replace(/[\r\n]/g, " ")]);
  return [...parseUserText(options.userText ?? ""), ...fromMap];
}

/** The settings of the groups that mysqld reads, in order; includes of other files are not followed. */
export function parseUserText(text: string): [name: string, value: string | undefined][] {
  const settings: [string, string | undefined][] = [];
  let group = "";
  for (const raw of text.split(/\r?\n/)) {
    const trimmed = raw.trim();
    if (trimmed === "" || /^[#;!]/.test(trimmed)) continue;
    const header = /^\[([^\]]*)\]/.exec(trimmed);
    if (header !== null) {
      group = header[1]?.trim() ?? "";
      continue;
    }
    if (!/^(mysqld(-\d+\.\d+)?|server)$/.test(group)) continue;
    const [, name = "", value] = /^([^=\s]+)\s*(?:=\s*(.*))?$/.exec(trimmed) ?? [];
    if (name !== "") settings.push([spelled(name), value]);
  }
  return settings;
}

// One spelling per variable, so that a later layer finds the earlier one; loose_ is kept: it is meant.
function spelled(name: string): string {
  return name.toLowerCase().replaceAll("-", "_");
}
