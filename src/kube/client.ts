// Sends requests, reads answers and turns refusals into ApiError, all within a limit that also covers waiting
// for a connection. Repeats only what is safe: what was never sent, what the server asks for, and reads.

import { backoffDelay } from "../base/backoff.ts";
import { parseTime } from "../base/clock.ts";
import { parseJson } from "../base/json.ts";
import { ApiError, parseStatus } from "./api-error.ts";
import type { Connection } from "./dispatcher.ts";
import type { KubeObject } from "./object.ts";
import { Objects } from "./objects.ts";
import { type KubeRequest, nameOf } from "./request.ts";
import type { ResourceType } from "./resource.ts";
import { Transport, TransportError } from "./transport.ts";
import type { Lane, TransportOptions, TransportResponse } from "./transport.ts";

const LIMIT_MS = 30_000;
const ATTEMPTS = 4;
const RETRY = { baseMs: 100, maxMs: 1000, jitter: 0.5 };
const LONGEST_RETRY_AFTER_MS = 300_000;

export type ClientOptions = TransportOptions & {
  /** For everything but watches. */
  lane?: Lane;
  /** How long a request may take to the end of its answer, or a watch to the beginning. */
  limitMs?: number;
  /** Asked right before everything that is not a GET is sent; a throw keeps it from being sent. */
  beforeWrite?: () => void;
};

export const connect = (connection: Connection, options: ClientOptions): KubeClient =>
  new KubeClient(new Transport(connection, options), options);

export class KubeClient {
  readonly #transport: Transport;
  readonly #options: ClientOptions;

  constructor(transport: Transport, options: ClientOptions) {
    this.#transport = transport;
    this.#options = options;
  }

  /** The same client with its plain requests on another lane. */
  onLane(lane: Lane): KubeClient {
    return new KubeClient(this.#transport, { ...this.#options, lane });
  }

  /** The same client for writes that only some may do, e.g. who leads at that very moment. */
  withGuard(beforeWrite: () => void): KubeClient {
    return new KubeClient(this.#transport, { ...this.#options, beforeWrite });
  }

  of<T extends KubeObject>(type: ResourceType<T>): Objects<T> {
    return new Objects(this, type);
  }

  /** Opens a long answer on the watch lane; resolves when its headers are there. */
  async openStream(request: KubeRequest, signal: AbortSignal): Promise<AsyncGenerator<Uint8Array>> {
    const { limitMs = LIMIT_MS } = this.#options;
    const response = await this.#transport.send(request, { lane: "watch", signal, limitMs });
    if (response.status !== 200) throw await this.#refusal(request, response);
    return response.chunks();
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  /** Any request; the parsed JSON of its answer (a text when it is none, as of /readyz). */
  async raw<T = unknown>(request: KubeRequest, signal: AbortSignal): Promise<T> {
    const { clock, log, lane = "request", limitMs = LIMIT_MS } = this.#options;
    const endsAt = clock.monotonic() + limitMs;
    for (let attempt = 1;; attempt++) {
      try {
        if (request.method !== "GET") this.#options.beforeWrite?.();
        const how = { lane, signal, limitMs: endsAt - clock.monotonic() };
        return await this.#read<T>(request, await this.#transport.send(request, how));
      } catch (error) {
        const waitMs = this.#retryDelay(request, error, attempt);
        // No waiting for what would come too late: this error says more than the limit.
        const inTime = waitMs !== undefined && clock.monotonic() + waitMs < endsAt;
        if (!inTime || signal.aborted) throw error;
        log.debug("request repeated", { what: nameOf(request), attempt, waitMs, err: error });
        await clock.sleep(waitMs, signal);
      }
    }
  }

  async #read<T>(request: KubeRequest, response: TransportResponse): Promise<T> {
    if (response.status < 200 || response.status > 299) {
      throw await this.#refusal(request, response);
    }
    const text = await response.text();
    if (!response.header("content-type")?.includes("json")) return text as T;
    const answer = parseJson(text);
    if (answer !== undefined) return answer as T;
    // A lost connection may look like the end of the body.
    const seen = `the answer was cut off after ${text.length} characters`;
    throw new TransportError(`cannot ${nameOf(request)}: ${seen}`);
  }

  async #refusal(request: KubeRequest, response: TransportResponse): Promise<ApiError> {
    return new ApiError(`cannot ${nameOf(request)}`, response.status, {
      status: parseStatus(await response.text()),
      retryAfterMs: parseRetryAfter(response.header("retry-after"), this.#options.clock.now()),
    });
  }

  // A server that names a delay has not carried the request out. What was never sent, and what only reads,
  // may always be repeated.
  #retryDelay({ method }: KubeRequest, error: unknown, attempt: number): number | undefined {
    if (attempt >= ATTEMPTS) return undefined;
    if (error instanceof ApiError) {
      return error.httpStatus === 429 || error.httpStatus >= 500 ? error.retryAfterMs : undefined;
    }
    const safe = error instanceof TransportError && (method === "GET" || error.unsent);
    return safe ? backoffDelay(attempt - 1, RETRY, () => this.#options.clock.random()) : undefined;
  }
}

/** Seconds, or the time of day when to come back. */
function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  const at = /^\d+$/.test(value ?? "") ? now + Number(value) * 1000 : parseTime(value);
  return at === undefined ? undefined : Math.min(Math.max(at - now, 0), LONGEST_RETRY_AFTER_MS);
}
