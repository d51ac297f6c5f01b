// Pure: what a disk that takes no writes changes about a decision. A server with such a disk stays ONLINE, and PRIMARY,
// while every commit on it waits; so its agent says it, does nothing there that needs the disk, and takes a primary
// out of the group, so that another member is elected. What that server had not acknowledged by then, the group has
// or has not, as after a crash.

import { type AgentAction, isEffect, wait } from "./actions.ts";
import { type DiskTrouble, type Facts, isPrimary, stateOf } from "./facts.ts";

/**
 * Waits of which the disk is the likely cause; the others are graver. Diverged, too: when every disk is full, the
 * others may hold in memory what only this one has written, and no plan to discard that may be offered.
 */
const HINDERED: ReadonlySet<string> = new Set([
  "ServerDown",
  "ServerStarting",
  "IncompatibleServer",
  "Recovering",
  "ActionFailed",
  "Diverged",
]);
/** So long a primary may wait for its disk before another is elected; a frozen one is noticed no earlier. */
export const PATIENCE_MS = 15_000;

/** The decision as the disk allows it. */
export function besideDisk(action: AgentAction, facts: Facts): AgentAction {
  const { disk } = facts;
  const hindered = action.type === "steady" || isEffect(action) ||
    action.type === "wait" && HINDERED.has(action.reason);
  if (disk === undefined || !hindered) return action;
  if (action.type === "steady" && mustLeave(facts, disk)) return { type: "leave-group" };
  return waitForDisk(disk);
}

/** What is said as long as the disk is like that, whatever is done about it. */
export function waitForDisk(disk: DiskTrouble): Extract<AgentAction, { type: "wait" }> {
  return disk.type === "full"
    ? wait(
      "DiskFull",
      "the volume of the data has no room left: commits wait, and a server that ended cannot start. Give it " +
        "room: a larger spec.volumeClaimTemplate, or less data; the server goes on within a minute",
    )
    : wait(
      "DiskStalled",
      `the disk of the data takes no writes (${disk.detail}): commits wait until it does`,
    );
}

// Only one that another can replace, which has applied all that there was and whose own disk takes writes. When the
// disks of all are full nobody leaves: what was acknowledged last may be on this disk, and in the others' memory.
function mustLeave({ cluster, history, local, now, self }: Facts, disk: DiskTrouble): boolean {
  if (local.server !== "up" || self.multiPrimary || !isPrimary(local.member)) return false;
  const { members, uuid } = local.member;
  const replaceable = members.some((row) =>
    row.uuid !== uuid && row.state === "ONLINE" && row.queued === 0 &&
    !cluster?.stuck.includes(row.host.split(".")[0] ?? "")
  );
  return replaceable && now - disk.since >= PATIENCE_MS && now >= history.retryAt &&
    stateOf(local.member) === "ONLINE";
}
