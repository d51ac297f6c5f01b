// Which objects a Cluster needs: kind and name of each, in the order in which they are made. Pure.
//
// This one table drives what is watched, what is looked for, what may collide with somebody else's
// object, and what is made. The StatefulSet is last, because its Pods need all the others.

import type { ClusterSpec } from "../../api/cluster.ts";
import {
  agentRoleBindingName,
  agentRoleName,
  agentSecretName,
  agentServiceAccountName,
  configMapName,
  disruptionBudgetName,
  headlessServiceName,
  leaseName,
  primaryServiceName,
  replicasServiceName,
  rootPasswordSecretName,
  statefulSetName,
} from "../../api/names.ts";
import {
  configMaps,
  podDisruptionBudgets,
  roleBindings,
  roles,
  secrets,
  serviceAccounts,
  services,
  statefulSets,
} from "../../api/kinds.ts";
import { leases, type ResourceType } from "../../kube/resource.ts";
import type { KubeObject } from "../../kube/object.ts";

export type Needed = { readonly type: ResourceType<KubeObject>; readonly name: string };

/** The kinds of objects that we make and watch; Secrets are never watched, so never cached. */
export const WATCHED_KINDS: readonly ResourceType<KubeObject>[] = [
  serviceAccounts,
  roles,
  roleBindings,
  configMaps,
  services,
  podDisruptionBudgets,
  leases,
  statefulSets,
];

/** The resource type of an object that we make. */
export function typeOf(object: Pick<KubeObject, "kind">): ResourceType<KubeObject> {
  const type = [...WATCHED_KINDS, secrets].find(({ kind }) => kind === object.kind);
  if (type === undefined) throw new Error(`No Cluster needs a ${object.kind}`);
  return type;
}

/** `Service main`: how live and desired objects of one Cluster are matched. */
export function objectId(object: KubeObject): string {
  return idOf(object.kind, object.metadata.name);
}

export function idOf(kind: string, name: string): string {
  return `${kind} ${name}`;
}

/** Names of the Secrets whose passwords we generate. */
export function generatedSecrets(clusterName: string, spec: ClusterSpec): string[] {
  const agent = agentSecretName(clusterName);
  return spec.rootPasswordSecret === undefined
    ? [rootPasswordSecretName(clusterName, spec), agent]
    : [agent];
}

export function neededObjects(clusterName: string, spec: ClusterSpec): Needed[] {
  const n = clusterName;
  return [
    { type: serviceAccounts, name: agentServiceAccountName(n) },
    { type: roles, name: agentRoleName(n) },
    { type: roleBindings, name: agentRoleBindingName(n) },
    ...generatedSecrets(n, spec).map((name) => ({ type: secrets, name })),
    { type: configMaps, name: configMapName(n) },
    { type: services, name: headlessServiceName(n) },
    { type: services, name: primaryServiceName(n) },
    { type: services, name: replicasServiceName(n) },
    { type: podDisruptionBudgets, name: disruptionBudgetName(n) },
    { type: leases, name: leaseName(n) },
    { type: statefulSets, name: statefulSetName(n) },
  ];
}
