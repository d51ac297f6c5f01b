// Pure: who may hold a Lease. Never compares another process's clock with ours: a holder is alive as long
// as its record keeps changing, by our own monotonic clock. A Lease is not a fence: its holder has to
// stop by itself before others may take over, so validity counts from before a renewal was sent.

import type { Lease } from "../kube/object.ts";

/** A Lease as last seen, and since when (our monotonic milliseconds) it has looked like that. */
export type LeaseView = { record: NonNullable<Lease["spec"]>; unchangedSince: number };

export type LeaseDecision =
  /** Ours already: renew. */
  | { type: "renew" }
  /** Free, given up or expired: take it. */
  | { type: "take"; from: string }
  /** Somebody else's for at least this long. */
  | { type: "wait"; holder: string; ms: number };

/** What we, being `identity`, may do with this Lease at `now` (monotonic milliseconds). */
export function decideLease(view: LeaseView, identity: string, now: number): LeaseDecision {
  const holder = view.record.holderIdentity ?? "";
  if (holder === identity) return { type: "renew" };
  if (holder === "") return { type: "take", from: "" };
  const leftMs = view.unchangedSince + (view.record.leaseDurationSeconds ?? 0) * 1000 - now;
  return leftMs > 0 ? { type: "wait", holder, ms: leftMs } : { type: "take", from: holder };
}

/** The view after reading a Lease: a record that looks the same has been so since before. */
export function observeLease(
  before: LeaseView | undefined,
  record: LeaseView["record"],
  now: number,
): LeaseView {
  const same = before !== undefined &&
    FIELDS.every((field) => before.record[field] === record[field]);
  return { record, unchangedSince: same ? before.unchangedSince : now };
}

const FIELDS = [
  "holderIdentity",
  "leaseDurationSeconds",
  "acquireTime",
  "renewTime",
  "leaseTransitions",
] as const;

/** The record to write when we renew or take. `time` is the wall clock as MicroTime, for people. */
export function renderHeld(
  record: LeaseView["record"],
  identity: string,
  { time, leaseDurationMs }: { time: string; leaseDurationMs: number },
): LeaseView["record"] {
  const ours = record.holderIdentity === identity;
  return {
    ...record,
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
    acquireTime: ours ? record.acquireTime ?? time : time,
    renewTime: time,
    leaseTransitions: (record.leaseTransitions ?? 0) + (ours ? 0 : 1),
  };
}

/** The record to write when we give it up: nobody has to wait. */
export function renderReleased(record: LeaseView["record"], time: string): LeaseView["record"] {
  return { ...record, holderIdentity: "", leaseDurationSeconds: 1, renewTime: time };
}
