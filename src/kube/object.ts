// The wire shapes that the client itself reads or writes. Objects from the server hold more than their type
// says; server-side apply sends only what we own, so nothing is lost by that. The kinds that we make and
// watch are vocabulary: src/api/kinds.ts.

export type Identity = { apiVersion: string; kind: string; name: string; uid: string };
export type OwnerReference = Identity & { controller?: boolean; blockOwnerDeletion?: boolean };

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
}

export type KubeObject = { apiVersion: string; kind: string; metadata: ObjectMeta };

/** What the server says about a request that failed (and about some deletions). */
export interface Status {
  kind?: "Status";
  code?: number;
  reason?: string;
  message?: string;
  details?: {
    name?: string;
    retryAfterSeconds?: number;
    causes?: { reason?: string; message?: string; field?: string }[];
  };
}

export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}
