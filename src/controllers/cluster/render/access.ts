// The identity of the agents and what they may do: ServiceAccount, Role and RoleBinding.
//
// Every right is on a named object, so that an agent of one Cluster can touch nothing of another in the
// same namespace; only Events cannot be limited by name. No right on Secrets: the kubelet mounts them.
// Why this matters: an agent stands beside a database that is open to its users; what it may do is what
// someone who breaks out of mysqld may do.

import { clusters, GROUP } from "../../../api/group.ts";
import {
  agentRoleBindingName,
  agentRoleName,
  agentServiceAccountName,
  dataClaimName,
  leaseName,
  podName,
  primaryServiceName,
} from "../../../api/names.ts";
import {
  type Role,
  type RoleBinding,
  roleBindings,
  roles,
  type ServiceAccount,
  serviceAccounts,
} from "../../../api/kinds.ts";
import type { KubeObject } from "../../../kube/object.ts";
import { envelope, type RenderContext } from "./context.ts";

type Rule = Role["rules"][number];

export function renderServiceAccount(context: RenderContext): ServiceAccount {
  const name = agentServiceAccountName(context.cluster.metadata.name);
  // The token is mounted explicitly into the one container that needs it (volumes.ts).
  return {
    ...envelope(context, { type: serviceAccounts, name }),
    automountServiceAccountToken: false,
  };
}

export function renderRole(context: RenderContext): Role {
  const { cluster, spec, members } = context;
  const name = cluster.metadata.name;
  const podNames = Array.from({ length: members }, (_, ordinal) => podName(name, ordinal));
  const template = spec.volumeClaimTemplate;
  const rules: Rule[] = [
    named([GROUP, clusters.plural, [name]], ["get"]),
    named([GROUP, `${clusters.plural}/status`, [name]], ["patch"]),
    named(["", "pods", podNames], ["get", "patch"]),
    named(["coordination.k8s.io", "leases", [leaseName(name)]], ["get", "update"]),
    { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
  ];
  if (!spec.multiPrimary) {
    rules.push(named(["", "services", [primaryServiceName(name)]], ["get", "patch"]));
  }
  if (template !== undefined) {
    const claims = podNames.map((pod) => dataClaimName(template.metadata.name, pod));
    rules.push(named(["", "persistentvolumeclaims", claims], ["get"]));
  }
  return { ...envelope(context, { type: roles, name: agentRoleName(name) }), rules };
}

export function renderRoleBinding(context: RenderContext): RoleBinding {
  const { name, namespace } = context.cluster.metadata;
  const subject = { kind: "ServiceAccount", name: agentServiceAccountName(name) };
  return {
    ...envelope(context, { type: roleBindings, name: agentRoleBindingName(name) }),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: agentRoleName(name) },
    subjects: [namespace === undefined ? subject : { ...subject, namespace }],
  };
}

function named(
  [group, resource, resourceNames]: readonly [string, string, string[]],
  verbs: string[],
): Rule {
  return { apiGroups: [group], resources: [resource], resourceNames, verbs };
}

/** In the order in which they must exist. */
export function renderAccess(context: RenderContext): KubeObject[] {
  return [renderServiceAccount(context), renderRole(context), renderRoleBinding(context)];
}
