// Pure: what the own server needs at once, without anybody's agreement. One rule: it serves clients only while it is
// ONLINE in the majority of a group whose creation is recorded, and takes writes only as a primary of it.

import type { MemberFacts } from "../mysql/queries.ts";
import { isOnline, isPrimary, ownRow, stateOf } from "./facts.ts";

export type Guard =
  /** offline_mode = ON: lets administrators in only, and ends the connections of everybody else. */
  | "enterOfflineMode"
  /** offline_mode = OFF. */
  | "leaveOfflineMode"
  /** super_read_only = ON. */
  | "fence"
  /** End client connections, so that their pools find the new primary. */
  | "endClients";

export type GuardInput = {
  /** The previous observation. */
  readonly before: MemberFacts | undefined;
  readonly member: MemberFacts;
  /** For how long every look has shown it outside the group and open to clients. */
  readonly openMs: number;
  /** MySQL Shell is at work on this server, or may be, and switches read-only itself. */
  readonly busy: boolean;
  /** The others may have gone on without it: they are asked, and none has answered yet. */
  readonly doubts: boolean;
  /** It is being taken out of the group. */
  readonly leaving: boolean;
  /** The group's creation is recorded; before that it may be taken back, with what clients wrote. */
  readonly recorded: boolean;
  /** A person looks after the Cluster, who may want to look into a server outside the group. */
  readonly paused: boolean;
};

/**
 * Entering offline_mode ends every session that is not an administrator's, and for that it takes the threads with which
 * Group Replication begins: START, or the automatic rejoin after an expulsion, then fails. They begin as soon as the
 * server is outside and open, and are safe after some 50 ms, or more of a busy machine. Until then clients are ended one by one.
 */
export const BEGUN_MS = 3_000;

export function decideGuards(input: GuardInput): readonly Guard[] {
  const { before, busy, doubts, leaving, member, openMs, paused, recorded } = input;
  const guards: Guard[] = [];
  const serves = isOnline(member) && !doubts;
  // Nothing else keeps a member closed that is one.
  if (serves && recorded && !leaving && member.offlineMode) guards.push("leaveOfflineMode");
  if (paused) return guards;
  const isOpen = isOpenOutside(member);
  // What is writable has not begun: that is the first thing to end.
  const settled = stateOf(member) === "ONLINE" || !member.superReadOnly || openMs >= BEGUN_MS;
  // First: unlike the fence it waits for no commit.
  if (isOpen && settled) guards.push("enterOfflineMode");
  const demoted = before?.uuid === member.uuid && isPrimary(before) && !isPrimary(member);
  if (demoted || (isOpen && !settled)) guards.push("endClients");
  const writable = !member.superReadOnly && !busy;
  if (writable && (isOutside(member) || isSettledSecondary(before, member))) guards.push("fence");
  return guards;
}

/** Whether it lets clients in where it must not. */
export function isOpenOutside(member: MemberFacts): boolean {
  return !isOnline(member) && !member.offlineMode;
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
