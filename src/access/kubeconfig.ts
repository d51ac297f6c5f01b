// Pure: kubeconfig texts → where the server is and where each credential is found. Reads no file but the
// texts it is given; paths inside one are relative to its own directory. With several files the first
// that defines a name wins. What cannot be honoured is refused by name instead of being ignored.

import { resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { Secret } from "../base/secret.ts";

/** A credential in the kubeconfig itself, or a file that is read again when it is needed. */
export type TextSource = { inline: Secret } | { file: string };

export type ServerAccess = {
  server: string;
  namespace: string;
  ca?: TextSource;
  clientCert?: TextSource;
  clientKey?: TextSource;
  token?: TextSource;
  /** Name to expect in the server's certificate instead of the host of `server`. */
  serverName?: string;
  insecure: boolean;
};

const text = z.string().nullish();
const flag = z.boolean().nullish();
const named = <S extends z.ZodRawShape>(field: string, shape: S) =>
  z.array(z.looseObject({ name: z.string(), [field]: z.looseObject(shape).nullish() })).nullish();

const fileSchema = z.looseObject({
  "current-context": text,
  clusters: named("cluster", {
    server: text,
    "certificate-authority": text,
    "certificate-authority-data": text,
    "insecure-skip-tls-verify": flag,
    "tls-server-name": text,
    "proxy-url": text,
  }),
  users: named("user", {
    "client-certificate": text,
    "client-certificate-data": text,
    "client-key": text,
    "client-key-data": text,
    token: text,
    tokenFile: text,
  }),
  contexts: named("context", { cluster: text, user: text, namespace: text }),
});

type ConfigFile = { path: string; directory: string; text: string };
/** The fields of one entry that hold texts, and where its relative paths begin. */
type Found = { fields: Record<string, string | undefined>; directory: string };

/** The access that the current (or the named) context of these files describes. Throws what is wrong where. */
export function parseKubeconfig(files: readonly ConfigFile[], contextName?: string): ServerAccess {
  const parsed = files.map((file) => ({ ...file, config: parseFile(file) }));
  const where = files.map((file) => file.path).join(", ");
  const find = (list: "clusters" | "users" | "contexts", field: string, name: string): Found => {
    for (const { config, directory } of parsed) {
      const entry = config[list]?.find((candidate) => candidate.name === name);
      if (entry) return { fields: (entry[field] ?? {}) as Found["fields"], directory };
    }
    throw new Error(`kubeconfig ${where} has no entry ${name} in ${list}`);
  };
  const current = contextName ??
    parsed.map(({ config }) => config["current-context"]).find(Boolean);
  if (!current) {
    const remedy = "choose one with kubectl config use-context";
    throw new Error(`kubeconfig ${where} has no current-context; ${remedy}`);
  }
  const { cluster, user, namespace } = find("contexts", "context", current).fields;
  if (!cluster) throw new Error(`context ${current} of kubeconfig ${where} names no cluster`);
  return {
    ...clusterAccess(cluster, find("clusters", "cluster", cluster)),
    ...(user ? userAccess(user, find("users", "user", user)) : {}),
    namespace: namespace || "default",
  };
}

function parseFile(file: ConfigFile): z.infer<typeof fileSchema> {
  let document: unknown;
  try {
    document = parse(file.text);
  } catch (cause) {
    throw new Error(`kubeconfig ${file.path} is not YAML`, { cause });
  }
  const result = fileSchema.safeParse(document ?? {});
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Error(`kubeconfig ${file.path}: ${issue?.path.join(".")}: ${issue?.message}`);
}

function clusterAccess(
  name: string,
  { fields, directory }: Found,
): Omit<ServerAccess, "namespace"> {
  const { server, "proxy-url": proxy, "tls-server-name": serverName } = fields;
  const what = `cluster ${name} of the kubeconfig`;
  if (!server) throw new Error(`${what} has no server`);
  if (proxy) throw new Error(`${what}: proxy-url is not supported`);
  const ca = source("certificate-authority", { fields, directory });
  const insecure = Boolean(fields["insecure-skip-tls-verify"]);
  if (insecure && ca) {
    throw new Error(`${what} has a certificate authority and insecure-skip-tls-verify; remove one`);
  }
  return { server, insecure, ...(ca ? { ca } : {}), ...(serverName ? { serverName } : {}) };
}

// Ways to authenticate that would need another program, protocol or header.
const UNSUPPORTED = [
  "exec",
  "auth-provider",
  "username",
  "as",
  "as-uid",
  "as-groups",
  "as-user-extra",
];

function userAccess(name: string, { fields, directory }: Found): Partial<ServerAccess> {
  const what = `user ${name} of the kubeconfig`;
  const unsupported = UNSUPPORTED.find((field) => fields[field] ?? false);
  if (unsupported) {
    const remedy = "use a client certificate, a token or a tokenFile (see kubectl create token)";
    throw new Error(`${what} uses ${unsupported}, which is not supported; ${remedy}`);
  }
  const clientCert = source("client-certificate", { fields, directory });
  const clientKey = source("client-key", { fields, directory });
  if (!clientCert !== !clientKey) {
    throw new Error(`${what} needs both a client certificate and its key, or neither`);
  }
  const { token, tokenFile } = fields;
  return {
    ...(clientCert ? { clientCert } : {}),
    ...(clientKey ? { clientKey } : {}),
    ...(token ? { token: { inline: new Secret(token) } } : {}),
    ...(tokenFile ? { token: { file: resolve(directory, tokenFile) } } : {}),
  };
}

// Inline data wins over a file, as in kubectl. An absolute path stays as it is.
function source(name: string, { fields, directory }: Found): TextSource | undefined {
  const data = fields[`${name}-data`];
  if (data) return { inline: new Secret(Buffer.from(data, "base64").toString("utf8")) };
  const file = fields[name];
  return file ? { file: resolve(directory, file) } : undefined;
}
