// Pure: kubeconfig texts → where the server is and where each credential is found. Reads no file but the
// texts it is given. What cannot be honoured is refused by name, with what to do instead.

import { resolve } from "node:path";
import { Secret } from "../base/secret.ts";
import type { ExecPlugin } from "./exec-plugin.ts";
import {
  type ClusterFields,
  type ConfigFile,
  type Found,
  readCurrentContext,
  type UserFields,
} from "./kubeconfig-file.ts";

/** A credential in the kubeconfig itself, or a file that is read again when it is needed. */
export type TextSource = { inline: Secret } | { file: string };

export type ServerAccess = {
  server: string;
  namespace: string;
  ca?: TextSource;
  clientCert?: TextSource;
  clientKey?: TextSource;
  token?: TextSource;
  exec?: ExecPlugin;
  /** Whom to act for: headers of every request. */
  headers?: Record<string, string | string[]>;
  /** A Secret, because it may hold a password. */
  proxyUrl?: Secret;
  /** Name to expect in the server's certificate instead of the host of `server`. */
  serverName?: string;
  insecure: boolean;
};

/** The access that the current context of these files describes. Throws what is wrong where. */
export function parseKubeconfig(files: readonly ConfigFile[]): ServerAccess {
  const { cluster, user, namespace } = readCurrentContext(files);
  return {
    ...clusterAccess(cluster),
    ...(user ? userAccess(user, cluster) : {}),
    namespace,
  };
}

function clusterAccess(cluster: Found<ClusterFields>): Omit<ServerAccess, "namespace"> {
  const { server, "proxy-url": proxyUrl, "tls-server-name": serverName } = cluster.fields;
  const what = `cluster ${cluster.name} of the kubeconfig`;
  if (!server) throw new Error(`${what} has no server`);
  const ca = source("certificate-authority", cluster);
  const insecure = Boolean(cluster.fields["insecure-skip-tls-verify"]);
  if (insecure && ca) {
    throw new Error(`${what} has a certificate authority and insecure-skip-tls-verify; remove one`);
  }
  return {
    server,
    insecure,
    ...(ca ? { ca } : {}),
    ...(serverName ? { serverName } : {}),
    ...(proxyUrl ? { proxyUrl: new Secret(proxyUrl) } : {}),
  };
}

function userAccess(user: Found<UserFields>, cluster: Found<ClusterFields>): Partial<ServerAccess> {
  const what = `user ${user.name} of the kubeconfig`;
  const unsupported = ["auth-provider", "username"].find((field) => user.fields[field] ?? false);
  if (unsupported) {
    const remedy = "use an exec plugin, a client certificate, a token or a tokenFile";
    throw new Error(`${what} uses ${unsupported}, which is not supported; ${remedy}`);
  }
  const clientCert = source("client-certificate", user);
  const clientKey = source("client-key", user);
  if (!clientCert !== !clientKey) {
    throw new Error(`${what} needs both a client certificate and its key, or neither`);
  }
  const token = tokenSource(user);
  // What is given outright wins, as with kubectl: the plugin is not asked.
  const exec = token || clientCert ? undefined : execPlugin(user, cluster);
  const headers = impersonation(user.fields, what);
  return {
    ...(clientCert ? { clientCert } : {}),
    ...(clientKey ? { clientKey } : {}),
    ...(token ? { token } : {}),
    ...(exec ? { exec } : {}),
    ...(headers ? { headers } : {}),
  };
}

function tokenSource({ fields, directory }: Found<UserFields>): TextSource | undefined {
  if (fields.tokenFile) return { file: resolve(directory, fields.tokenFile) };
  return fields.token ? { inline: new Secret(fields.token) } : undefined;
}

const EXEC_API = "client.authentication.k8s.io/";
const EXEC_EXTENSION = "client.authentication.k8s.io/exec";

function execPlugin(
  user: Found<UserFields>,
  cluster: Found<ClusterFields>,
): ExecPlugin | undefined {
  const { exec } = user.fields;
  if (!exec) return undefined;
  const what = `exec of user ${user.name} of the kubeconfig`;
  const { apiVersion, command, interactiveMode, installHint } = exec;
  if (!command) throw new Error(`${what} has no command`);
  if (apiVersion !== `${EXEC_API}v1` && apiVersion !== `${EXEC_API}v1beta1`) {
    throw new Error(
      `${what} has apiVersion ${apiVersion}; supported are ${EXEC_API}v1 and v1beta1`,
    );
  }
  if (interactiveMode === "Always") {
    throw new Error(`${what} has interactiveMode Always, and there is no terminal; use a token`);
  }
  return {
    apiVersion,
    command: command.includes("/") ? resolve(user.directory, command) : command,
    args: exec.args ?? [],
    env: Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value])),
    ...(installHint ? { installHint } : {}),
    ...(exec.provideClusterInfo ? { cluster: clusterInfo(cluster) } : {}),
  };
}

/** ExecCredential's spec.cluster. A CA file is named by its content, which only the caller can read. */
function clusterInfo({ fields }: Found<ClusterFields>): Record<string, unknown> {
  const own = fields.extensions?.find(({ name }) => name === EXEC_EXTENSION);
  return {
    server: fields.server,
    "tls-server-name": fields["tls-server-name"] ?? undefined,
    "insecure-skip-tls-verify": fields["insecure-skip-tls-verify"] ?? undefined,
    "certificate-authority-data": fields["certificate-authority-data"] ?? undefined,
    "proxy-url": fields["proxy-url"] ?? undefined,
    "disable-compression": fields["disable-compression"] ?? undefined,
    config: own?.extension,
  };
}

/** Whom to act for, as request headers; undefined when for nobody else. */
function impersonation(fields: UserFields, what: string): ServerAccess["headers"] | undefined {
  const { as: user, "as-uid": uid, "as-groups": groups, "as-user-extra": extra } = fields;
  const more = Object.entries(extra ?? {});
  if (!user) {
    if (!uid && !groups?.length && more.length === 0) return undefined;
    throw new Error(`${what} has as-uid, as-groups or as-user-extra without as`);
  }
  const several = (values: string[]) => values.length === 1 ? values[0] ?? "" : values;
  return {
    "impersonate-user": user,
    ...(uid ? { "impersonate-uid": uid } : {}),
    ...(groups?.length ? { "impersonate-group": several(groups) } : {}),
    ...Object.fromEntries(
      more.map(([key, values]) => [`impersonate-extra-${header(key)}`, several(values)]),
    ),
  };
}

/** A key as part of a header's name: lower case, what a name cannot hold percent-encoded. */
function header(key: string): string {
  return encodeURIComponent(key.toLowerCase())
    .replace(/[()@,;:\\"/[\]?={}]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

// Inline data wins over a file, as in kubectl. An absolute path stays as it is.
function source(
  name: "certificate-authority" | "client-certificate" | "client-key",
  { fields, directory }: Found<Record<string, unknown>>,
): TextSource | undefined {
  const [data, file] = [fields[`${name}-data`], fields[name]] as (string | null | undefined)[];
  if (data) return { inline: new Secret(Buffer.from(data, "base64").toString("utf8")) };
  return file ? { file: resolve(directory, file) } : undefined;
}
