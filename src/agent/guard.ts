// Keeps the own server's switches as decide-guard.ts says, with nobody's agreement. A loop of its own, with a session of
// its own, so that it waits for nothing but that server: not for peers, the API server or an action.

import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { AGENT_USER } from "../api/names.ts";
import { type MemberFacts, readMember } from "../mysql/queries.ts";
import type { Session } from "../mysql/session.ts";
import {
  endClientConnections,
  enterOfflineMode,
  fence,
  leaveOfflineMode,
} from "../mysql/statements.ts";
import { BEGUN_MS, decideGuards, type Guard, isOpenOutside } from "./decide-guard.ts";
import { type DiskTrouble, isOnline, stateOf } from "./facts.ts";
import type { ExpulsionObserver } from "./observe-expulsion.ts";

/** What the agent knows beside the server. */
export type Known = {
  /** An own action works on the server, or has since the look: that may show it outside the group that it is in by now. */
  readonly acting: boolean;
  /** That action takes it out of the group. */
  readonly leaving: boolean;
  readonly recorded: boolean;
  readonly paused: boolean;
  readonly disk: DiskTrouble | undefined;
};

export type GuardOptions = {
  readonly open: () => Promise<Session>;
  /** `at`: when the look began, by the monotonic clock. */
  readonly known: (at: number) => Known;
  readonly expulsion: Pick<ExpulsionObserver, "asks" | "doubts" | "judge">;
  readonly clock: Clock;
  readonly log: Logger;
};

const STEADY_MS = 1_000;
const BUSY_MS = 200;
/** While the others are asked whether they went on without it. */
const DOUBT_MS = 100;
/** How long MySQL Shell keeps a server writable that it brings back; longer means that it died. */
const WRITABLE_MS = 5_000;
/** Another one may do that before the next look; but so does a START that fails, which restores what was before it. */
const AGAIN_MS = 2_500;

const ACTS: Readonly<Record<Guard, (session: Session) => Promise<unknown>>> = {
  enterOfflineMode,
  leaveOfflineMode,
  fence,
  endClients: (session) => endClientConnections(session, AGENT_USER),
};

export class ServerGuard {
  readonly #options: GuardOptions;
  #session: Session | undefined;
  #before: MemberFacts | undefined;
  #readOnlyAt = -Infinity;
  #fencedAt = -Infinity;
  #openSince: number | undefined;
  #fencedSince: number | undefined;
  #failed = "";

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Looks until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pauseMs = await this.#look();
      await this.#options.clock.sleep(pauseMs, signal).catch(() => {}); // the condition sees the abort
    }
    this.#session?.close();
  }

  // How long to wait for the next look; never throws.
  async #look(): Promise<number> {
    const { clock, expulsion, log, open } = this.#options;
    const at = clock.monotonic();
    let member: MemberFacts | undefined;
    try {
      if (this.#session?.broken !== false) this.#session = await open();
      member = expulsion.judge(await readMember(this.#session));
    } catch {
      this.#session?.close(); // the loop says why there is none
    }
    const before = this.#before;
    this.#before = member;
    // One that stood still lets everybody in as soon as it goes on.
    if (member === undefined || this.#session === undefined) return BUSY_MS;
    try {
      await this.#act(this.#session, { at, before, member });
      this.#failed = "";
    } catch (error) {
      const text = describeError(error);
      if (text !== this.#failed) log.error("guard failed, and is tried again", { err: error });
      this.#failed = text;
    }
    if (expulsion.asks) return DOUBT_MS;
    const calm = member.members.every(({ state }) => state === "ONLINE");
    return calm && isOnline(member) && !member.offlineMode ? STEADY_MS : BUSY_MS;
  }

  async #act(
    session: Session,
    { at, before, member }: { at: number; before: MemberFacts | undefined; member: MemberFacts },
  ): Promise<void> {
    if (member.superReadOnly) this.#readOnlyAt = at;
    this.#openSince = isOpenOutside(member) ? this.#openSince ?? at : undefined;
    const openMs = at - (this.#openSince ?? at);
    // Whoever ends an outage brings the other members back: makes an account on each of them, opens and starts it.
    const justNow = member.offlineMode || openMs < BEGUN_MS;
    const isNew = at - this.#readOnlyAt < WRITABLE_MS || at - this.#fencedAt < AGAIN_MS;
    const helped = justNow && isNew;
    const { acting, disk, leaving, paused, recorded } = this.#options.known(at);
    const busy = acting || helped;
    const { doubts } = this.#options.expulsion;
    const input = { before, member, openMs, busy, doubts, leaving, recorded, paused };
    for (const guard of decideGuards(input)) {
      if (guard === "fence" && this.#options.known(at).acting) return; // it has begun meanwhile
      // Waits for the commits that wait for the disk, and so would the next one: each is a connection of the server.
      if (guard === "fence" && disk !== undefined) {
        if (this.#fencedSince === disk.since) continue;
        this.#fencedSince = disk.since;
      }
      const result = await ACTS[guard](session);
      if (guard === "fence") this.#fencedAt = this.#options.clock.monotonic();
      if (result === 0) continue; // there was no client
      const { expelledIn } = member;
      this.#options.log.info("guard", { guard, state: stateOf(member), expelledIn, ended: result });
    }
  }
}
