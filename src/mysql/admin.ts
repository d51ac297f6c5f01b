// mysqladmin ping: tells a server that is down from one that answers but will not let us in. Asked only
// while there is no SQL session, because it costs a process. It says nothing about the group, and fails
// during crash recovery and while a clone restarts the server.

import type { Exec, ExecRequest, ExecResult } from "./exec.ts";
import type { Endpoint } from "./shell-request.ts";

export type Ping =
  | { readonly state: "alive" } // answers, possibly with an error such as "access denied"
  | { readonly state: "down"; readonly detail: string } // nobody listens
  | { readonly state: "unusable"; readonly detail: string }; // listens, but no session is possible

/** Pure: the run of mysqladmin. */
export function pingRequest(
  server: Endpoint,
  places: { file: string; optionFile: string; path: string },
): ExecRequest {
  return {
    file: places.file,
    args: [
      `--defaults-file=${places.optionFile}`,
      "--connect-timeout=3",
      `--host=${server.host}`,
      `--port=${server.port}`,
      "ping",
    ],
    env: { PATH: places.path, LC_ALL: "C.UTF-8" },
    timeoutMs: 10_000,
    killAfterMs: 2_000,
  };
}

/** Pure: exit code 0 is any answer of the server, also a refusal; else the client's error number tells. */
export function parsePing(result: ExecResult): Ping {
  if (result.code === 0) return { state: "alive" };
  const detail = result.error?.message ?? (result.stderr.trim().split("\n").at(-1) || "no answer");
  // 2002, 2003: no listener; 2005: no such host; 2013: it went away or is not ready to greet.
  const down = /\b(2002|2003|2005|2013)\b|Can't connect|Lost connection/.test(result.stderr);
  return { state: down || result.timedOut ? "down" : "unusable", detail };
}

/** Whether the server answers at all. */
export async function ping(
  exec: Exec,
  server: Endpoint,
  places: { file: string; optionFile: string; path: string },
  signal: AbortSignal,
): Promise<Ping> {
  return parsePing(await exec(pingRequest(server, places), signal));
}
