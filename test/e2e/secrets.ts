// Looks for every secret of a namespace wherever one must never be: arguments and environments of
// all processes of the machine (which sees into every Pod), logs, Events, annotations, ConfigMaps.

import { readdirSync, readFileSync } from "node:fs";
import { kubectl, kubectlJson, run } from "./kubectl.ts";

type Item = {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  type?: string;
};

/** Places where a secret of `namespace` shows, as sentences without the secret itself. */
export async function findLeakedSecrets(namespace: string): Promise<string[]> {
  const secrets = await kubectlJson<{ items: Item[] }>(["-n", namespace, "get", "secrets"]);
  const values = secrets.items.flatMap((secret) =>
    Object.entries(secret.data ?? {}).map(([key, value]) => ({
      name: `${secret.metadata.name}/${key}`,
      plain: Buffer.from(value, "base64").toString("utf8"),
      encoded: value,
    }))
  ).filter(({ plain }) => plain.length >= 8);
  const places = [...processes(), ...await objects(namespace), ...await logs(namespace)];
  return places.flatMap(({ where, text }) =>
    values.filter(({ plain, encoded }) => text.includes(plain) || text.includes(encoded))
      .map(({ name }) => `${name} in ${where}`)
  );
}

type Place = { where: string; text: string };

function processes(): Place[] {
  const places: Place[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const file of ["cmdline", "environ"]) {
      try {
        const text = readFileSync(`/proc/${pid}/${file}`, "latin1");
        places.push({ where: `${file} of ${text.split("\0")[0]?.slice(0, 60)}`, text });
      } catch {
        // It ended meanwhile, and with it what it showed.
      }
    }
  }
  return places;
}

/** Everything in the namespace but the Secrets themselves, whole: also annotations and statuses. */
async function objects(namespace: string): Promise<Place[]> {
  const kinds =
    "configmaps,events,pods,services,statefulsets,mysqlclusters,leases,roles,rolebindings";
  const list = await kubectlJson<{ items: Item[] }>([
    "-n",
    namespace,
    "get",
    kinds,
    "--show-managed-fields",
  ]);
  return list.items.map((item) => ({
    where: `${item.kind} ${item.metadata.name}`,
    text: JSON.stringify(item),
  }));
}

async function logs(namespace: string): Promise<Place[]> {
  const pods = await kubectlJson<{ items: Item[] }>(["-n", namespace, "get", "pods"]);
  const places: Place[] = [];
  for (const { metadata } of pods.items) {
    for (const previous of [[], ["--previous"]]) {
      const argv = ["-n", namespace, "logs", metadata.name, "--all-containers", ...previous];
      const result = await run(["scripts/cluster.sh", "kubectl", ...argv]);
      places.push({ where: `the logs of ${metadata.name}`, text: result.stdout });
    }
  }
  const selector = "app.kubernetes.io/name=mysql-operator";
  const operator = await kubectl(["-n", "mysql-operator", "logs", "-l", selector, "--tail=-1"])
    .catch(() => "");
  return [...places, { where: "the operator's logs", text: operator }];
}
