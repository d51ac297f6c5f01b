// Pure: the texts of kubeconfig files → the entries that the current context names. The first file that
// defines a name wins. Knows the shape of the files; knows nothing of what the fields are good for.

import { parse } from "yaml";
import { z } from "zod";

export type ConfigFile = { path: string; directory: string; text: string };

/** An entry's fields, and where its relative paths begin. */
export type Found<F> = { name: string; fields: F; directory: string };
export type ClusterFields = z.infer<typeof clusterSchema>;
export type UserFields = z.infer<typeof userSchema>;
export type ContextFields = z.infer<typeof contextSchema>;

const text = z.string().nullish();
const texts = z.array(z.string()).nullish();

const clusterSchema = z.looseObject({
  server: text,
  "certificate-authority": text,
  "certificate-authority-data": text,
  "insecure-skip-tls-verify": z.boolean().nullish(),
  "tls-server-name": text,
  "proxy-url": text,
  "disable-compression": z.boolean().nullish(),
  extensions: z.array(z.looseObject({ name: z.string(), extension: z.unknown() })).nullish(),
});

const execSchema = z.looseObject({
  apiVersion: text,
  command: text,
  args: texts,
  env: z.array(z.looseObject({ name: z.string(), value: z.string() })).nullish(),
  installHint: text,
  interactiveMode: text,
  provideClusterInfo: z.boolean().nullish(),
});

const userSchema = z.looseObject({
  "client-certificate": text,
  "client-certificate-data": text,
  "client-key": text,
  "client-key-data": text,
  token: text,
  tokenFile: text,
  as: text,
  "as-uid": text,
  "as-groups": texts,
  "as-user-extra": z.record(z.string(), z.array(z.string())).nullish(),
  exec: execSchema.nullish(),
});

const contextSchema = z.looseObject({ cluster: text, user: text, namespace: text });

const list = <S extends z.ZodType>(field: string, schema: S) =>
  z.array(
    z.looseObject({ name: z.string(), [field]: schema.nullish() }).transform((entry) => ({
      name: entry.name,
      fields: (entry[field] ?? {}) as z.infer<S>,
    })),
  ).nullish();

const fileSchema = z.looseObject({
  "current-context": text,
  clusters: list("cluster", clusterSchema),
  users: list("user", userSchema),
  contexts: list("context", contextSchema),
});

export type CurrentContext = {
  cluster: Found<ClusterFields>;
  user: Found<UserFields> | undefined;
  namespace: string;
};

/** What the current context of these files consists of. Throws what is wrong where. */
export function readCurrentContext(files: readonly ConfigFile[]): CurrentContext {
  const parsed = files.map((file) => ({ directory: file.directory, config: parseFile(file) }));
  const where = `kubeconfig ${files.map((file) => file.path).join(", ")}`;
  type Lists = { clusters: ClusterFields; users: UserFields; contexts: ContextFields };
  const find = <K extends keyof Lists>(kind: K, name: string): Found<Lists[K]> => {
    for (const { config, directory } of parsed) {
      const entry = config[kind]?.find((candidate) => candidate.name === name);
      if (entry) return { ...entry, directory } as Found<Lists[K]>;
    }
    throw new Error(`${where} has no entry ${name} in ${kind}`);
  };
  const current = parsed.map(({ config }) => config["current-context"]).find(Boolean);
  if (!current) {
    throw new Error(`${where} has no current-context; choose one with kubectl config use-context`);
  }
  const { cluster, user, namespace } = find("contexts", current).fields;
  if (!cluster) throw new Error(`context ${current} of ${where} names no cluster`);
  return {
    cluster: find("clusters", cluster),
    user: user ? find("users", user) : undefined,
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
