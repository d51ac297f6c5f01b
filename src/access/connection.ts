// Where the API server is and how to prove who we are: from a kubeconfig or from inside a Pod. Files are
// read again when they may have changed (certificates for every new connection, tokens within a minute),
// because the kubelet and certificate tools rotate them in place.

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { type Connection, TokenSource } from "../kube/connection.ts";
import { parseKubeconfig, type ServerAccess, type TextSource } from "./kubeconfig.ts";

const SERVICE_ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Finds the API server: kubeconfig (explicit; must exist), else $KUBECONFIG, else the Pod's service
 * account, else ~/.kube/config. `master` replaces the server's address. Throws when nothing is found.
 */
export async function loadConnection(options: {
  kubeconfig?: string;
  master?: string;
  env: Record<string, string | undefined>;
  serviceAccountDir?: string;
}): Promise<Connection> {
  const { env, kubeconfig, master } = options;
  const withMaster = (access: ServerAccess): Connection =>
    connectionOf(master ? { ...access, server: master } : access);
  if (kubeconfig) return withMaster(await fromKubeconfigs([kubeconfig], { mustExist: true }));
  if (env.KUBECONFIG) {
    return withMaster(
      await fromKubeconfigs(env.KUBECONFIG.split(delimiter).filter(Boolean), { mustExist: false }),
    );
  }
  if (env.KUBERNETES_SERVICE_HOST) {
    return withMaster(await inCluster(env, options.serviceAccountDir));
  }
  const home = join(homedir(), ".kube", "config");
  return withMaster(await fromKubeconfigs([home], { mustExist: true }));
}

async function fromKubeconfigs(
  paths: string[],
  { mustExist }: { mustExist: boolean },
): Promise<ServerAccess> {
  const files = [];
  for (const path of new Set(paths)) {
    try {
      files.push({ path, directory: dirname(path), text: await readFile(path, "utf8") });
    } catch (cause) {
      const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
      if (!missing || mustExist) throw new Error(`cannot read kubeconfig ${path}`, { cause });
    }
  }
  if (files.length === 0) {
    throw new Error(`none of the files in $KUBECONFIG exists: ${paths.join(", ")}`);
  }
  return parseKubeconfig(files);
}

async function inCluster(
  env: Record<string, string | undefined>,
  dir = SERVICE_ACCOUNT_DIR,
): Promise<ServerAccess> {
  const host = env.KUBERNETES_SERVICE_HOST ?? "";
  const authority = host.includes(":") ? `[${host}]` : host; // IPv6
  const file = await readFile(join(dir, "namespace"), "utf8").catch(() => ""); // optional: see the default
  return {
    server: `https://${authority}:${env.KUBERNETES_SERVICE_PORT ?? "443"}`,
    namespace: env.POD_NAMESPACE || file.trim() || "default",
    ca: { file: join(dir, "ca.crt") },
    token: { file: join(dir, "token") },
    insecure: false,
  };
}

async function read(source: TextSource): Promise<string> {
  return "inline" in source ? source.inline.reveal() : await readFile(source.file, "utf8");
}

function connectionOf(access: ServerAccess): Connection {
  const { server, namespace, token } = access;
  const protocol = URL.canParse(server) ? new URL(server).protocol : "";
  if (protocol !== "https:" && protocol !== "http:") {
    throw new Error(`API server address ${JSON.stringify(server)} is not an http(s) URL`);
  }
  return {
    server: server.replace(/\/+$/, ""),
    namespace,
    // A token is only ever sent over TLS.
    token: token && protocol === "https:" ? new TokenSource(() => read(token)) : undefined,
    tls: async () => ({
      insecure: access.insecure,
      ...(access.ca ? { ca: await read(access.ca) } : {}),
      ...(access.clientCert ? { cert: await read(access.clientCert) } : {}),
      ...(access.clientKey ? { key: await read(access.clientKey) } : {}),
      ...(access.serverName ? { serverName: access.serverName } : {}),
    }),
  };
}
