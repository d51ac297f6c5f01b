// The API server as typed methods: request.ts builds, transport.ts sends, this joins them, reads answers
// and turns refusals into ApiError. Every plain request has a deadline that also covers waiting for a
// connection. Repeats only what is safe: what was never sent, what the server asked to be repeated, and reads.

import { backoffDelay } from "../base/backoff.ts";
import { parseTime } from "../base/clock.ts";
import { ApiError, isNotFound, parseStatus } from "./api-error.ts";
import type { Connection } from "./connection.ts";
import type { KubeObject } from "./object.ts";
import * as build from "./request.ts";
import { type KubeRequest, nameOf } from "./request.ts";
import { apiVersion, type ObjectRef, type ResourceType } from "./resource.ts";
import {
  type Lane,
  type SendOptions,
  Transport,
  TransportError,
  type TransportOptions,
  type TransportResponse,
} from "./transport.ts";

const LIMIT_MS: Record<Lane, number> = { request: 30_000, watch: 30_000, lease: 5_000 };
const ATTEMPTS = 4;
const RETRY = { baseMs: 100, maxMs: 1000, jitter: 0.5 };
const LONGEST_RETRY_AFTER_MS = 300_000;

export type ClientOptions = TransportOptions & {
  /** Asked right before everything that is not a GET is sent; a throw keeps it from being sent. */
  beforeWrite?: () => void;
};

/** A client for this connection. Watches, plain requests and the Lease travel separately. */
export function connect(connection: Connection, options: ClientOptions): KubeClient {
  return new KubeClient(new Transport(connection, options), options, "request");
}

export type ListPage<T> = {
  items: T[];
  resourceVersion: string;
  continueToken: string | undefined;
};
type WireList<T> = {
  kind?: string;
  items?: T[];
  metadata?: { resourceVersion?: string; continue?: string };
};

export class KubeClient {
  readonly #transport: Transport;
  readonly #options: ClientOptions;
  readonly #lane: Lane;

  constructor(transport: Transport, options: ClientOptions, lane: Lane) {
    this.#transport = transport;
    this.#options = options;
    this.#lane = lane;
  }

  /** The same client with its plain requests on another lane. */
  onLane(lane: Lane): KubeClient {
    return new KubeClient(this.#transport, this.#options, lane);
  }

  /** The same client for writes that only some may do, e.g. who leads at that very moment. */
  withGuard(beforeWrite: () => void): KubeClient {
    return new KubeClient(this.#transport, { ...this.#options, beforeWrite }, this.#lane);
  }

  /** The object, or undefined when it is not there. */
  async get<T extends KubeObject>(
    type: ResourceType<T>,
    target: build.Target,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    return await this.raw<T>(build.buildGet(type, target), signal).catch(absent(undefined));
  }

  /** Everything selected, in one answer of one resourceVersion. Many objects are better watched. */
  async list<T extends KubeObject>(
    type: ResourceType<T>,
    selection: build.Selection,
    signal: AbortSignal,
  ): Promise<ListPage<T>> {
    return await this.listPage(type, selection, { limit: 0 }, signal);
  }

  /** One page of a list. */
  async listPage<T extends KubeObject>(
    type: ResourceType<T>,
    selection: build.Selection,
    page: build.Page,
    signal: AbortSignal,
  ): Promise<ListPage<T>> {
    const list = await this.raw<WireList<T>>(build.buildList(type, selection, page), signal);
    const resourceVersion = list.metadata?.resourceVersion;
    const isList = list.kind !== "Table" &&
      (!type.metadataOnly || list.kind === "PartialObjectMetadataList");
    if (resourceVersion === undefined || !isList) {
      throw new TransportError(`cannot list ${type.plural}: the answer is not a list`);
    }
    // Items of a list come without these two.
    const kind = { apiVersion: apiVersion(type), kind: type.kind };
    const items = (list.items ?? []).map((item) => ({ ...item, ...kind }));
    return { items, resourceVersion, continueToken: list.metadata?.continue || undefined };
  }

  async create<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    signal: AbortSignal,
  ): Promise<T> {
    return await this.raw(build.buildCreate(type, object), signal);
  }

  /** Server-side apply: makes exactly the given fields ours. */
  async apply<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: build.ApplyOptions,
    signal: AbortSignal,
  ): Promise<T> {
    return await this.raw(build.buildApply(type, object, options), signal);
  }

  /** With metadata.resourceVersion (or uid) in the body it is conditional. */
  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    options: build.PatchOptions,
    signal: AbortSignal,
  ): Promise<T> {
    return await this.raw(build.buildPatch(type, ref, options), signal);
  }

  /** PUT; a Conflict when the object has changed since it was read. */
  async replace<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: build.WriteOptions,
    signal: AbortSignal,
  ): Promise<T> {
    return await this.raw(build.buildReplace(type, object, options), signal);
  }

  /** False when it was not there. */
  async delete<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    options: build.DeleteOptions,
    signal: AbortSignal,
  ): Promise<boolean> {
    const request = build.buildDelete(type, ref, options);
    return await this.raw(request, signal).then(() => true, absent(false));
  }

  /** Opens a long answer on the watch lane; resolves when its headers are there. */
  async openStream(
    request: KubeRequest,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<Uint8Array>> {
    const how = { signal, limitMs: LIMIT_MS.watch };
    const response = await this.#transport.send("watch", request, how);
    if (response.status !== 200) throw await this.#refusal(request, response);
    return response.chunks();
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  /** Any request; the parsed JSON of its answer (a text when it is none, as of /readyz). */
  async raw<T = unknown>(request: KubeRequest, signal: AbortSignal): Promise<T> {
    const { clock, log } = this.#options;
    const endsAt = clock.monotonic() + LIMIT_MS[this.#lane];
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#once<T>(request, { signal, limitMs: endsAt - clock.monotonic() });
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

  async #once<T>(request: KubeRequest, how: SendOptions): Promise<T> {
    if (request.method !== "GET") this.#options.beforeWrite?.();
    const response = await this.#transport.send(this.#lane, request, how);
    if (response.status < 200 || response.status > 299) {
      throw await this.#refusal(request, response);
    }
    const text = await response.text();
    if (!response.header("content-type")?.includes("json")) return text as T;
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      // A lost connection may look like the end of the body.
      const seen = `the answer was cut off after ${text.length} characters`;
      throw new TransportError(`cannot ${nameOf(request)}: ${seen}`, { cause });
    }
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

/** For catch(): this value when the object is not there. */
function absent<V>(value: V): (error: unknown) => V {
  return (error) => {
    if (isNotFound(error)) return value;
    throw error;
  };
}

/** Seconds, or the time of day when to come back. */
function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  const at = /^\d+$/.test(value ?? "") ? now + Number(value) * 1000 : parseTime(value);
  return at === undefined ? undefined : Math.min(Math.max(at - now, 0), LONGEST_RETRY_AFTER_MS);
}
