// Pure: why a run of MySQL Shell failed, as a closed union of what the caller can do about it.
//
// The error number decides, never its type or its text (one number comes as "MYSQLSH 51155" and as
// "MySQL Error 51155"), except for the few AdminAPI errors that have no number. Below 10000 the number is
// the server's, 2000-2999 the client library's, from 51000 the AdminAPI's. A failure never means "there
// is no cluster": that is decided by facts read with SQL.

import type { ExecResult } from "./exec.ts";
import { parseShellOutput, type ShellOutput } from "./shell-output.ts";

export type ShellFailureKind =
  | "busy" // another AdminAPI operation holds its lock
  | "transient" // election, recovery, network: look again, then try again
  | "noQuorum"
  | "outage" // Group Replication is not running where the session is
  | "notManaged" // no metadata, or not of this instance
  | "alreadyMember"
  | "notMember"
  | "diverged" // transactions that the group does not have
  | "provisioning" // incremental recovery is not possible
  | "restartTimeout" // mysqld did not come back in time after a clone, which may be whole
  | "incompatible" // version or configuration: trying again cannot help
  | "denied"
  | "startFailed" // Group Replication would not start
  | "interrupted" // killed or timed out: the effect is unknown
  | "usage" // our mistake or another Shell version
  | "other";

export type ShellFailure = {
  readonly kind: ShellFailureKind;
  readonly code?: number;
  readonly message: string;
};

const BY_CODE: ReadonlyMap<number, ShellFailureKind> = new Map([
  ...rows("busy", [51500, 3133]),
  ...rows("noQuorum", [51003, 51011]),
  ...rows("outage", [51002, 51018, 51314]),
  ...rows("notManaged", [51101, 51113, 51300]),
  ...rows("alreadyMember", [51301, 51305, 51306]),
  ...rows("notMember", [51104, 51310]),
  ...rows("diverged", [51152]),
  ...rows("provisioning", [51153, 51165, 51166, 51167, 51168, 51173, 3190]),
  ...rows("restartTimeout", [51156]),
  ...rows("incompatible", [51107, 51150, 51312, 51604, 51605, 51606]),
  ...rows("denied", [1044, 1045, 1142, 1143, 1227, 1820, 1862, 3118]),
  ...rows("startFailed", [3092, 3094, 3096, 3097]),
  ...rows("transient", [51004, 51014, 51102, 51108, 51154, 51155, 51157, 51160, 51161, 51318]),
  ...rows("transient", [1040, 1053, 1205, 1213, 1290, 1836, 3032, 3093, 3095, 3100, 3101, 6400]),
]);

// Texts of errors without a number; each is in a recorded transcript or in the Shell's source.
const BY_TEXT: readonly [RegExp, ShellFailureKind][] = [
  [/is already part of this InnoDB Cluster/, "alreadyMember"],
  [/already belongs to an InnoDB cluster/i, "alreadyMember"],
  [/does not belong to the cluster/, "notMember"],
  [/^Group Replication failed to start/, "startFailed"],
  [/^Unsupported server version/, "incompatible"],
  [/Instance check failed/, "incompatible"],
  [/missing privileges|check account privileges/, "denied"],
  [/instance belongs to that metadata, but GR is not active/, "outage"],
  [/standalone instance/, "notManaged"],
  [/while group replication is starting up|requires a PRIMARY instance available/, "transient"],
  [/no quorum is possible/, "noQuorum"],
  [/^The Cluster is ONLINE|Could not determine if Cluster is completely OFFLINE/, "transient"],
  [/has a lower GTID when compared/, "diverged"],
];

const ERROR_LINE =
  /^(?:(?:MYSQLSH|MySQL Error|[A-Za-z]+Error|Error)(?: (\d+))?(?: \([0-9A-Z]{5}\))?: )?([\s\S]*?)\s*$/;

/** The failure of a run, or undefined if it succeeded: only the exit code decides that. */
export function parseShellFailure(result: ExecResult): ShellFailure | undefined {
  if (result.code === 0 && !result.timedOut) return undefined;
  if (result.error !== undefined) {
    return { kind: "usage", message: `cannot start MySQL Shell: ${result.error.message}` };
  }
  const output = parseShellOutput(result.stdout);
  const { code, message } = lastError(output, result);
  const known = code === undefined ? {} : { code };
  return { kind: kindOf(result, code, message), ...known, message };
}

function kindOf(result: ExecResult, code: number | undefined, text: string): ShellFailureKind {
  if (result.signal !== null || result.timedOut) return "interrupted";
  if (result.code === 10) return "usage";
  const byCode = code === undefined ? undefined : BY_CODE.get(code);
  if (byCode !== undefined) return byCode;
  if (code !== undefined && code >= 2000 && code < 3000) return "transient";
  return BY_TEXT.find(([pattern]) => pattern.test(text))?.[1] ?? "other";
}

function lastError(output: ShellOutput, result: ExecResult): { code?: number; message: string } {
  const errors = output.messages.filter((message) => message.kind === "error");
  const last = errors.at(-1);
  if (last === undefined) {
    const how = result.signal === null ? `exit code ${result.code}` : `signal ${result.signal}`;
    const seen = output.rest.at(-1) ?? result.stderr.trim().split("\n").at(-1) ?? "";
    return { message: seen === "" ? `ended with ${how}` : `ended with ${how}: ${seen}` };
  }
  const match = ERROR_LINE.exec(last.text);
  const message = match?.[2] ?? last.text;
  return match?.[1] === undefined ? { message } : { code: Number(match[1]), message };
}

function rows(
  kind: ShellFailureKind,
  codes: readonly number[],
): [number, ShellFailureKind][] {
  return codes.map((code) => [code, kind]);
}
