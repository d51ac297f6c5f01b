// Pure: which role labels and which primary Service follow from one observation, and what the own server
// needs at once, without any agreement. Roles are written from a view with a majority only; whoever has
// none takes his own label away and touches nothing else.

import { podName } from "../api/names.ts";
import type { Role } from "../api/labels.ts";
import type { MemberFacts } from "../mysql/queries.ts";
import {
  isOnline,
  isPrimary,
  type LocalView,
  MAX_AGE_MS,
  ownRow,
  primariesOf,
  stateOf,
} from "./facts.ts";
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

/** What the agent does to its own server at once. */
export type Guard =
  /** super_read_only = ON: whoever is not the ONLINE primary must not be written to. */
  | "fence"
  /** offline_mode = OFF: the server went offline when it left, and is back. */
  | "leaveOfflineMode"
  /** End client connections, so that their pools find the new primary. */
  | "endClients";

/**
 * `before` is the previous observation; `busy`: an action is running, during which MySQL Shell switches
 * read-only itself.
 */
export function decideGuards(
  before: MemberFacts | undefined,
  member: MemberFacts,
  busy: boolean,
): readonly Guard[] {
  const guards: Guard[] = [];
  const demoted = before !== undefined && before.uuid === member.uuid && isPrimary(before) &&
    !isPrimary(member);
  if (demoted) guards.push("endClients");
  if (busy) return guards;
  if (!member.superReadOnly && (isOutside(member) || isSettledSecondary(before, member))) {
    guards.push("fence");
  }
  if (member.offlineMode && isOnline(member)) guards.push("leaveOfflineMode");
  return guards;
}

function isOutside(member: MemberFacts): boolean {
  const state = stateOf(member);
  return state === "OFFLINE" || state === "ERROR";
}

// An election switches read-only off on a member that this very look may still call secondary: fencing it
// would block every write. Only two looks that agree count.
function isSettledSecondary(before: MemberFacts | undefined, member: MemberFacts): boolean {
  const secondary = (facts: MemberFacts): boolean =>
    isOnline(facts) && ownRow(facts)?.role === "SECONDARY" && !facts.superReadOnly;
  return before !== undefined && before.viewId === member.viewId && secondary(before) &&
    secondary(member);
}
