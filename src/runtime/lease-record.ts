// Pure: who may hold a Lease, and what its holder writes. Never compares another process's clock with
// ours: a holder is alive as long as its record keeps changing, by our own monotonic clock.

import type { Lease } from "../kube/object.ts";

export type LeaseRecord = NonNullable<Lease["spec"]>;

/** A Lease as last seen, and since when (our monotonic milliseconds) its record has looked like that. */
export type LeaseView = { readonly lease: Lease; readonly unchangedSince: number };

/** The view after reading a Lease: a record that looks the same has been so since before. */
export function observeLease(before: LeaseView | undefined, lease: Lease, now: number): LeaseView {
  const same = before && JSON.stringify(before.lease.spec) === JSON.stringify(lease.spec);
  return { lease, unchangedSince: same ? before.unchangedSince : now };
}

/** Whether `identity` may write itself into this Lease at `now`: ours, given up, or expired. */
export function mayHold(view: LeaseView, identity: string, now: number): boolean {
  const { holderIdentity = "", leaseDurationSeconds = 0 } = view.lease.spec ?? {};
  const free = holderIdentity === "" || holderIdentity === identity;
  return free || now >= view.unchangedSince + leaseDurationSeconds * 1000;
}

/** `time` is the wall clock as MicroTime, for people. */
export type Renewal = { identity: string; time: string; durationMs: number };

/** The record to write when we renew or take. */
export function renderHeld(record: LeaseRecord, renewal: Renewal): LeaseRecord {
  const { identity, time, durationMs } = renewal;
  const ours = record.holderIdentity === identity;
  return {
    ...record,
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    acquireTime: ours ? record.acquireTime ?? time : time,
    renewTime: time,
    leaseTransitions: ours ? record.leaseTransitions ?? 0 : (record.leaseTransitions ?? -1) + 1,
  };
}

/** The record to write when we give it up: nobody has to wait. */
export function renderReleased(record: LeaseRecord, time: string): LeaseRecord {
  return { ...record, holderIdentity: "", leaseDurationSeconds: 1, renewTime: time };
}
