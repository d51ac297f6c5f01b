// Looks at the other members' servers by SQL, all at once and with short limits, only while a decision
// needs it. A silent peer costs its timeout once and is then left alone for a moment.

import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import { readData, readMember } from "../mysql/queries.ts";
import type { Login, Session, SessionOptions } from "../mysql/session.ts";
import type { Endpoint } from "../mysql/shell-request.ts";
import type { PeerView } from "./facts.ts";

/** Connects to a server. @throws SqlError */
export type OpenSession = (options: SessionOptions) => Promise<Session>;

export type PeerOptions = {
  readonly login: () => Promise<Login>;
  readonly open: OpenSession;
  readonly clock: Clock;
};

const CONNECT_MS = 1_500;
const QUERY_MS = 2_000;
/** Between two looks at the same peer. */
const EVERY_MS = 250;
/** After a peer that did not answer in time; one that refuses is asked again at once. */
const SILENT_MS = 2_000;

type Peer = { session?: Session | undefined; view?: PeerView; notBefore: number };

/** The other members, observed. */
export class PeerObserver {
  readonly #options: PeerOptions;
  readonly #peers = new Map<string, Peer>();

  constructor(options: PeerOptions) {
    this.#options = options;
  }

  /**
   * One view per address, in that order. `fresh` asks again even those asked a moment ago, and resolves their names anew:
   * an open session stays with a Pod that was replaced meanwhile, and MySQL Shell will go by the name.
   */
  async look(addresses: readonly string[], fresh = false): Promise<PeerView[]> {
    return await Promise.all(addresses.map((address) => this.#lookAt(address, fresh)));
  }

  /** The session to a peer that answered the last look. */
  sessionOf(address: string): Session | undefined {
    const session = this.#peers.get(address)?.session;
    return session?.broken === false ? session : undefined;
  }

  /** Ends all sessions; the next look opens new ones. */
  close(): void {
    for (const peer of this.#peers.values()) peer.session?.close();
    this.#peers.clear();
  }

  async #lookAt(address: string, fresh: boolean): Promise<PeerView> {
    const { clock } = this.#options;
    const peer = this.#peers.get(address) ?? { notBefore: -Infinity };
    this.#peers.set(address, peer);
    const at = clock.monotonic();
    if (peer.view !== undefined && at < peer.notBefore && !fresh) return peer.view;
    if (fresh) peer.session?.close();
    try {
      if (peer.session === undefined || peer.session.broken) {
        peer.session = await openPeer(address, this.#options);
      }
      const member = await readMember(peer.session);
      const data = await readData(peer.session);
      peer.view = { address, at, reachable: true, member, data };
      peer.notBefore = at + EVERY_MS;
    } catch (error) {
      peer.session?.close();
      peer.session = undefined;
      const slow = clock.monotonic() - at > CONNECT_MS / 2;
      peer.notBefore = clock.monotonic() + (slow ? SILENT_MS : EVERY_MS);
      peer.view = { address, at, reachable: false, detail: describeError(error) };
    }
    return peer.view;
  }
}

/** A session to another member's server. @throws SqlError */
export async function openPeer(
  address: string,
  { clock, login, open }: PeerOptions,
): Promise<Session> {
  return await open({
    server: parseAddress(address),
    login: await login(),
    connectTimeoutMs: CONNECT_MS,
    queryTimeoutMs: QUERY_MS,
    clock,
  });
}

/** The parts of `host:port`. */
export function parseAddress(address: string): Endpoint {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
