// The only door to undici: sends a KubeRequest over HTTP/2 (HTTP/1.1 where ALPN says so) and gives the
// answer's status, headers and bytes. Knows credentials and connections; knows nothing of Kubernetes
// objects. Lanes have connections of their own: watches must not hold up requests, nor both the Lease.
// A clean end of a body never proves that it is complete (node reports some resets and losses as an end).

import diagnostics from "node:diagnostics_channel";
import type { EventEmitter } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { Agent, buildConnector, Client, type Dispatcher, Pool } from "undici";
import { type Clock, nextTurn } from "../base/clock.ts";
import { abortReason, describeError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";
import type { Connection, TlsMaterial } from "./connection.ts";
import type { KubeRequest } from "./request.ts";

export type Lane = "watch" | "request" | "lease";

/** No (complete) answer came. Whether the server acted on the request is unknown. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly code = "KUBE_TRANSPORT";
}

export type TransportOptions = {
  userAgent: string;
  clock: Clock;
  /** An HTTP/2 peer is asked for a sign of life every pingMs and given up after deadMs without one. */
  pingMs?: number;
  deadMs?: number;
};

export type TransportResponse = {
  status: number;
  header(name: string): string | undefined;
  /** The rest of the body as text. */
  text(): Promise<string>;
  /** The body as it comes. Must be read to the end or left by break/return, which resets the stream. */
  chunks(): AsyncGenerator<Uint8Array>;
};

// undici 8.8–8.12.4 sends no RST_STREAM for a request that is aborted in the tick of its dispatch; when
// the answer comes, node makes a stream without an owner, and its later 'error' would end the process.
// Own streams never get a :status among their request headers, so this resets only ownerless ones.
diagnostics.subscribe("http2.client.stream.created", (message) => {
  const { stream, headers } = message as {
    stream: ClientHttp2Stream;
    headers?: Record<string, unknown>;
  };
  stream.on("error", () => {}); // the body's reader gets the error as well
  if (headers?.[":status"] !== undefined) stream.close(8);
});

export class Transport {
  readonly #connection: Connection;
  readonly #options: Required<TransportOptions>;
  readonly #origin: string;
  readonly #basePath: string;
  readonly #lanes = new Map<Lane, Agent>();
  readonly #active = new Set<AbortController>();
  #connector: { tls: string; connect: buildConnector.connector } | undefined;
  #closed = false;

  constructor(connection: Connection, options: TransportOptions) {
    const url = new URL(connection.server);
    this.#connection = connection;
    this.#options = { pingMs: 10_000, deadMs: 25_000, ...options };
    this.#origin = url.origin;
    this.#basePath = url.pathname.replace(/\/$/, "");
  }

  /** Sends and waits for status and headers. Rejects with signal.reason or a TransportError. */
  async send(lane: Lane, request: KubeRequest, signal: AbortSignal): Promise<TransportResponse> {
    const { token } = this.#connection;
    const now = (): number => this.#options.clock.monotonic();
    const used = await token?.current(now()).catch((cause: unknown) => {
      throw new TransportError(`cannot read the API server token: ${describeError(cause)}`, {
        cause,
      });
    });
    const response = await this.#dispatch(lane, request, { token: used, signal });
    if (response.status !== 401 || !token || !used || !await token.renew(now(), used)) {
      return response;
    }
    await response.text(); // refused before it was carried out: safe to send again with the new token
    return this.#dispatch(lane, request, { token: await token.current(now()), signal });
  }

  /** Ends every request and connection. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const controller of this.#active) controller.abort(abortReason("the client was closed"));
    // Streams get their turn to end before their connection does: Deno's undici asserts on the other order.
    await new Promise<void>((resolve) => nextTurn(() => nextTurn(resolve)));
    await Promise.all([...this.#lanes.values()].map((agent) => agent.destroy()));
  }

  async #dispatch(
    lane: Lane,
    request: KubeRequest,
    how: { token: Secret | undefined; signal: AbortSignal },
  ): Promise<TransportResponse> {
    how.signal.throwIfAborted();
    if (this.#closed) throw new TransportError("the client was closed");
    const guard = this.#guard(how.signal);
    const query = new URLSearchParams(request.query).toString();
    const failed = (cause: unknown): unknown => {
      guard.release();
      if (how.signal.aborted) return how.signal.reason;
      const what = `${request.method} ${this.#origin}${this.#basePath}${request.path}`;
      return new TransportError(`${what}: ${describeError(cause)}`, { cause });
    };
    try {
      const answer = await this.#agent(lane).request({
        origin: this.#origin,
        path: `${this.#basePath}${request.path}${query === "" ? "" : `?${query}`}`,
        method: request.method,
        headers: {
          ...request.headers,
          "user-agent": this.#options.userAgent,
          ...(how.token ? { authorization: `Bearer ${how.token.reveal()}` } : {}),
        },
        body: request.body ?? null,
        signal: guard.signal,
      });
      answer.body.once("close", guard.release);
      answer.body.on("error", () => {}); // its reader gets it too; without one it would end the process
      return responseOf(answer, failed);
    } catch (error) {
      throw failed(error);
    }
  }

  // Aborts reach undici one turn late, never in the tick of a dispatch (see the note on diagnostics).
  #guard(signal: AbortSignal): { signal: AbortSignal; release: () => void } {
    const controller = new AbortController();
    const onAbort = (): void => nextTurn(() => controller.abort(signal.reason));
    signal.addEventListener("abort", onAbort, { once: true });
    this.#active.add(controller);
    return {
      signal: controller.signal,
      release: () => {
        signal.removeEventListener("abort", onAbort);
        this.#active.delete(controller);
      },
    };
  }

  #agent(lane: Lane): Agent {
    const known = this.#lanes.get(lane);
    if (known) return known;
    // No limit on connections: when a session's streams are used up, undici opens another one; with a
    // limit, requests would wait behind watches without an error.
    const agent = new Agent({
      factory: (origin, options) =>
        new Pool(origin, { ...options, factory: (to, how) => this.#client(to, how) }),
    });
    this.#lanes.set(lane, agent);
    return agent;
  }

  #client(origin: string | URL, options: object): Client {
    let socket: Socket | TLSSocket | undefined;
    const client = new Client(origin, {
      ...options,
      allowH2: true,
      // Every request has a deadline of its own, and watches are quiet for minutes.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 60_000,
      // Only this top-level option is honoured. The defaults give a few MB/s at 10 ms round trip.
      initialWindowSize: 8 << 20,
      h2Options: { pingInterval: this.#options.pingMs, connectionWindowSize: 16 << 20 },
      connect: (to, callback) => {
        this.#connect(to, (...result) => {
          if (result[1]) socket = result[1];
          callback(...result);
        });
      },
    });
    this.#watchdog(client, () => socket);
    return client;
  }

  // undici sends PINGs but never notices that no answer comes, and unanswered PINGs also keep TCP's
  // keepalive from noticing: without this, a dead peer is silent for a quarter of an hour.
  #watchdog(client: Client, socket: () => Socket | TLSSocket | undefined): void {
    const { clock, deadMs } = this.#options;
    let heardAt = 0;
    let cancel = (): void => {};
    const check = (): void => {
      const leftMs = heardAt + deadMs - clock.monotonic();
      if (leftMs > 0) cancel = clock.setTimer(leftMs, check);
      else socket()?.destroy(new Error(`the API server did not answer a ping for ${deadMs} ms`));
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

  // Certificates are read again for every connection: they may have been rotated.
  #connect(to: buildConnector.Options, callback: buildConnector.Callback): void {
    this.#connection.tls().then(
      (tls) => this.#connectorFor(tls)(to, callback),
      (cause: unknown) => {
        callback(
          new Error(`cannot read the TLS credentials: ${describeError(cause)}`, { cause }),
          null,
        );
      },
    );
  }

  #connectorFor(material: TlsMaterial): buildConnector.connector {
    const tls = JSON.stringify(material);
    if (this.#connector?.tls === tls) return this.#connector.connect;
    const connect = buildConnector({
      ...(material.ca ? { ca: material.ca } : {}),
      ...(material.cert ? { cert: material.cert } : {}),
      ...(material.key ? { key: material.key } : {}),
      ...(material.serverName ? { servername: material.serverName } : {}),
      rejectUnauthorized: !material.insecure,
      allowH2: true,
      preferH2: true,
      timeout: 10_000,
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
    });
    this.#connector = { tls, connect };
    return connect;
  }
}

function responseOf(
  answer: Dispatcher.ResponseData,
  failed: (cause: unknown) => unknown,
): TransportResponse {
  return {
    status: answer.statusCode,
    header: (name) => {
      const value = answer.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    text: async () => {
      try {
        return await answer.body.text();
      } catch (error) {
        throw failed(error);
      }
    },
    async *chunks() {
      try {
        yield* answer.body as AsyncIterable<Uint8Array>;
      } catch (error) {
        throw failed(error);
      }
    },
  };
}
