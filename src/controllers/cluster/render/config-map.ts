// The ConfigMap that tells the agents how to run their instance: one JSON document, cluster.json.
//
// It must not hold the number of members: scaling would change it, and with it what a starting Pod does.
// The agents read the number, and whether the Cluster is paused, from the Cluster itself.

import { configMapName, leaseName, primaryServiceName } from "../../../api/names.ts";
import { type ConfigMap, configMaps } from "../../../api/kinds.ts";
import { envelope, type RenderContext } from "./context.ts";

export const SETTINGS_KEY = "cluster.json";

export function renderConfigMap(context: RenderContext): ConfigMap {
  const text = JSON.stringify(agentSettings(context), null, 2);
  const name = configMapName(context.cluster.metadata.name);
  return {
    ...envelope(context, { type: configMaps, name }),
    data: { [SETTINGS_KEY]: `${text}\n` },
  };
}

/** What the agents are told; keys in a fixed order, the user's maps sorted. */
function agentSettings({ cluster, spec }: RenderContext): Record<string, unknown> {
  const { name, uid } = cluster.metadata;
  return {
    clusterName: name,
    clusterUid: uid,
    serverVersion: spec.version,
    baseServerId: spec.baseServerId,
    multiPrimary: spec.multiPrimary,
    groupReplication: sorted(spec.groupReplication),
    recovery: sorted(spec.recovery),
    ipAllowlist: spec.ipAllowlist ?? null,
    mysqld: sorted(spec.mysqld ?? {}),
    dataClaim: spec.volumeClaimTemplate?.metadata.name ?? null,
    primaryService: spec.multiPrimary ? null : primaryServiceName(name),
    leaseName: leaseName(name),
    tls: spec.sslSecret !== undefined,
  };
}

function sorted(map: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => a < b ? -1 : 1));
}
