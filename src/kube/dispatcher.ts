// Connections to one API server: undici clients, apart for each lane, all made with the credentials of
// the moment. Knows TLS, HTTP/2 settings and when a peer is dead; knows nothing of requests.

import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import { Agent, buildConnector, Client, Pool } from "undici";
import type { Clock } from "../base/clock.ts";
import type { Connection, TlsMaterial } from "./connection.ts";

/** Lanes have connections of their own: watches must not hold up requests, nor both the Lease. */
export type Lane = "watch" | "request" | "lease";

export type DispatcherOptions = {
  clock: Clock;
  /** An HTTP/2 peer is asked for a sign of life every pingMs and given up after deadMs without one. */
  pingMs: number;
  deadMs: number;
};

/** There was no connection, so nothing was sent. */
export class NotConnectedError extends Error {
  override readonly name = "NotConnectedError";
}

export class Dispatcher {
  readonly #connection: Connection;
  readonly #options: DispatcherOptions;
  readonly #lanes = new Map<Lane, Agent>();
  readonly #retired = new Set<Agent>();
  #tls: TlsMaterial | undefined;

  constructor(connection: Connection, options: DispatcherOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** The lane's connections, made with this material. */
  lane(lane: Lane, tls: TlsMaterial): Agent {
    if (!isDeepStrictEqual(this.#tls, tls)) this.#retire();
    this.#tls = tls;
    const known = this.#lanes.get(lane);
    if (known) return known;
    // undici 8.12.4 joins the values of a repeated header by commas on HTTP/2: two groups would become one.
    const allowH2 = !Object.values(this.#connection.headers ?? {}).some(Array.isArray);
    const connect = this.#connector(tls, allowH2);
    // An Agent, because it gives up a pool whose connection the server wants to end: its Client would keep
    // new requests waiting for the running ones. No limit on connections: when a session's streams are
    // used up, undici opens another one; with a limit, requests would wait behind watches without an error.
    const agent = new Agent({
      factory: (origin, options) =>
        new Pool(origin, {
          ...options,
          allowH2,
          factory: (to, how) => this.#client(to, how, connect),
        }),
    });
    this.#lanes.set(lane, agent);
    return agent;
  }

  /** Ends every connection. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#lanes.values(), ...this.#retired].map((agent) => agent.destroy()));
  }

  // Running watches end when the server ends them; nothing new is sent on connections of old credentials.
  #retire(): void {
    for (const agent of this.#lanes.values()) {
      const forget = (): boolean => this.#retired.delete(agent);
      this.#retired.add(agent);
      agent.close().then(forget, forget);
    }
    this.#lanes.clear();
  }

  #client(origin: string | URL, options: object, connect: buildConnector.connector): Client {
    let socket: Socket | TLSSocket | undefined;
    const client = new Client(origin, {
      ...options,
      // Every request has a deadline of its own, and watches are quiet for minutes.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 60_000,
      // Only this top-level option is honoured. The defaults give a few MB/s at 10 ms round trip.
      initialWindowSize: 8 << 20,
      h2Options: { pingInterval: this.#options.pingMs, connectionWindowSize: 16 << 20 },
      connect: (to, callback) =>
        connect(to, (...[error, connected]) => {
          // Wrapped: after some errors of its own undici keeps the request waiting without an end.
          if (error) {
            return callback(new NotConnectedError("no connection", { cause: error }), null);
          }
          socket = connected;
          callback(null, connected);
        }),
    });
    this.#watchdog(client, () => socket);
    return client;
  }

  // undici sends PINGs but never notices that no answer comes, and unanswered PINGs also keep TCP's
  // keepalive from noticing: without this, a dead peer is silent for a quarter of an hour.
  #watchdog(client: Client, socket: () => Socket | TLSSocket | undefined): void {
    const { clock, pingMs, deadMs } = this.#options;
    let heardAt = 0;
    let cancel = (): void => {};
    const check = (): void => {
      if (clock.monotonic() - heardAt > deadMs) {
        socket()?.destroy(new Error(`the API server did not answer a ping for ${deadMs} ms`));
      } else cancel = clock.setTimer(pingMs / 2, check);
    };
    client.on("connect", () => {
      cancel();
      heardAt = clock.monotonic();
      if ((socket() as TLSSocket | undefined)?.alpnProtocol === "h2") check();
    });
    (client as EventEmitter).on("ping", () => {
      heardAt = clock.monotonic();
    });
    client.on("disconnect", () => cancel());
  }

  #connector(
    { serverName, insecure, ...material }: TlsMaterial,
    allowH2: boolean,
  ): buildConnector.connector {
    const direct = buildConnector({
      ...material,
      ...(serverName === undefined ? {} : { servername: serverName }),
      rejectUnauthorized: !insecure,
      allowH2,
      preferH2: true,
      timeout: 10_000,
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
    });
    const { dial } = this.#connection;
    if (!dial) return direct;
    return (to, callback) => {
      dial().then((stream) => {
        const socket = stream as Socket; // undici only uses it as a stream
        if (to.protocol === "https:") direct({ ...to, httpSocket: socket }, callback);
        else callback(null, socket);
      }, (error: Error) => callback(error, null));
    };
  }
}
