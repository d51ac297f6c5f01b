// The API server as typed methods: request.ts builds, transport.ts sends, this joins them, reads answers
// and turns refusals into ApiError. Every plain request has a deadline that also covers waiting for a
// connection. Repeats only what is safe: what the server asked to be repeated, and reads.

import { backoffDelay } from "../base/backoff.ts";
import { type Clock, type Deadline, parseTime, startDeadline } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { ApiError, isGone, isNotFound, parseStatus } from "./api-error.ts";
import type { Connection } from "./connection.ts";
import * as build from "./request.ts";
import { apiVersion, describeRef, type ObjectRef, type ResourceType } from "./resource.ts";
import { type Lane, Transport, TransportError, type TransportResponse } from "./transport.ts";
import type { KubeObject } from "./object.ts";

export type ClientOptions = { userAgent: string; log: Logger; clock: Clock };

const DEADLINE_MS: Record<Lane, number> = { request: 30_000, watch: 30_000, lease: 5_000 };
const ATTEMPTS = 4;
const RETRY = { baseMs: 100, maxMs: 1000, jitter: 0.5 };

/** A client for this connection. Watches, plain requests and the Lease travel separately. */
export function connect(
  connection: Connection,
  options: ClientOptions & { pingMs?: number; deadMs?: number },
): KubeClient {
  return new KubeClient(new Transport(connection, options), options, "request");
}

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

  /** The object, or undefined when it is not there. */
  async get<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    try {
      return await this.#send<T>(
        `get ${describeRef(type, ref)}`,
        build.buildGet(type, ref),
        signal,
      );
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Everything selected, in pages, all of one resourceVersion. */
  async list<T extends KubeObject>(
    type: ResourceType<T>,
    selection: build.Selection,
    signal: AbortSignal,
  ): Promise<{ items: T[]; resourceVersion: string }> {
    const items: T[] = [];
    let page: ListPage<T> | undefined;
    do {
      try {
        page = await this.listPage(type, selection, { continueToken: page?.continueToken }, signal);
      } catch (error) {
        if (!page || !isGone(error)) throw error;
        // The next page is no longer kept: begin again with everything at once.
        items.length = 0;
        page = await this.listPage(type, selection, { limit: 0 }, signal);
      }
      // Not push(...page.items): a big page would overflow the stack.
      for (const item of page.items) items.push(item);
    } while (page.continueToken !== undefined);
    return { items, resourceVersion: page.resourceVersion };
  }

  /** One page of a list. */
  async listPage<T extends KubeObject>(
    type: ResourceType<T>,
    selection: build.Selection,
    page: { continueToken?: string | undefined; limit?: number },
    signal: AbortSignal,
  ): Promise<ListPage<T>> {
    const request = build.buildList(type, selection, page);
    const what = `list ${type.plural}`;
    const list = await this.#send<WireList<T>>(what, request, signal);
    const resourceVersion = list.metadata?.resourceVersion;
    const isList = list.kind !== "Table" &&
      (!type.metadataOnly || list.kind === "PartialObjectMetadataList");
    if (resourceVersion === undefined || !isList) {
      throw new TransportError(`cannot ${what}: the answer is not a list`);
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
    return await this.#send<T>(
      `create ${describeRef(type, object.metadata)}`,
      build.buildCreate(type, object),
      signal,
    );
  }

  /** Server-side apply: makes exactly the given fields ours. */
  async apply<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: { fieldManager: string; subresource?: string; force?: boolean },
    signal: AbortSignal,
  ): Promise<T> {
    const what = `apply ${describeRef(type, object.metadata)}`;
    return await this.#send<T>(what, build.buildApply(type, object, options), signal);
  }

  /** Merge patch (null deletes) or JSON patch. With metadata.resourceVersion in the body it is conditional. */
  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    options: {
      body: unknown;
      subresource?: string;
      fieldManager?: string;
      contentType?: "merge" | "json";
    },
    signal: AbortSignal,
  ): Promise<T> {
    return await this.#send<T>(
      `patch ${describeRef(type, ref)}`,
      build.buildPatch(type, ref, options),
      signal,
    );
  }

  /** PUT; a Conflict when the object has changed since it was read. */
  async replace<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: { subresource?: string },
    signal: AbortSignal,
  ): Promise<T> {
    const what = `replace ${describeRef(type, object.metadata)}`;
    return await this.#send<T>(what, build.buildReplace(type, object, options), signal);
  }

  /** False when it was not there. */
  async delete<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    options: build.DeleteOptions,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      await this.#send(
        `delete ${describeRef(type, ref)}`,
        build.buildDelete(type, ref, options),
        signal,
      );
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** Any request; the parsed JSON of its answer (a text when it is none, as of /readyz). */
  async raw(request: build.KubeRequest, signal: AbortSignal): Promise<unknown> {
    return await this.#send(`${request.method} ${request.path}`, request, signal);
  }

  /** Opens a long answer on the watch lane; resolves when its headers are there. */
  async openStream(
    request: build.KubeRequest,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<Uint8Array>> {
    const { clock } = this.#options;
    const what = `watch ${request.path}`;
    const deadline = startDeadline(clock, DEADLINE_MS.watch, signal);
    try {
      const response = await this.#transport.send("watch", request, deadline.signal);
      if (response.status !== 200) throw await refusal(what, response, clock.now());
      deadline.disarm(); // from here on only the caller ends the stream
      return untilEnd(response.chunks(), deadline);
    } catch (error) {
      deadline.clear();
      throw timedOut(error, what, deadline);
    }
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #send<T>(what: string, request: build.KubeRequest, signal: AbortSignal): Promise<T> {
    const { clock, log } = this.#options;
    const deadline = startDeadline(clock, DEADLINE_MS[this.#lane], signal);
    try {
      for (let attempt = 1;; attempt++) {
        try {
          return await this.#once<T>(what, request, deadline.signal);
        } catch (error) {
          const waitMs = attempt < ATTEMPTS
            ? retryDelay(request, error, attempt, clock)
            : undefined;
          if (waitMs === undefined || deadline.signal.aborted) throw error;
          log.debug("request repeated", { what, attempt, waitMs, err: error });
          await clock.sleep(waitMs, deadline.signal);
        }
      }
    } catch (error) {
      throw timedOut(error, what, deadline);
    } finally {
      deadline.clear();
    }
  }

  async #once<T>(what: string, request: build.KubeRequest, signal: AbortSignal): Promise<T> {
    const response = await this.#transport.send(this.#lane, request, signal);
    if (response.status < 200 || response.status > 299) {
      throw await refusal(what, response, this.#options.clock.now());
    }
    const text = await response.text();
    if (!response.header("content-type")?.includes("json")) return text as T;
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      // A lost connection may look like the end of the body.
      throw new TransportError(
        `cannot ${what}: the answer was cut off after ${text.length} characters`,
        { cause },
      );
    }
  }
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

// A server that names a delay has not carried the request out. Reads may always be repeated.
function retryDelay(
  request: build.KubeRequest,
  error: unknown,
  attempt: number,
  clock: Clock,
): number | undefined {
  if (error instanceof ApiError) {
    return error.httpStatus === 429 || error.httpStatus >= 500 ? error.retryAfterMs : undefined;
  }
  if (!(error instanceof TransportError) || request.method !== "GET") return undefined;
  return backoffDelay(attempt - 1, RETRY, () => clock.random());
}

async function refusal(what: string, response: TransportResponse, now: number): Promise<ApiError> {
  const retryAfterMs = parseRetryAfter(response.header("retry-after"), now);
  const status = parseStatus(await response.text());
  return new ApiError(`cannot ${what}`, response.status, { status, retryAfterMs });
}

const LONGEST_RETRY_AFTER_MS = 300_000;

function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const at = parseTime(value);
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : at === undefined ? undefined : at - now;
  return ms === undefined ? undefined : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS);
}

async function* untilEnd(
  chunks: AsyncGenerator<Uint8Array>,
  deadline: Deadline,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } finally {
    deadline.clear();
  }
}

function timedOut(error: unknown, what: string, deadline: Deadline): unknown {
  if (!deadline.expired) return error;
  return new TransportError(`cannot ${what}: ${describeError(deadline.signal.reason)}`, {
    cause: error,
  });
}
