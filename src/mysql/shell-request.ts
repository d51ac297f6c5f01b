// Pure: what the agent may ask MySQL Shell to do, and the command line for it. A closed union, so that
// nothing else can ever be run, and no text of a user becomes the name of an option.
//
// Invariants: the password is only in the option file, which must be the first argument; prompts are off;
// every free text is a typed value (`:str`), because the Shell otherwise reads 123 or true as such; no
// positional argument begins with "-". Why each switch is there: README.md.

import type { ExecRequest } from "./exec.ts";

export type Endpoint = { readonly host: string; readonly port: number };
export type RecoveryMethod = "clone" | "incremental";

export type CreateOptions = {
  readonly multiPrimary: boolean;
  readonly expelTimeoutSeconds: number;
  readonly autoRejoinTries: number;
  readonly consistency?: string | undefined;
};

/** Everything that MySQL Shell is ever asked. Targets are other than, or the same as, the session's server. */
export type ShellCall =
  | { readonly type: "create-cluster"; readonly name: string; readonly options: CreateOptions }
  | {
    readonly type: "add-instance";
    readonly target: Endpoint;
    readonly label: string;
    readonly method: RecoveryMethod;
  }
  | {
    readonly type: "rejoin-instance";
    readonly target: Endpoint;
    /** Unset: the Shell chooses, and refuses when transactions would be lost. */
    readonly method?: RecoveryMethod | undefined;
  }
  | { readonly type: "remove-instance"; readonly target: Endpoint; readonly force: boolean }
  | {
    readonly type: "set-primary-instance";
    readonly target: Endpoint;
    readonly runningTransactionsTimeoutSeconds: number;
  }
  /** `seed` must be a member that holds everything: the Shell refuses one that does not, unless forced. */
  | {
    readonly type: "reboot-cluster";
    readonly name: string;
    readonly seed: Endpoint;
    readonly force: boolean;
  }
  | { readonly type: "status" };

export type ShellCallType = ShellCall["type"];

/** Where the programs and files of one agent are. */
export type ShellPlaces = {
  readonly file: string;
  /** Option file with [client] user and password; 0600 on a memory volume. */
  readonly optionFile: string;
  /** Writable folder for the Shell's log and configuration. */
  readonly workDirectory: string;
  /** PATH of the program, from the agent's own environment. */
  readonly path: string;
};

const MINUTE_MS = 60_000;

// Clone copies the whole database: its progress is watched by SQL, the limit only ends what hangs.
const TIMEOUT_MS: Record<ShellCallType, number> = {
  "create-cluster": 5 * MINUTE_MS,
  "add-instance": 24 * 60 * MINUTE_MS,
  "rejoin-instance": 24 * 60 * MINUTE_MS,
  "remove-instance": 5 * MINUTE_MS,
  "set-primary-instance": 2 * MINUTE_MS,
  // It brings the other members back, too.
  "reboot-cluster": 60 * MINUTE_MS,
  status: 90_000,
};

/** The run of MySQL Shell for a call, in a session on `session`. @throws on a host that is none. */
export function shellRequest(
  call: ShellCall,
  session: Endpoint,
  places: ShellPlaces,
): ExecRequest {
  return {
    file: places.file,
    args: [
      `--defaults-file=${places.optionFile}`,
      "--mysql",
      "--no-wizard",
      "--json=raw",
      "--quiet-start=2",
      "--disable-plugins",
      "--disable-builtin-plugins",
      `--log-file=${places.workDirectory}/mysqlsh.log`,
      "--log-level=warning",
      "--connect-timeout=5000",
      `--host=${checkedHost(session.host)}`,
      `--port=${session.port}`,
      "--",
      ...callArguments(call),
    ],
    env: shellEnvironment(places),
    cwd: places.workDirectory,
    timeoutMs: TIMEOUT_MS[call.type],
    killAfterMs: 2 * MINUTE_MS,
  };
}

function callArguments(call: ShellCall): string[] {
  switch (call.type) {
    case "create-cluster":
      return ["dba", "create-cluster", checkedName(call.name), ...createOptions(call.options)];
    case "add-instance":
      return [
        "cluster",
        "add-instance",
        address(call.target),
        `--recoveryMethod=${call.method}`,
        "--recoveryProgress=0",
        `--label:str=${escaped(call.label)}`,
      ];
    case "rejoin-instance":
      return [
        "cluster",
        "rejoin-instance",
        address(call.target),
        ...(call.method === undefined ? [] : [`--recoveryMethod=${call.method}`]),
        "--recoveryProgress=0",
      ];
    case "remove-instance":
      return ["cluster", "remove-instance", address(call.target), `--force=${call.force}`];
    case "set-primary-instance":
      return [
        "cluster",
        "set-primary-instance",
        address(call.target),
        `--runningTransactionsTimeout=${call.runningTransactionsTimeoutSeconds}`,
      ];
    case "reboot-cluster":
      return [
        "dba",
        "reboot-cluster-from-complete-outage",
        checkedName(call.name),
        `--primary=${address(call.seed)}`,
        `--force=${call.force}`,
      ];
    case "status":
      return ["cluster", "status"];
  }
}

function createOptions(options: CreateOptions): string[] {
  return [
    "--communicationStack=MYSQL",
    // Every transaction since the beginning is in the binary logs: an empty member needs no clone.
    "--gtidSetIsComplete=true",
    // The agent starts Group Replication itself: an automatic start that finds no group blocks for 60 s.
    "--manualStartOnBoot=true",
    // A member outside the majority ends its client connections by itself, even without an agent.
    "--exitStateAction=OFFLINE_MODE",
    `--expelTimeout=${options.expelTimeoutSeconds}`,
    `--autoRejoinTries=${options.autoRejoinTries}`,
    ...(options.consistency === undefined
      ? []
      : [`--consistency:str=${escaped(options.consistency)}`]),
    ...(options.multiPrimary ? ["--multiPrimary=true", "--force=true"] : []),
  ];
}

function shellEnvironment(places: ShellPlaces): Record<string, string> {
  return {
    PATH: places.path,
    HOME: places.workDirectory,
    TMPDIR: places.workDirectory,
    MYSQLSH_USER_CONFIG_HOME: places.workDirectory,
    LC_ALL: "C.UTF-8",
    MYSQLSH_TERM_COLOR_MODE: "nocolor",
    MYSQLSH_CREDENTIAL_STORE_SAVE_PASSWORDS: "never",
    MYSQLSH_CREDENTIAL_STORE_HELPER: "<disabled>",
  };
}

/** `host:port` of an instance. @throws on a host that could be taken for something else. */
export function address(endpoint: Endpoint): string {
  return `${checkedHost(endpoint.host)}:${endpoint.port}`;
}

function checkedHost(host: string): string {
  if (/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/i.test(host) && host.length <= 253) return host;
  throw new Error(`Cannot pass host ${JSON.stringify(host)} to MySQL Shell: not a DNS name`);
}

function checkedName(name: string): string {
  if (/^[a-z_][-a-z0-9_.]{0,62}$/i.test(name)) return name;
  throw new Error(`Cannot create cluster ${JSON.stringify(name)}: not a name MySQL Shell accepts`);
}

// The Shell unescapes these in every string value.
function escaped(text: string): string {
  return text.replace(/[\\"',=]/g, "\\$&");
}
