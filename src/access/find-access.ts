// Where to look for the API server, in which order. Knows files and variables; what is in a kubeconfig is
// the business of kubeconfig.ts.

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseKubeconfig, type ServerAccess } from "./kubeconfig.ts";

const SERVICE_ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount";

export type Whereabouts = {
  kubeconfig?: string;
  env: Readonly<Record<string, string | undefined>>;
  serviceAccountDir?: string;
};

/**
 * Finds the API server: kubeconfig (explicit; must exist), else $KUBECONFIG, else the Pod's service
 * account, else ~/.kube/config.
 */
export async function findAccess(options: Whereabouts): Promise<ServerAccess> {
  const { env, kubeconfig } = options;
  if (kubeconfig) return await fromKubeconfigs([kubeconfig], { mustExist: true });
  if (env.KUBECONFIG) {
    const paths = env.KUBECONFIG.split(delimiter).filter(Boolean);
    return await fromKubeconfigs(paths, { mustExist: false });
  }
  if (env.KUBERNETES_SERVICE_HOST) return await inCluster(env, options.serviceAccountDir);
  return await fromKubeconfigs([join(homedir(), ".kube", "config")], { mustExist: true });
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
  env: Whereabouts["env"],
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
