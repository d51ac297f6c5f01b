// Gathers everything that one pass knows: from the stores, and by GET where no watch sees it, that is
// Secrets (never watched, so that no process holds them all), what the spec names, and any object that
// the stores lack, because one without our label may stand under the name that we need.
//
// Reads only. Values of Secrets do not leave this file: of a Secret only its metadata and keys are kept.

import { type Cluster, type ClusterSpec, parseClusterSpec } from "../../api/cluster.ts";
import { CLUSTER_LABEL } from "../../api/labels.ts";
import { PASSWORD_KEY, statefulSetName } from "../../api/names.ts";
import { isForbidden } from "../../kube/api-error.ts";
import type { KubeClient } from "../../kube/client.ts";
import {
  type ConfigMap,
  configMaps,
  type Node,
  nodes,
  type Pod,
  type Secret,
  secrets,
  statefulSets,
} from "../../api/kinds.ts";
import type { ResourceType } from "../../kube/resource.ts";
import type { Store } from "../../kube/store.ts";
import type { KubeObject } from "../../kube/object.ts";
import type { RecentWrites } from "../recent-writes.ts";
import { reportOf } from "./instances.ts";
import { idOf, type Needed, neededObjects } from "./needs.ts";
import type { ClusterSnapshot } from "./snapshot.ts";
import { leftBehind } from "./stopped.ts";

/** Read access to what is watched. */
export type ClusterStores = {
  readonly clusters: Store<Cluster>;
  readonly pods: Store<Pod>;
  readonly of: (type: ResourceType<KubeObject>) => Store<KubeObject>;
};

export type Observer = {
  readonly client: KubeClient;
  readonly stores: ClusterStores;
  readonly recent: RecentWrites;
};

/** Index of the Pod store: the Cluster's key. */
export const PODS_BY_CLUSTER = "cluster";

/** `namespace/name` of the Cluster whose label an object carries. */
export function labelledCluster({ metadata }: KubeObject): string[] {
  const name = metadata.labels?.[CLUSTER_LABEL];
  return name === undefined ? [] : [`${metadata.namespace}/${name}`];
}

export async function observeCluster(
  observer: Observer,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<ClusterSnapshot> {
  const parsed = parseClusterSpec(cluster.spec);
  const pods = observePods(observer.stores, cluster);
  const isLeaving = cluster.metadata.deletionTimestamp !== undefined;
  if (!parsed.ok || isLeaving) {
    return { cluster, parsed, live: new Map(), missingReferences: [], pods, nodes: new Map() };
  }
  const [live, missingReferences, nodes] = await Promise.all([
    observeLive(observer, cluster, { spec: parsed.spec, signal }),
    observeReferences(observer.client, cluster, { spec: parsed.spec, signal }),
    observeNodes(observer.client, pods, signal),
  ]);
  return { cluster, parsed, live, missingReferences, pods, nodes };
}

async function observeNodes(
  client: KubeClient,
  pods: readonly Pod[],
  signal: AbortSignal,
): Promise<Map<string, Node>> {
  const left = leftBehind(pods.map(reportOf));
  const names = pods.filter(({ metadata }) => left.has(metadata.name))
    .flatMap(({ spec }) => spec.nodeName ?? []);
  const found = await Promise.all(names.map(async (name) => {
    try {
      return await client.of(nodes).get({ name }, signal) ?? [];
    } catch (error) {
      if (isForbidden(error)) return []; // limited to namespaces: then nothing is proven
      throw error;
    }
  }));
  return new Map(found.flat().map((node) => [node.metadata.name, node]));
}

/** Pods with the label, without those that still run for a deleted Cluster of the same name. */
function observePods(stores: ClusterStores, { metadata: { namespace, name } }: Cluster): Pod[] {
  const statefulSet = stores.of(statefulSets).get(`${namespace}/${statefulSetName(name)}`);
  return stores.pods.byIndex(PODS_BY_CLUSTER, `${namespace}/${name}`).filter((pod) => {
    const controller = pod.metadata.ownerReferences?.find((reference) => reference.controller);
    return controller === undefined || controller.uid === statefulSet?.metadata.uid;
  });
}

type Reading = { readonly spec: ClusterSpec; readonly signal: AbortSignal };

async function observeLive(
  { client, stores, recent }: Observer,
  { metadata: { name, namespace } }: Cluster,
  { spec, signal }: Reading,
): Promise<Map<string, KubeObject>> {
  const read = async (needed: Needed): Promise<KubeObject | undefined> => {
    const ref = { name: needed.name, ...(namespace !== undefined && { namespace }) };
    if (needed.type.kind === secrets.kind) {
      const secret = await client.of(secrets).get(ref, signal);
      return secret && withoutValues(secret);
    }
    const stored = stores.of(needed.type).get(`${namespace}/${needed.name}`);
    return stored === undefined
      ? await client.of(needed.type).get(ref, signal)
      : recent.latest(stored);
  };
  const needed = neededObjects(name, spec);
  const found = await Promise.all(needed.map(read));
  return new Map(found.flatMap((object, index) => {
    const { type, name } = needed[index] as Needed;
    return object === undefined ? [] : [[idOf(type.kind, name), object]];
  }));
}

function withoutValues({ apiVersion, kind, metadata }: Secret): KubeObject {
  return { apiVersion, kind, metadata };
}

/** A Secret or ConfigMap that the spec names, and the keys that it must have. */
type Reference = {
  readonly field: string;
  readonly type: ResourceType<Secret> | ResourceType<ConfigMap>;
  readonly name: string;
  readonly keys: readonly string[];
};

function referencesOf(spec: ClusterSpec): Reference[] {
  const of = (
    field: "rootPasswordSecret" | "sslSecret" | "config",
    type: Reference["type"],
    keys: readonly string[],
  ) => {
    const name = spec[field]?.name;
    return name === undefined ? [] : [{ field: `spec.${field}`, type, name, keys }];
  };
  return [
    ...of("rootPasswordSecret", secrets, [PASSWORD_KEY]),
    ...of("sslSecret", secrets, ["ca.crt", "tls.crt", "tls.key"]),
    ...of("config", configMaps, ["my.cnf"]),
  ];
}

async function observeReferences(
  client: KubeClient,
  { metadata: { namespace } }: Cluster,
  { spec, signal }: Reading,
): Promise<string[]> {
  const sentences = referencesOf(spec).map(async ({ field, type, name, keys }) => {
    const ref = { name, ...(namespace !== undefined && { namespace }) };
    const object = await client.of(type as ResourceType<Secret | ConfigMap>).get(ref, signal);
    const what = `${type.kind} ${namespace}/${name}, which ${field} names,`;
    if (object === undefined) {
      return [`${what} does not exist: create it with ${keys.join(", ")}, or remove ${field}`];
    }
    const missing = keys.filter((key) => object.data?.[key] === undefined);
    return missing.length === 0 ? [] : [`${what} has no key ${missing.join(", ")}: add it`];
  });
  return (await Promise.all(sentences)).flat();
}
