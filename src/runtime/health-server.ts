// The only door to node's HTTP server: GET requests in, a status and a text out. Knows nothing of what is
// asked; probes and metrics are answered by the handle function.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describeError } from "../base/errors.ts";

export type HealthRequest = { path: string; query: URLSearchParams };
export type HealthAnswer = { status: number; body: string; contentType?: string };

export interface HealthServerOptions {
  address: string; // to listen on, e.g. "0.0.0.0" or "::"
  port: number; // 0 takes a free one
  /** The signal is aborted when the client has gone away or the server closes. */
  handle(request: HealthRequest, signal: AbortSignal): Promise<HealthAnswer> | HealthAnswer;
}

export type HealthServer = Awaited<ReturnType<typeof startHealthServer>>;

/** Listens; rejects when the port cannot be had. close() ends idle connections and waits for running answers. */
export async function startHealthServer({ address: host, port, handle }: HealthServerOptions) {
  const running = new Set<AbortController>();
  let isClosing = false;
  const limits = { requestTimeout: 10_000, headersTimeout: 10_000 };
  const server = createServer(limits, async (request, response) => {
    const gone = new AbortController();
    running.add(gone);
    response.once("close", () => {
      running.delete(gone);
      gone.abort();
    });
    const ready = await answer(request, (parsed) => handle(parsed, gone.signal))
      .catch((error: unknown) => refusal(500, describeError(error)));
    send(response, ready, isClosing);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new Error(`cannot listen on ${host}:${port}`, { cause }));
    });
    server.listen({ host, port }, resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      isClosing = true;
      server.close(() => resolve());
      for (const gone of running) gone.abort();
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
  const parsed = URL.parse(url, "http://localhost");
  if (!parsed) return refusal(400, "bad request");
  return await handle({ path: parsed.pathname, query: parsed.searchParams });
}

// A connection that is kept open would hold up close() until the client's patience ends.
function send(
  response: ServerResponse,
  { status, body, contentType = "application/json" }: HealthAnswer,
  isLast: boolean,
): void {
  if (response.destroyed) return;
  if (isLast) response.setHeader("connection", "close");
  if (status === 405) response.setHeader("allow", "GET");
  const length = Buffer.byteLength(body);
  response.writeHead(status, { "content-type": contentType, "content-length": length }).end(body);
}
