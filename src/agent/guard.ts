// Carries out what decide-guard.ts says about the own server, at once and with nobody's agreement. What fails is decided
// anew at the next look.

import type { Logger } from "../base/log.ts";
import { AGENT_USER } from "../api/names.ts";
import type { MemberFacts } from "../mysql/queries.ts";
import type { Session } from "../mysql/session.ts";
import {
  endClientConnections,
  enterOfflineMode,
  fence,
  leaveOfflineMode,
} from "../mysql/statements.ts";
import { decideGuards, type Guard } from "./decide-guard.ts";
import { type DiskTrouble, type LocalView, stateOf } from "./facts.ts";

/** How long MySQL Shell keeps a server writable that it brings back; longer means that it died. */
const WRITABLE_MS = 5_000;

const ACTS: Readonly<Record<Guard, (session: Session) => Promise<unknown>>> = {
  enterOfflineMode,
  leaveOfflineMode,
  fence,
  endClients: (session) => endClientConnections(session, AGENT_USER),
};

export class ServerGuard {
  readonly #log: Logger;
  #before: MemberFacts | undefined;
  #readOnlyAt = -Infinity;
  #fencedSince: number | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** `acting`: an own action works on the server, or has since the look. @throws SqlError */
  async look(
    local: LocalView,
    session: Session | undefined,
    known: { acting: boolean; recorded: boolean; paused: boolean; disk: DiskTrouble | undefined },
  ): Promise<void> {
    const before = this.#before;
    this.#before = local.server === "up" ? local.member : undefined;
    if (local.server !== "up" || session === undefined) return;
    const { at, member } = local;
    if (member.superReadOnly) this.#readOnlyAt = at;
    // Whoever ends an outage brings the other members back, which begins with an account made on each of them.
    const helped = member.offlineMode && at - this.#readOnlyAt < WRITABLE_MS;
    const { acting, disk, paused, recorded } = known;
    for (
      const guard of decideGuards({ before, member, busy: acting || helped, recorded, paused })
    ) {
      // Waits for the commits that wait for the disk, and so would the next one: each is a connection of the server.
      if (guard === "fence" && disk !== undefined) {
        if (this.#fencedSince === disk.since) continue;
        this.#fencedSince = disk.since;
      }
      const result = await ACTS[guard](session);
      this.#log.info("guard", { guard, state: stateOf(member), ended: result });
    }
  }
}
