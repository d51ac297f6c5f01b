// How undici connects: TLS and its credentials, HTTP/2 settings, and noticing when a peer is dead. Knows
// nothing of requests.

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { Agent, buildConnector } from "undici";
import type { Clock } from "../base/clock.ts";
import type { Secret } from "../base/secret.ts";

export type TlsMaterial = {
  ca?: string;
  cert?: string;
  key?: string;
  serverName?: string;
  insecure: boolean;
};

export type Credentials = { readonly tls: TlsMaterial; readonly token?: Secret };

/** Where an API server is, how it is reached and what proves who is at either end: src/access finds these things. */
export interface Connection {
  readonly server: string; // https://host:port, possibly with a base path
  readonly namespace: string; // the one meant when none is named
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Opens a byte stream to the server where that is not plain TCP: through a proxy. */
  readonly dial?: () => Promise<Duplex>;
  /**
   * What is valid now; asked for every request. As long as nothing has changed it is the same object, and
   * its `tls` as long as that has not: another one means other connections.
   */
  credentials(): Promise<Credentials>;
  /** Called when the server refused `used`: newer ones, or the same object when there are none. */
  renew(used: Credentials): Promise<Credentials>;
}

/** A peer is asked for a sign of life every pingMs and given up after deadMs without one. */
type Patience = { clock: Clock; pingMs: number; deadMs: number };

/** There was no connection, so nothing was sent. */
export class NotConnectedError extends Error {
  override readonly name = "NotConnectedError";
}

/** As many connections to the API server as its requests need, all made with this material. */
export function openAgent(connection: Connection, tls: TlsMaterial, patience: Patience): Agent {
  // undici 8.12.4 joins the values of a repeated header by commas on HTTP/2: two groups would become one.
  const allowH2 = !Object.values(connection.headers ?? {}).some(Array.isArray);
  const connect = connector(connection, tls, allowH2);
  // An Agent, because it gives up a pool whose connection the server wants to end: its Client would keep
  // new requests waiting for the running ones. No limit on connections: when a session's streams are used
  // up, undici opens another one; with a limit, requests would wait behind watches without an error.
  return new Agent({
    allowH2,
    // Every request has a deadline of its own, and watches are quiet for minutes.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 60_000,
    // Only this top-level option is honoured. The defaults give a few MB/s at 10 ms round trip.
    initialWindowSize: 8 << 20,
    h2Options: { pingInterval: patience.pingMs, connectionWindowSize: 16 << 20 },
    connect: (to: buildConnector.Options, callback: buildConnector.Callback) =>
      connect(to, (...[cause, socket]) => {
        // Wrapped: after some errors of its own undici keeps the request waiting without an end.
        if (cause) return callback(new NotConnectedError("no connection", { cause }), null);
        if ((socket as TLSSocket).alpnProtocol === "h2") guard(socket, patience);
        callback(null, socket);
      }),
  });
}

// undici sends PINGs but never notices that no answer comes, and unanswered PINGs also keep TCP's
// keepalive from noticing: without this, a dead peer is silent for a quarter of an hour. Looks are counted,
// not time: of a process that was suspended nobody has been silent.
const LOOKS = 10;
function guard(socket: Socket, { clock, deadMs }: Patience): void {
  let [bytes, silentLooks] = [-1, 0];
  let cancel = (): void => {};
  const look = (): void => {
    silentLooks = socket.bytesRead === bytes ? silentLooks + 1 : 0;
    bytes = socket.bytesRead;
    if (silentLooks < LOOKS) cancel = clock.setTimer(deadMs / LOOKS, look);
    else socket.destroy(new Error(`the API server did not answer a ping for ${deadMs} ms`));
  };
  socket.once("close", () => cancel());
  look();
}

function connector(
  { dial }: Connection,
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
  if (!dial) return direct;
  return (to, callback) => {
    dial().then((stream) => {
      const socket = stream as Socket; // undici only uses it as a stream
      if (to.protocol === "https:") direct({ ...to, httpSocket: socket }, callback);
      else callback(null, socket);
    }, (error: Error) => callback(error, null));
  };
}
