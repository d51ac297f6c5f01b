// Pure: which role labels and which primary Service follow from one observation. Roles are written from a view with a
// majority only; whoever has none takes his own label away and touches nothing else.

import { podName } from "../api/names.ts";
import type { Role } from "../api/labels.ts";
import type { MemberFacts } from "../mysql/queries.ts";
import { isOnline, isPrimary, type LocalView, MAX_AGE_MS, primariesOf } from "./facts.ts";
import { type Identity, podOfMember } from "./settings.ts";

export type RolePlan = {
  /** Role label by Pod; null: none. Pods that are not in it are left alone. */
  readonly labels: ReadonlyMap<string, Role | null>;
  /** Set: the primary Service must select this Pod, unless a newer view has moved it on. */
  readonly primary?: { readonly pod: string; readonly viewId: string };
};

export type RoleInput = {
  readonly now: number;
  readonly local: LocalView;
  readonly identity: Identity;
  /** The creation of the group is recorded; before that nobody gets a role. */
  readonly recorded: boolean;
  /** spec.members, as far as it is known. */
  readonly members: number;
};

export function decideRoles(input: RoleInput): RolePlan {
  const { identity, local, now, recorded } = input;
  const none: RolePlan = { labels: new Map([[identity.podName, null]]) };
  if (local.server !== "up" || now - local.at > MAX_AGE_MS) return none;
  const { member } = local;
  if (!isOnline(member) || !recorded) return none;
  if (!isPrimary(member)) return { labels: new Map([[identity.podName, "secondary"]]) };
  // In multi-primary the first of them speaks for all.
  const first = primariesOf(member)[0];
  if (first?.uuid !== member.uuid) return { labels: new Map([[identity.podName, "primary"]]) };
  return {
    labels: rolesOfView(member, input),
    primary: { pod: identity.podName, viewId: member.viewId },
  };
}

function rolesOfView(member: MemberFacts, input: RoleInput): Map<string, Role | null> {
  const { identity, members } = input;
  const labels = new Map<string, Role | null>();
  for (let ordinal = 0; ordinal < members; ordinal++) {
    labels.set(podName(identity.clusterName, ordinal), null);
  }
  for (const row of member.members) {
    const pod = podOfMember(identity, row);
    if (pod === undefined) continue;
    const role = row.role === "PRIMARY" ? "primary" : "secondary";
    labels.set(pod, row.state === "ONLINE" ? role : null);
  }
  return labels;
}
