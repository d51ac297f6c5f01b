// Keeps a member that joins from applying a transaction twice.
//
// What a joiner lacks it gets from a donor's binary log, and must stop exactly where the group's own stream begins:
// whatever it applies beyond gets another GTID from the joiner than from everybody else, and is applied again.
// It stops too late if the last transaction that it lacks has a tagged GTID and is still being applied while the next one
// is there already (Until_after_gtids in sql/rpl_replica_until_options.cc of 8.3 to 9.7 knows untagged ones only). MySQL
// Shell tags what it writes, and writes right before a join. So while one is going on, something harmless and
// untagged is written on the primary again and again: then that is the last.

import { type Clock } from "../base/clock.ts";
import { readMember } from "../mysql/queries.ts";
import type { Login, Session } from "../mysql/session.ts";
import type { Endpoint } from "../mysql/shell-request.ts";
import { writeNothing } from "../mysql/statements.ts";
import { isPrimary } from "./facts.ts";
import { type OpenSession, parseAddress } from "./observe-peers.ts";

export type PulseOptions = {
  readonly open: OpenSession;
  readonly login: () => Promise<Login>;
  readonly clock: Clock;
};

/** Shorter than any START takes from the Shell's last statement to the group's new view. */
const EVERY_MS = 200;
const LIMIT_MS = 2_000;

/** Does `join`, during which `primary`, as soon as it is one, is written on. Throws what `join` throws. */
export async function whilePulsing<T>(
  options: PulseOptions,
  primary: Endpoint,
  join: () => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const beating = pulse(options, primary, done.signal);
  try {
    return await join();
  } finally {
    done.abort();
    await beating;
  }
}

/** The same for a server that is coming back by itself, which no action brings. */
export class ReturnPulse {
  readonly #options: PulseOptions;
  #primary: string | undefined;
  #done = new AbortController();

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** From now on that primary (`host:port`) is written on; undefined: nobody. */
  want(primary: string | undefined): void {
    if (primary === this.#primary) return;
    this.#primary = primary;
    this.#done.abort();
    if (primary === undefined) return;
    this.#done = new AbortController();
    void pulse(this.#options, parseAddress(primary), this.#done.signal);
  }
}

// Never throws.
async function pulse(options: PulseOptions, server: Endpoint, signal: AbortSignal): Promise<void> {
  const { clock, login, open } = options;
  const limits = { connectTimeoutMs: LIMIT_MS, queryTimeoutMs: LIMIT_MS };
  let session: Session | undefined;
  let refused = false;
  while (!signal.aborted && !refused) {
    try {
      session ??= await open({ server, login: await login(), ...limits, clock });
      const primary = isPrimary(await readMember(session));
      // One that waits for a lost majority would go on waiting there, and the next one beside it.
      if (primary) await writeNothing(session).catch(() => refused = true);
    } catch {
      // It is restarting: the join fails for the same reason, or goes on without.
      session?.close();
      session = undefined;
    }
    await clock.sleep(EVERY_MS, signal).catch(() => {}); // the loop's condition sees the abort
  }
  session?.close();
}
