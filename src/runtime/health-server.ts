// The only door to node's HTTP server: GET requests in, a status and a text out. Knows nothing of what is
// asked; probes and metrics are answered by the handle function.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describeError } from "../base/errors.ts";

export type HealthRequest = { path: string; query: URLSearchParams };
export type HealthAnswer = { status: number; body: string; contentType?: string };

export interface HealthServerOptions {
  /** Address to listen on, e.g. "0.0.0.0" or "::". */
  address: string;
  /** 0 takes a free port. */
  port: number;
  /** The signal is aborted when the client has gone away or the server closes. */
  handle(request: HealthRequest, signal: AbortSignal): Promise<HealthAnswer> | HealthAnswer;
}

export interface HealthServer {
  readonly port: number;
  /** Stops listening, ends idle connections and waits for running answers. */
  close(): Promise<void>;
}

/** Listens; rejects when the port cannot be had. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { address: host, port, handle } = options;
  const closing = new AbortController();
  const limits = { requestTimeout: 10_000, headersTimeout: 10_000 };
  const server = createServer(limits, (request, response) => {
    const gone = new AbortController();
    const abort = (): void => gone.abort();
    response.once("close", abort);
    closing.signal.addEventListener("abort", abort, { once: true });
    answer(request, (parsed) => handle(parsed, gone.signal))
      .catch((error: unknown) => refusal(500, describeError(error)))
      .then((ready) => send(response, ready, closing.signal.aborted))
      .finally(() => closing.signal.removeEventListener("abort", abort));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new Error(`cannot listen on ${host}:${port}`, { cause }));
    });
    server.listen({ host, port }, resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      closing.abort();
      server.closeIdleConnections();
    });
  return { port: (server.address() as AddressInfo).port, close };
}

function refusal(status: number, error: string): HealthAnswer {
  return { status, body: JSON.stringify({ error }) };
}

async function answer(
  { method, url = "/" }: IncomingMessage,
  handle: (request: HealthRequest) => Promise<HealthAnswer> | HealthAnswer,
): Promise<HealthAnswer> {
  if (method !== "GET") return refusal(405, "method not allowed");
  if (!URL.canParse(url, "http://localhost")) return refusal(400, "bad request");
  const { pathname, searchParams } = new URL(url, "http://localhost");
  return await handle({ path: pathname, query: searchParams });
}

// A connection that is kept open would hold up close() until the client's patience ends.
function send(response: ServerResponse, answer: HealthAnswer, isLast: boolean): void {
  const { status, body, contentType = "application/json" } = answer;
  if (response.destroyed) return;
  response.writeHead(status, {
    ...(isLast ? { connection: "close" } : {}),
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    ...(status === 405 ? { allow: "GET" } : {}),
  });
  response.end(body);
}
