// Pure: kubeconfig texts → where the server is and where each credential is found. Reads no file but the
// texts it is given; paths inside one are relative to its own directory. With several files the first
// that defines a name wins. What cannot be honoured is refused by name instead of being ignored.

import { isAbsolute, join } from "node:path";
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
const named = <T extends z.ZodType>(field: string, value: T) =>
  z.array(z.looseObject({ name: z.string(), [field]: value.nullish() })).nullish();

const clusterSchema = z.looseObject({
  server: text,
  "certificate-authority": text,
  "certificate-authority-data": text,
  "insecure-skip-tls-verify": z.boolean().nullish(),
  "tls-server-name": text,
  "proxy-url": text,
});
const userSchema = z.looseObject({
  "client-certificate": text,
  "client-certificate-data": text,
  "client-key": text,
  "client-key-data": text,
  token: text,
  tokenFile: text,
});
const contextSchema = z.looseObject({ cluster: text, user: text, namespace: text });
const fileSchema = z.looseObject({
  "current-context": text,
  clusters: named("cluster", clusterSchema),
  users: named("user", userSchema),
  contexts: named("context", contextSchema),
});

type ConfigFile = { path: string; directory: string; text: string };
type Found<T> = { value: T; directory: string };

/** The access that the current (or the named) context of these files describes. Throws what is wrong where. */
export function parseKubeconfig(files: readonly ConfigFile[], contextName?: string): ServerAccess {
  const parsed = files.map((file) => ({ ...file, config: parseFile(file) }));
  const where = files.map((file) => file.path).join(", ");
  const find = <T>(
    list: "clusters" | "users" | "contexts",
    field: string,
    name: string,
  ): Found<T> => {
    for (const { config, directory } of parsed) {
      const entry = config[list]?.find((candidate) => candidate.name === name);
      if (entry) return { value: (entry[field] ?? {}) as T, directory };
    }
    throw new Error(`kubeconfig ${where} has no entry ${name} in ${list}`);
  };
  const current = contextName ??
    parsed.map(({ config }) => config["current-context"]).find(Boolean);
  if (!current) {
    throw new Error(
      `kubeconfig ${where} has no current-context; choose one with kubectl config use-context`,
    );
  }
  const context = find<z.infer<typeof contextSchema>>("contexts", "context", current).value;
  if (!context.cluster) {
    throw new Error(`context ${current} of kubeconfig ${where} names no cluster`);
  }
  const cluster = find<z.infer<typeof clusterSchema>>("clusters", "cluster", context.cluster);
  const user = context.user
    ? find<z.infer<typeof userSchema>>("users", "user", context.user)
    : undefined;
  return {
    ...clusterAccess(context.cluster, cluster),
    ...(user ? userAccess(context.user ?? "", user) : {}),
    namespace: context.namespace || "default",
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
  { value: cluster, directory }: Found<z.infer<typeof clusterSchema>>,
): Omit<ServerAccess, "namespace"> {
  if (!cluster.server) throw new Error(`cluster ${name} of the kubeconfig has no server`);
  if (cluster["proxy-url"]) {
    throw new Error(`cluster ${name} of the kubeconfig: proxy-url is not supported`);
  }
  const ca = source(
    directory,
    cluster["certificate-authority"],
    cluster["certificate-authority-data"],
  );
  const insecure = cluster["insecure-skip-tls-verify"] === true;
  if (insecure && ca) {
    throw new Error(
      `cluster ${name} of the kubeconfig has both a certificate authority and insecure-skip-tls-verify; remove one`,
    );
  }
  return {
    server: cluster.server,
    insecure,
    ...(ca ? { ca } : {}),
    ...(cluster["tls-server-name"] ? { serverName: cluster["tls-server-name"] } : {}),
  };
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

function userAccess(
  name: string,
  { value: user, directory }: Found<z.infer<typeof userSchema>>,
): Partial<ServerAccess> {
  const unsupported = UNSUPPORTED.find((field) =>
    user[field] !== undefined && user[field] !== null
  );
  if (unsupported) {
    throw new Error(
      `user ${name} of the kubeconfig uses ${unsupported}, which is not supported; ` +
        `use a client certificate, a token or a tokenFile (for example from kubectl create token)`,
    );
  }
  const clientCert = source(directory, user["client-certificate"], user["client-certificate-data"]);
  const clientKey = source(directory, user["client-key"], user["client-key-data"]);
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    throw new Error(
      `user ${name} of the kubeconfig needs both a client certificate and its key, or neither`,
    );
  }
  const token: TextSource | undefined = user.tokenFile
    ? { file: resolve(directory, user.tokenFile) }
    : user.token
    ? { inline: new Secret(user.token) }
    : undefined;
  return {
    ...(clientCert ? { clientCert } : {}),
    ...(clientKey ? { clientKey } : {}),
    ...(token ? { token } : {}),
  };
}

function resolve(directory: string, path: string): string {
  return isAbsolute(path) ? path : join(directory, path);
}

// Inline data wins over a file, as in kubectl.
function source(
  directory: string,
  file: string | null | undefined,
  data: string | null | undefined,
): TextSource | undefined {
  if (data) return { inline: new Secret(Buffer.from(data, "base64").toString("utf8")) };
  return file ? { file: resolve(directory, file) } : undefined;
}
