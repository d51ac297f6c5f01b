// Sends a KubeRequest over HTTP/2 (HTTP/1.1 where ALPN says so) and gives the answer's status, headers and
// bytes. Adds what every request carries, takes refused credentials anew, counts. Knows nothing of objects.
// A clean end of a body never proves that it is complete (node reports some resets and losses as an end).

import diagnostics from "node:diagnostics_channel";
import type { ClientHttp2Stream } from "node:http2";
import type { Agent, Dispatcher } from "undici";
import { type Clock, nextTurn, startDeadline, unlessAborted } from "../base/clock.ts";
import { abortReason, describeError } from "../base/errors.ts";
import { type Logger, newsOf } from "../base/log.ts";
import type { MetricRegistry } from "../base/metrics.ts";
import type { Connection, Credentials, TlsMaterial } from "./dispatcher.ts";
import { NotConnectedError, openAgent } from "./dispatcher.ts";
import { type KubeRequest, nameOf } from "./request.ts";

/** Lanes have connections of their own: watches must not hold up requests, nor both the Lease. */
export type Lane = "watch" | "request" | "lease";

/** No (complete) answer came. Unless `unsent`, nobody knows whether the server acted on the request. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly code = "KUBE_TRANSPORT";
  readonly unsent: boolean = this.cause instanceof NotConnectedError;
}

export type TransportOptions = {
  userAgent: string;
  clock: Clock;
  log: Logger;
  metrics?: MetricRegistry;
  /** An HTTP/2 peer is asked for a sign of life every pingMs and given up after deadMs without one. */
  pingMs?: number;
  deadMs?: number;
};

/** limitMs: longest until the body is there, or until its beginning where it is taken in chunks. */
export type SendOptions = { lane: Lane; signal: AbortSignal; limitMs: number };

/** text() or chunks() must be called. */
export type TransportResponse = Awaited<ReturnType<Transport["send"]>>;

// undici 8.8–8.12.4 sends no RST_STREAM for a request that is aborted in the tick of its dispatch; when
// the answer comes, node makes a stream without an owner, and its later 'error' would end the process.
// Own streams never get a :status among their request headers, so this resets only ownerless ones.
type Created = { stream: ClientHttp2Stream; headers?: Record<string, unknown> };
diagnostics.subscribe("http2.client.stream.created", (message) => {
  const { stream, headers } = message as Created;
  stream.on("error", () => {}); // the body's reader gets the error as well
  if (headers?.[":status"] !== undefined) stream.close(8);
});

export class Transport {
  readonly #connection: Connection;
  readonly #options: TransportOptions & { pingMs: number; deadMs: number };
  readonly #url: URL;
  readonly #warn: ReturnType<typeof warningLog>;
  readonly #agents = new Map<Lane, Agent>();
  #tls: TlsMaterial | undefined;
  readonly #active = new Set<(reason: Error) => void>();
  #closed = false;

  constructor(connection: Connection, options: TransportOptions) {
    this.#connection = connection;
    this.#options = { pingMs: 10_000, deadMs: 25_000, ...options };
    this.#url = new URL(connection.server);
    this.#warn = warningLog(options.log);
  }

  /** Sends and waits for status and headers. Rejects with signal.reason or a TransportError. */
  async send(request: KubeRequest, how: SendOptions) {
    const limit = startDeadline(this.#options.clock, how.limitMs, how.signal);
    const fail = (cause: unknown): never => {
      limit.clear();
      how.signal.throwIfAborted();
      const seen = describeError(limit.expired ? limit.signal.reason : cause);
      throw new TransportError(`cannot ${nameOf(request)}: ${seen}`, { cause });
    };
    const { body, headers, statusCode: status } = await this
      .#exchange(request, { ...how, signal: limit.signal }).catch(fail);
    body.once("close", () => limit.clear());
    return {
      status,
      header: (name: string) => headers[name]?.toString(), // several are joined by a comma
      text: () => body.text().catch(fail),
      /** The body as it comes: to its end, or until it is left by break or return. */
      chunks: () => {
        limit.disarm();
        return body[Symbol.asyncIterator]() as AsyncGenerator<Uint8Array>;
      },
    };
  }

  /** Ends every request and connection. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const abort of this.#active) abort(abortReason("the client was closed"));
    // Streams get their turn to end before their connection does: Deno's undici asserts on the other order.
    await new Promise<void>((resolve) => nextTurn(() => nextTurn(resolve)));
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  // What is refused for its credentials was not carried out: it may be sent again with others.
  async #exchange(request: KubeRequest, how: SendOptions): Promise<Dispatcher.ResponseData> {
    // A file system or a plugin may let us wait: not longer than the request may take.
    const used = await unlessAborted(this.#connection.credentials(), how.signal);
    const answer = await this.#dispatch(request, how, used);
    if (answer.statusCode !== 401) return answer;
    const renewed = await unlessAborted(this.#connection.renew(used), how.signal);
    if (renewed === used) return answer;
    await answer.body.text();
    return await this.#dispatch(request, how, renewed);
  }

  async #dispatch(
    request: KubeRequest,
    { lane, signal }: SendOptions,
    { tls, token }: Credentials,
  ): Promise<Dispatcher.ResponseData> {
    signal.throwIfAborted();
    // Aborts reach undici one turn late, never in the tick of a dispatch (see the note on diagnostics).
    const controller = new AbortController();
    const abort = (reason: Error): void => nextTurn(() => controller.abort(reason));
    const release = (): boolean => this.#active.delete(abort);
    this.#active.add(abort);
    signal.addEventListener("abort", () => abort(signal.reason), { once: true });
    const sentAt = this.#options.clock.monotonic();
    let code: number | undefined;
    try {
      const answer = await this.#agent(lane, tls).request({
        ...request,
        origin: this.#url.origin,
        path: this.#url.pathname.replace(/\/$/, "") + request.path,
        headers: {
          ...this.#connection.headers,
          accept: "application/json",
          "user-agent": this.#options.userAgent,
          ...request.headers,
          authorization: token && `Bearer ${token.reveal()}`,
        },
        signal: controller.signal,
      });
      code = answer.statusCode;
      answer.body.once("close", release);
      answer.body.on("error", () => {}); // its reader gets it too; without one it would end the process
      this.#warn(answer.headers.warning?.toString(), nameOf(request));
      return answer;
    } catch (error) {
      release();
      throw error;
    } finally {
      this.#observe(request.method, code, (this.#options.clock.monotonic() - sentAt) / 1000);
    }
  }

  #agent(lane: Lane, tls: TlsMaterial): Agent {
    if (this.#closed) throw new Error("the client was closed");
    if (tls !== this.#tls) {
      // Running watches go on until the server ends them; nothing new goes over their connections.
      for (const agent of this.#agents.values()) agent.close().catch(() => {});
      this.#agents.clear();
      this.#tls = tls;
    }
    const agent = this.#agents.get(lane) ?? openAgent(this.#connection, tls, this.#options);
    this.#agents.set(lane, agent);
    return agent;
  }

  // Under client-go's names. A repeated request counts as often as it was sent, a watch when it begins.
  #observe(method: string, code: number | undefined, seconds: number): void {
    const { metrics } = this.#options;
    const { host } = this.#url;
    const total = "Requests to the API server, by status code, method and host.";
    metrics?.counter("rest_client_requests_total", total, ["code", "method", "host"])
      .inc({ code: String(code ?? "<error>"), method, host });
    const lasted = "From sending a request to the beginning of its answer, by method and host.";
    metrics?.histogram("rest_client_request_duration_seconds", lasted, ["verb", "host"])
      .observe({ verb: method, host }, seconds);
  }
}

/** Pure: the texts of a Warning header: `299 - "a text", 299 - "with \"quotes\""`. Other codes are HTTP's own. */
export function parseWarnings(header: string): string[] {
  return [...header.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)]
    .map(([, quoted = ""]) => quoted.replace(/\\(.)/g, "$1"));
}

/** Logs the warnings of one answer, except those that were logged before. */
export function warningLog(log: Logger): (header: string | undefined, request: string) => void {
  const isNew = newsOf();
  return (header, request) => {
    for (const warning of parseWarnings(header ?? "").filter(isNew)) {
      log.warn("API server warning", { request, warning });
    }
  };
}
