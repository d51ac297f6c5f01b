// Looks at the agent's own server: one statement per look over a kept-alive session, more only while the
// server is not ONLINE or its group has changed. Says why when there is no session.

import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Ping } from "../mysql/admin.ts";
import { type DataFacts, type MemberFacts, readData, readMember } from "../mysql/queries.ts";
import { type Login, type Session, SqlError } from "../mysql/session.ts";
import type { Endpoint } from "../mysql/shell-request.ts";
import { type LocalView, ownRow } from "./facts.ts";
import type { OpenSession } from "./observe-peers.ts";

export type LocalOptions = {
  readonly server: Endpoint;
  readonly login: () => Promise<Login>;
  /** mysqladmin ping; asked only when a session fails without a reason from the server. */
  readonly ping: (signal: AbortSignal) => Promise<Ping>;
  /** Whether the container's loop has a mysqld running. */
  readonly isRunning: () => Promise<boolean>;
  readonly open: OpenSession;
  /** Adds what the others say of it. */
  readonly judge: (member: MemberFacts) => MemberFacts;
  readonly clock: Clock;
};

const CONNECT_MS = 2_000;
const QUERY_MS = 3_000;
const DATA_AGE_MS = 30_000;
const PING_EVERY_MS = 5_000;
// Errors that a server gives while it goes away.
const SHUTTING_DOWN = [1053, 1077, 1079];

/** The agent's own server, observed. */
export class LocalObserver {
  readonly #options: LocalOptions;
  #session: Session | undefined;
  #data: { of: string; at: number; facts: DataFacts } | undefined;
  #ping: { at: number; result: Ping } | undefined;
  #everUp = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LocalOptions) {
    this.#options = options;
  }

  /** The session of the last look, if there is one. */
  get session(): Session | undefined {
    return this.#session?.broken === false ? this.#session : undefined;
  }

  /** The data is read anew at the next look. */
  forgetData(): void {
    this.#data = undefined;
  }

  /** One observation; never throws. Looks are made one after the other. */
  look(signal: AbortSignal): Promise<LocalView> {
    const view = this.#turn.then(() => this.#look(signal));
    this.#turn = view;
    return view;
  }

  /** Does this with a session of its own: statements may take long. @throws SqlError */
  async withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.open();
    try {
      return await work(session);
    } finally {
      session.close();
    }
  }

  /** A session of one's own. @throws SqlError */
  async open(): Promise<Session> {
    return await this.#options.open({
      server: this.#options.server,
      login: await this.#options.login(),
      connectTimeoutMs: CONNECT_MS,
      queryTimeoutMs: QUERY_MS,
      clock: this.#options.clock,
    });
  }

  close(): void {
    this.#session?.close();
  }

  async #look(signal: AbortSignal): Promise<LocalView> {
    const at = this.#options.clock.monotonic();
    try {
      if (this.#session === undefined || this.#session.broken) this.#session = await this.open();
      const member = this.#options.judge(await readMember(this.#session));
      const data = await this.#dataOf(this.#session, member);
      this.#everUp = true;
      return { server: "up", at, member, data };
    } catch (error) {
      this.#session?.close();
      this.#session = undefined;
      return { at, ...await this.#explain(error, signal) };
    }
  }

  // ONLINE: once per view of the group and every half minute. Otherwise always.
  async #dataOf(session: Session, member: MemberFacts): Promise<DataFacts> {
    const now = this.#options.clock.monotonic();
    const state = ownRow(member)?.state ?? "OFFLINE";
    const of = `${member.uuid} ${state} ${member.viewId}`;
    const known = this.#data;
    const fresh = state === "ONLINE" && known?.of === of && now - known.at < DATA_AGE_MS;
    if (fresh) return known.facts;
    const facts = await readData(session);
    this.#data = { of, at: now, facts };
    return facts;
  }

  async #explain(
    error: unknown,
    signal: AbortSignal,
  ): Promise<{ server: "down" | "starting" | "unusable"; detail: string }> {
    const detail = describeError(error);
    if (!(error instanceof SqlError)) return { server: "unusable", detail };
    if (error.refused) {
      const running = await this.#options.isRunning();
      return { server: running || !this.#everUp ? "starting" : "down", detail };
    }
    if (error.errno !== undefined) {
      return { server: SHUTTING_DOWN.includes(error.errno) ? "down" : "unusable", detail };
    }
    const ping = await this.#lastPing(signal);
    return { server: ping.state === "down" ? "down" : "unusable", detail };
  }

  async #lastPing(signal: AbortSignal): Promise<Ping> {
    const now = this.#options.clock.monotonic();
    if (this.#ping === undefined || now - this.#ping.at >= PING_EVERY_MS) {
      this.#ping = { at: now, result: await this.#options.ping(signal) };
    }
    return this.#ping.result;
  }
}
