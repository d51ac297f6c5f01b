// Pure: what the HTTP probes answer. An answer of 200 never rests on an observation older than its limit:
// a frozen mysqld, or a frozen agent, is not ready.
//
//   /live     the loop is alive; says nothing of MySQL or the API server, so that neither restarts us
//   /startup  mysqld has answered since the Pod started
//   /ready    this member is ONLINE in a partition with quorum and lets clients in
// The body is `{}`, or with ?full=1 a map from check to "OK" or what is wrong, as the original has it.

import { instanceState } from "./report.ts";
import { isOnline, type LocalView, MAX_AGE_MS } from "./facts.ts";

/** Ticks may be this late: a tick waits for its peers, each with a limit. */
export const LIVE_LIMIT_MS = 30_000;

export type ProbeState = {
  readonly now: number;
  /** When the loop last came round. */
  readonly tickAt: number;
  /** The last look at the own server; none yet: undefined. */
  readonly local: LocalView | undefined;
  /** mysqld has answered at least once. */
  readonly answered: boolean;
};

export type ProbeAnswer = { readonly status: number; readonly body: string };

const OK = "OK";

/** The answer to a probe; undefined for a path that is none. */
export function probe(path: string, state: ProbeState, full = false): ProbeAnswer | undefined {
  const checks = checksOf(path, state);
  if (checks === undefined) return undefined;
  const status = Object.values(checks).every((text) => text === OK) ? 200 : 503;
  return { status, body: `${JSON.stringify(full ? checks : {}, null, 4)}\n` };
}

function checksOf(path: string, state: ProbeState): Record<string, string> | undefined {
  switch (path) {
    case "/live":
      return { "agent-loop": loopCheck(state) };
    case "/startup":
      return { "agent-loop": loopCheck(state), "mysqld-answered": answeredCheck(state) };
    case "/ready":
      return { "agent-loop": loopCheck(state), "node-in-cluster": memberCheck(state) };
    default:
      return undefined;
  }
}

function loopCheck({ now, tickAt }: ProbeState): string {
  return now - tickAt <= LIVE_LIMIT_MS ? OK : "the agent's loop does not come round";
}

function answeredCheck({ answered }: ProbeState): string {
  return answered ? OK : "mysqld has not answered yet";
}

function memberCheck({ local, now }: ProbeState): string {
  if (local === undefined) return "nothing has been observed yet";
  if (now - local.at > MAX_AGE_MS) return "the last observation of mysqld is too old";
  if (local.server === "up" && isOnline(local.member)) {
    return local.member.offlineMode ? "the member is still in offline_mode" : OK;
  }
  return `the member is ${instanceState(local)}, not ONLINE in a partition with quorum`;
}
