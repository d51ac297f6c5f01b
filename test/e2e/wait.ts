// Waiting for a fact, with a limit and with what was last seen in the error. Nothing here waits for
// time to pass: a probe that succeeds at once costs nothing.

import { setTimeout as pause } from "node:timers/promises";

/** What a probe says: `true` when the fact holds, otherwise what it saw instead. */
export type Seen = true | string;

/**
 * Asks `probe` until it answers `true`. A probe that throws counts as not yet true.
 * @throws Error that names the fact, the limit and what was seen last
 */
export async function waitFor(
  fact: string,
  limitMs: number,
  probe: () => Promise<Seen>,
): Promise<void> {
  const end = Date.now() + limitMs;
  let seen: Seen = "nothing yet";
  while (Date.now() < end) {
    seen = await probe().catch((error: unknown) => String(error));
    if (seen === true) return;
    await pause(300);
  }
  throw new Error(`${fact}: not within ${limitMs / 1000} s; last seen: ${seen}`);
}
