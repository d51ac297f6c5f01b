// The way to the API server, kept up to date: files are read again after some seconds, because the kubelet
// and certificate tools rotate them in place; a credential plugin runs again before what it gave ends.

import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { Secret } from "../base/secret.ts";
import type { Connection, Credentials } from "../kube/dispatcher.ts";
import { runExecPlugin, type RunProgram, type UserCredential } from "./exec-plugin.ts";
import { findAccess, type Whereabouts } from "./find-access.ts";
import type { ServerAccess, TextSource } from "./kubeconfig.ts";
import { chooseProxy, openTunnel } from "./proxy.ts";
import { Renewable } from "./renewable.ts";

const READ_AGAIN_MS = 10_000;
const PLUGIN_REST_MS = 5_000;

export type AccessOptions = Whereabouts & {
  /** Replaces the server's address. */
  master?: string;
  clock: Clock;
  log: Logger;
  /** Needed only where a kubeconfig has a credential plugin. */
  run?: RunProgram;
};

/** The connection to the API server. Throws when none is found or something in it cannot be honoured. */
export async function loadConnection(options: AccessOptions): Promise<Connection> {
  const access = await findAccess(options);
  return connectionOf(options.master ? { ...access, server: options.master } : access, options);
}

function connectionOf(access: ServerAccess, options: AccessOptions): Connection {
  const { server, namespace, headers, insecure, proxyUrl } = access;
  const { clock, env, log } = options;
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url?.protocol !== "https:" && url?.protocol !== "http:") {
    throw new Error(`API server address ${JSON.stringify(server)} is not an http(s) URL`);
  }
  if (insecure) {
    log.warn("the API server's certificate is not verified; give the kubeconfig its authority");
  }
  // Credentials are only ever sent over TLS.
  const credentials = credentialsOf(url.protocol === "https:" ? access : { insecure }, options);
  const proxy = chooseProxy(url, { env, ...(proxyUrl ? { proxyUrl: proxyUrl.reveal() } : {}) });
  return {
    server: server.replace(/\/+$/, ""),
    namespace,
    ...(headers ? { headers } : {}),
    ...(proxy && {
      dial: async () => {
        const { tls } = await credentials.current();
        return await openTunnel(proxy, url, { ca: tls.ca, clock });
      },
    }),
    credentials: () => credentials.current(),
    renew: (used) => credentials.renew(used),
  };
}

type Sources = Partial<Omit<ServerAccess, "server" | "namespace">>;

function credentialsOf(access: Sources, options: AccessOptions): Renewable<Credentials> {
  const plugin = pluginOf(access, options);
  let fromPlugin: UserCredential | undefined;
  let last: Credentials = { tls: { insecure: false } };
  return new Renewable(async (refused) => {
    const { ca, clientCert, clientKey, token, serverName, insecure = false } = access;
    fromPlugin = await (refused && fromPlugin ? plugin?.renew(fromPlugin) : plugin?.current());
    const text = token ? (await read(token)).trim() : undefined;
    if (text === "") throw new Error("the token is empty");
    const { token: pluginToken, ...pluginCert } = fromPlugin ?? {};
    const tls = {
      insecure,
      ...(ca ? { ca: await read(ca) } : {}),
      ...(clientCert ? { cert: await read(clientCert) } : {}),
      ...(clientKey ? { key: await read(clientKey) } : {}),
      ...(serverName ? { serverName } : {}),
      ...pluginCert,
    };
    const proof = text === undefined ? pluginToken : new Secret(text);
    last = unlessSame(last, { tls, ...(proof ? { token: proof } : {}) });
    return { value: last, validMs: READ_AGAIN_MS };
  }, options);
}

function pluginOf(
  { exec, ca }: Sources,
  { env, run, ...deps }: AccessOptions,
): Renewable<UserCredential> | undefined {
  if (!exec) return undefined;
  if (!run) throw new Error(`the credential plugin ${exec.command} cannot be run by this program`);
  return new Renewable(
    async () => {
      const data = exec.cluster && ca
        ? { "certificate-authority-data": Buffer.from(await read(ca)).toString("base64") }
        : {};
      const cluster = exec.cluster ? { cluster: { ...exec.cluster, ...data } } : {};
      return await runExecPlugin({ ...exec, ...cluster }, env, { run, clock: deps.clock });
    },
    deps,
    PLUGIN_REST_MS,
  );
}

/** The old objects as far as they say the same: who uses them sees at once whether anything has changed. */
function unlessSame(old: Credentials, now: Credentials): Credentials {
  if (!isDeepStrictEqual(old.tls, now.tls)) return now;
  const same = old.token?.reveal() === now.token?.reveal();
  return same ? old : { ...now, tls: old.tls };
}

async function read(source: TextSource): Promise<string> {
  return "inline" in source ? source.inline.reveal() : await readFile(source.file, "utf8");
}
