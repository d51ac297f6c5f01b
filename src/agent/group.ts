// Pure: which group there is, judged by everything that was seen with SQL. A group is one only if a
// reachable member is ONLINE in it and sees its majority; two of them that cannot be one are a split brain.

import type { MetadataFacts, ViewMember } from "../mysql/queries.ts";
import {
  addressOf,
  type Facts,
  hasQuorum,
  isOlderView,
  type ReachablePeer,
  stateOf,
} from "./facts.ts";

export type Group =
  | { readonly type: "none" }
  | { readonly type: "split"; readonly message: string }
  | {
    readonly type: "group";
    readonly groupName: string;
    /** The newest view. */
    readonly view: readonly ViewMember[];
    /** Address of the (first) ONLINE primary. */
    readonly primary: string | undefined;
    /** Members that answered and are ONLINE in it. */
    readonly online: readonly ReachablePeer[];
    /** The primary's copy, else that of another ONLINE member. */
    readonly metadata: MetadataFacts | undefined;
  };

export type ExistingGroup = Extract<Group, { type: "group" }>;

/** The group as the peers see it. The agent's own server is not asked: it is the one in question. */
export function evaluateGroup(facts: Pick<Facts, "peers">): Group {
  const online = facts.peers.filter((peer): peer is ReachablePeer =>
    peer.reachable && stateOf(peer.member) === "ONLINE" && hasQuorum(peer.member)
  );
  const newest = online.reduce<ReachablePeer | undefined>(
    (best, peer) =>
      best === undefined || isOlderView(best.member.viewId, peer.member.viewId) ? peer : best,
    undefined,
  );
  if (newest === undefined) return { type: "none" };
  const other = online.find((peer) => !sameGroup(newest, peer));
  if (other !== undefined) return { type: "split", message: describeSplit(newest, other) };
  const view = newest.member.members;
  const primary = view.find((row) => row.role === "PRIMARY" && row.state === "ONLINE");
  const address = primary === undefined ? undefined : addressOf(primary);
  const source = online.find((peer) => peer.address === address) ?? newest;
  return {
    type: "group",
    groupName: newest.data.groupName,
    view,
    primary: address,
    online,
    metadata: source.data.metadata,
  };
}

// Two majorities of one membership always share a member; an older view of the same group does too.
function sameGroup(a: ReachablePeer, b: ReachablePeer): boolean {
  if (a.data.groupName !== b.data.groupName) return false;
  return a.member.members.some((row) => b.member.members.some(({ uuid }) => uuid === row.uuid));
}

function describeSplit(a: ReachablePeer, b: ReachablePeer): string {
  const group = (peer: ReachablePeer): string =>
    `group ${peer.data.groupName} of ${peer.member.members.map(addressOf).join(", ")}`;
  return `two groups have a majority each: ${group(a)}; and ${group(b)}. Nothing is changed. ` +
    "Decide which one is right, and stop the servers of the other";
}
