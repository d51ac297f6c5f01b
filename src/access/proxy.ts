// Whether the API server is reached through a proxy, and the way through it: an HTTP CONNECT tunnel, in
// which TLS with the server and HTTP/2 are spoken as if it were not there.

import { BlockList, connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, rootCertificates } from "node:tls";
import type { Clock } from "../base/clock.ts";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for this server: the kubeconfig's, else the environment's (HTTPS_PROXY or HTTP_PROXY by the
 * server's scheme, unless NO_PROXY names the server or it is this machine). Throws for other kinds of proxy.
 */
export function chooseProxy(server: URL, from: { proxyUrl?: string; env: Env }): URL | undefined {
  if (from.proxyUrl) return parseProxy(from.proxyUrl, "proxy-url of the kubeconfig");
  const name = server.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const value = from.env[name] ?? from.env[name.toLowerCase()];
  const noProxy = from.env.NO_PROXY ?? from.env.no_proxy ?? "";
  if (!value || isExempt(server, noProxy)) return undefined;
  return parseProxy(value.includes("://") ? value : `http://${value}`, name);
}

// The value is not shown: it may hold a password.
function parseProxy(value: string, where: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  const kind = url ? `is a ${url.protocol.slice(0, -1)} proxy` : "is not a URL";
  throw new Error(`${where} ${kind}, which is not supported; use an http:// or https:// proxy`);
}

const LOOPBACK = ["localhost", "127.0.0.0/8", "::1/128"];

/** Entries are names (with all names below them), addresses and CIDR ranges, each with or without a port, or *. */
function isExempt(server: URL, noProxy: string): boolean {
  const host = server.hostname.replace(/^\[|\]$/g, "");
  const port = server.port || (server.protocol === "https:" ? "443" : "80");
  const entries = noProxy.split(/[\s,]+/).filter(Boolean);
  return [...LOOPBACK, ...entries].some((entry) => {
    if (entry === "*") return true;
    const [, name = entry, only = port] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
    return only === port && matches(host, name.replace(/^\[|\]$/g, "").toLowerCase());
  });
}

function matches(host: string, entry: string): boolean {
  const [address = "", prefix] = entry.split("/");
  if (isIP(address) === 0) {
    const name = entry.replace(/^\*?\./, "");
    return host === name || host.endsWith(`.${name}`);
  }
  if (isIP(host) === 0) return false;
  const family = (ip: string) => isIP(ip) === 6 ? "ipv6" : "ipv4";
  const list = new BlockList();
  const widest = isIP(address) === 6 ? 128 : 32;
  list.addSubnet(address, prefix === undefined ? widest : Number(prefix), family(address));
  return list.check(host, family(host));
}

const TUNNEL_MS = 10_000;
const LONGEST_ANSWER = 16_384;

/** A byte stream to the server through the proxy. `ca` may have signed the proxy's certificate too. */
export function openTunnel(
  proxy: URL,
  server: URL,
  { ca, clock }: { ca: string | undefined; clock: Clock },
): Promise<Socket> {
  const port = server.port || (server.protocol === "https:" ? "443" : "80");
  const target = `${server.hostname}:${port}`;
  const socket = reach(proxy, ca);
  return new Promise<Socket>((resolve, reject) => {
    const fail = (why: string, cause?: Error): void => {
      cancel();
      socket.destroy();
      const what = `cannot reach ${target} through the proxy ${proxy.protocol}//${proxy.host}`;
      reject(new Error(`${what}: ${why}`, cause ? { cause } : {}));
    };
    const cancel = clock.setTimer(TUNNEL_MS, () => fail(`no answer within ${TUNNEL_MS} ms`));
    socket.on("error", (cause) => fail("no connection", cause));
    socket.on("close", () => fail("it closed the connection"));
    socket.write(renderConnect(proxy, target));
    readHead(socket, (head, rest) => {
      const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(head) ?? [];
      if (status !== "200") return fail(`it answered ${status ?? "something that is not HTTP"}`);
      cancel();
      socket.removeAllListeners("close").removeAllListeners("error");
      socket.pause();
      if (rest.length > 0) socket.unshift(rest);
      resolve(socket);
    });
  });
}

function reach(proxy: URL, ca: string | undefined): Socket {
  const host = proxy.hostname.replace(/^\[|\]$/g, "");
  const port = Number(proxy.port || (proxy.protocol === "https:" ? 443 : 80));
  if (proxy.protocol === "http:") return connectTcp({ host, port });
  const servername = isIP(host) === 0 ? host : "";
  return connectTls({ host, port, servername, ...(ca ? { ca: [...rootCertificates, ca] } : {}) });
}

function renderConnect(proxy: URL, target: string): string {
  const login = [proxy.username, proxy.password].map(decodeURIComponent).join(":");
  const basic = Buffer.from(login).toString("base64");
  const authorization = proxy.username ? `Proxy-Authorization: Basic ${basic}\r\n` : "";
  return `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${authorization}\r\n`;
}

/** Calls back once with everything up to the empty line, and with what came after it. */
function readHead(socket: Socket, done: (head: string, rest: Buffer) => void): void {
  let seen = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf("\r\n\r\n");
    if (end < 0 && seen.length < LONGEST_ANSWER) return;
    socket.off("data", onData);
    done(seen.toString("latin1", 0, Math.max(end, 0)), seen.subarray(end + 4));
  };
  socket.on("data", onData);
}
