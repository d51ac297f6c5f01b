// The only door to node's HTTP server: GET requests in, a status and a text out. Knows nothing of what is
// asked; probes and metrics are answered by the handle function.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describeError } from "../base/errors.ts";

export type HealthRequest = { method: string; path: string; query: URLSearchParams };
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
  const closing = new AbortController();
  const limits = { requestTimeout: 10_000, headersTimeout: 10_000 };
  const server = createServer(limits, (request, response) => {
    const how = { response, closing: closing.signal };
    answer(options, request, how).catch((error: unknown): HealthAnswer => ({
      status: 500,
      body: JSON.stringify({ error: describeError(error) }),
    })).then((ready) => send(response, ready, how));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new Error(`cannot listen on ${options.address}:${options.port}`, { cause }));
    });
    server.listen({ host: options.address, port: options.port }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        closing.abort();
        server.closeIdleConnections();
      }),
  };
}

async function answer(
  options: HealthServerOptions,
  request: IncomingMessage,
  { response, closing }: { response: ServerResponse; closing: AbortSignal },
): Promise<HealthAnswer> {
  const { method = "", url = "/" } = request;
  if (method !== "GET") {
    return { status: 405, body: JSON.stringify({ error: "method not allowed" }) };
  }
  if (!URL.canParse(url, "http://localhost")) {
    return { status: 400, body: JSON.stringify({ error: "bad request" }) };
  }
  const { pathname, searchParams } = new URL(url, "http://localhost");
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  closing.addEventListener("abort", () => gone.abort(), { once: true });
  return await options.handle({ method, path: pathname, query: searchParams }, gone.signal);
}

function send(
  response: ServerResponse,
  { status, body, contentType }: HealthAnswer,
  how: { closing: AbortSignal },
): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    // A connection that is kept open would hold up close() until the client's patience ends.
    ...(how.closing.aborted ? { connection: "close" } : {}),
    "content-type": contentType ?? "application/json",
    "content-length": Buffer.byteLength(body),
    ...(status === 405 ? { allow: "GET" } : {}),
  });
  response.end(body);
}
