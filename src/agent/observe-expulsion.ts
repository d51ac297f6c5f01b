// Finds out that the group has gone on without this server while the server itself does not know it. Whoever is cut off from
// one member, or stood still, is expelled by the others, and for 3 to 5 s more it is by its own view ONLINE in the majority and
// answers reads, while another primary takes writes. The others know: they are asked, beside whoever looks, while there is doubt.

import { type MemberFacts, readMember } from "../mysql/queries.ts";
import type { Session } from "../mysql/session.ts";
import { addressOf, hasRow, isOnline, stateOf, wentOnWithout } from "./facts.ts";
import { openPeer, type PeerOptions } from "./observe-peers.ts";

/** Between two questions to the same member. */
const EVERY_MS = 100;
/** A server that is silent for 5 s is suspected; whoever was not looked at for this long may have been. */
const GAP_MS = 3_000;
/** For at least so long the others are asked after that, and after a member was silent: longer than opening a connection takes. */
const DOUBT_MS = 3_000;
/** How long the word of another member counts. */
const WORD_MS = 1_000;
/** How long one is waited for: a name may lead to a server that is no member. */
const PATIENCE_MS = 2_500;

type Other = { session?: Session | undefined; asking: boolean; notBefore: number };

/** What the other members say of the own server's membership. */
export class ExpulsionObserver {
  readonly #options: PeerOptions;
  readonly #others = new Map<string, Other>();
  #judgedAt = -Infinity;
  #doubtedAt = -Infinity;
  #confirmedAt = -Infinity;
  #insideSince: number | undefined;
  #proof: MemberFacts | undefined;

  constructor(options: PeerOptions) {
    this.#options = options;
  }

  /** Whether the others are being asked. */
  get asks(): boolean {
    return this.#others.size > 0;
  }

  /** Whether it may not be let in yet: none of those who are asked has said lately that it is one of them, and more time is theirs. */
  get doubts(): boolean {
    const now = this.#options.clock.monotonic();
    const waits = this.#insideSince !== undefined && now - this.#insideSince < PATIENCE_MS;
    return this.asks && waits && now - this.#confirmedAt > WORD_MS;
  }

  /** What was just read of the own server, and `expelledIn` once another member has shown that. Waits for nobody. */
  judge(member: MemberFacts): MemberFacts {
    const now = this.#options.clock.monotonic();
    const silent = member.members.some(({ state }) => state === "UNREACHABLE");
    if (silent || now - this.#judgedAt > GAP_MS) this.#doubtedAt = now;
    this.#judgedAt = now;
    this.#insideSince = isOnline(member) ? this.#insideSince ?? now : undefined;
    const doubtful = now - this.#doubtedAt < DOUBT_MS || this.#confirmedAt < this.#doubtedAt;
    if (stateOf(member) === "ONLINE" && doubtful) this.#askAll(member);
    else this.close();
    if (this.#proof === undefined || !wentOnWithout(member, this.#proof)) return member;
    return { ...member, expelledIn: this.#proof.viewId };
  }

  /** Asks nobody any more. */
  close(): void {
    for (const { session } of this.#others.values()) session?.close();
    this.#others.clear();
  }

  #askAll(member: MemberFacts): void {
    for (const row of member.members) {
      if (row.uuid !== member.uuid) void this.#ask(addressOf(row), member);
    }
  }

  // Never throws: who does not answer proves nothing.
  async #ask(address: string, member: MemberFacts): Promise<void> {
    const { clock } = this.#options;
    const other = this.#others.get(address) ?? { asking: false, notBefore: -Infinity };
    this.#others.set(address, other);
    if (other.asking || clock.monotonic() < other.notBefore) return;
    other.asking = true;
    try {
      if (other.session?.broken !== false) other.session = await openPeer(address, this.#options);
      const theirs = await readMember(other.session);
      if (wentOnWithout(member, theirs)) this.#proof = theirs;
      else if (isOnline(theirs) && hasRow(theirs, member.uuid)) {
        this.#confirmedAt = clock.monotonic();
      }
    } catch {
      other.session?.close();
    }
    if (this.#others.get(address) !== other) other.session?.close(); // closed meanwhile
    other.asking = false;
    other.notBefore = clock.monotonic() + EVERY_MS;
  }
}
