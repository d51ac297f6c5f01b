// The vocabulary of the decisions: what an agent knows at one moment, and what follows from it at once.
// Pure. Everything observed has the time of its observation; `undefined` always means "not known", never
// "none". Times are monotonic milliseconds.

import type { ClusterSpec, RestartRecord } from "../api/cluster.ts";
import type { DataFacts, MemberFacts, MetadataFacts, ViewMember } from "../mysql/queries.ts";

/** The agent's own server. */
export type LocalView =
  | {
    readonly server: "down" | "starting" | "unusable";
    readonly at: number;
    readonly detail: string;
  }
  | {
    readonly server: "up";
    readonly at: number;
    readonly member: MemberFacts;
    /** Undefined while it is not needed: a member that is ONLINE and known to the metadata. */
    readonly data?: DataFacts | undefined;
  };

export type UpView = Extract<LocalView, { server: "up" }>;

/** Another member's server, asked by SQL. */
export type PeerView =
  | {
    readonly address: string;
    readonly at: number;
    readonly reachable: false;
    readonly detail: string;
  }
  | {
    readonly address: string;
    readonly at: number;
    readonly reachable: true;
    readonly member: MemberFacts;
    readonly data: DataFacts;
  };

export type ReachablePeer = Extract<PeerView, { reachable: true }>;

/** The Cluster object. */
export type ClusterFacts = {
  readonly at: number;
  readonly uid: string;
  readonly resourceVersion: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly members: number;
  readonly recovery: ClusterSpec["recovery"];
  /** Hash of the plan that a person approved, and of the last one that was carried out. */
  readonly approvedPlan?: string | undefined;
  readonly donePlan?: string | undefined;
  /** Restarts of the group that gave something up. */
  readonly restarts: readonly RestartRecord[];
  /** Pods whose mysqld is known to have ended, by what the operator saw. */
  readonly stopped: readonly string[];
  /** Pods that said, as the operator saw last, that their disks take no writes. */
  readonly stuck: readonly string[];
  readonly paused: boolean;
  readonly deleting: boolean;
  readonly bootstrap: {
    readonly instance?: string | undefined;
    readonly serverUuid?: string | undefined;
    readonly groupName?: string | undefined;
    /** Set: the group exists, whatever else is seen. */
    readonly at?: string | undefined;
  };
};

/** What this server's data is to the group's; each set as text, undefined when it could not be computed. */
export type DataRelation = {
  /** Mine and not the group's: errant transactions; also what a restart gave up, whoever has those GTIDs now. */
  readonly errant: string;
  /** The group's and not mine. */
  readonly missing: string;
  /** What I lack and some donor has already purged from its binary logs. */
  readonly purged: string;
  /** Whether the recovery accounts' passwords are right; if not, START would fail after a minute. */
  readonly accountsCurrent: boolean;
};

/** What the servers with data hold while none is in a group; compared by one of them. */
export type OutageFacts = {
  /** By ordinal; `gtids` is everything executed or received. */
  readonly holdings: readonly {
    readonly address: string;
    readonly uuid: string;
    readonly gtids: string;
  }[];
  /** `beyond[i][j]`: what holding i has and holding j has not. */
  readonly beyond: readonly (readonly string[])[];
};

/** What failed lately; forgotten when the member is ONLINE. */
export type History = {
  readonly failures: Readonly<Partial<Record<string, number>>>;
  readonly retryAt: number;
  readonly lastFailure: string;
  /** Since when the server has been trying to come back by itself. */
  readonly autoRejoinSince?: number | undefined;
};

/** What keeps the disk of the data from taking writes, and since when. */
export type DiskTrouble = {
  readonly type: "full" | "stalled";
  readonly since: number;
  readonly detail: string;
};

/** Another ordinal whose volume may hold data although nobody can look into it. */
export type Claim = { readonly address: string; readonly mayHoldData: boolean };

export type Facts = {
  readonly now: number;
  readonly self: {
    readonly pod: string;
    readonly ordinal: number;
    readonly address: string;
    /** Of every ordinal that there may be. */
    readonly addresses: readonly string[];
    readonly clusterName: string;
    readonly namespace: string;
    readonly multiPrimary: boolean;
  };
  readonly local: LocalView;
  /** server_uuid of whoever answers at this instance's address; undefined: nobody, or not asked. */
  readonly named?: string | undefined;
  /** Empty until they were needed. */
  readonly peers: readonly PeerView[];
  /** Undefined: the API server could not be asked, or not yet. */
  readonly cluster?: ClusterFacts | undefined;
  readonly relation?: DataRelation | undefined;
  /** Undefined unless the group was created and nobody who answers is in it. */
  readonly outage?: OutageFacts | undefined;
  /** Undefined until needed, for the creation of the group. */
  readonly claims?: readonly Claim[] | undefined;
  /** Undefined: the disk takes writes, as far as is known. */
  readonly disk?: DiskTrouble | undefined;
  readonly history: History;
};

/** Oldest observation that anything is decided on or a probe answered 200 by. */
export const MAX_AGE_MS = 5_000;

export const NO_HISTORY: History = { failures: {}, retryAt: 0, lastFailure: "" };

/** The row of a server in its own view; its state is OFFLINE when it is in no group. */
export function ownRow(member: MemberFacts): ViewMember | undefined {
  return member.members.find((row) => row.uuid === member.uuid);
}

export function stateOf(member: MemberFacts): string {
  return ownRow(member)?.state ?? "OFFLINE";
}

export function addressOf(row: ViewMember): string {
  return `${row.host}:${row.port}`;
}

/** Whether a server sees the majority of its group, as the AdminAPI computes it, and that has not gone on without it. */
export function hasQuorum(member: MemberFacts): boolean {
  if (member.expelledIn !== undefined) return false;
  const counted = member.members.filter((row) => row.uuid === member.uuid || row.state !== "ERROR");
  const reachable = counted.filter(({ state }) => state === "ONLINE" || state === "RECOVERING");
  return reachable.length > counted.length / 2;
}

export function isOnline(member: MemberFacts): boolean {
  return stateOf(member) === "ONLINE" && hasQuorum(member);
}

/** Whether the server is ONLINE in the majority and the, or a, primary. */
export function isPrimary(member: MemberFacts): boolean {
  return isOnline(member) && ownRow(member)?.role === "PRIMARY";
}

/**
 * Whether what another member says proves that the majority went on without this one: it is in the majority of a later view
 * of the same group, which does not have this server. A server that comes back gets a view that is later still.
 */
export function wentOnWithout(member: MemberFacts, other: MemberFacts): boolean {
  return isOnline(other) && isOlderView(member.viewId, other.viewId) &&
    !hasRow(other, member.uuid);
}

/** Whether a server is a member in another one's view. */
export function hasRow({ members }: MemberFacts, uuid: string): boolean {
  return members.some((row) => row.uuid === uuid);
}

/** ONLINE primaries of a view, in the order of their hosts. */
export function primariesOf(member: MemberFacts): readonly ViewMember[] {
  return member.members.filter((row) => row.role === "PRIMARY" && row.state === "ONLINE");
}

/** Whether the group's metadata knows this server. */
export function isRegistered(metadata: MetadataFacts | undefined, uuid: string): boolean {
  return metadata?.instances.some((row) => row.uuid === uuid) === true;
}

/** Whether a server ever held anything but its own system tables. */
export function hasData(data: DataFacts): boolean {
  return data.executed !== "" || data.userSchemas > 0 || data.metadata !== undefined;
}

/** `created:changes` of a group; only the second grows for certain. Undefined outside a group. */
export function parseViewId(viewId: string): readonly [bigint, bigint] | undefined {
  const match = /^(\d+):(\d+)$/.exec(viewId);
  return match === null ? undefined : [BigInt(match[1] ?? 0), BigInt(match[2] ?? 0)];
}

/**
 * Whether view `a` is certainly older than `b`. Views of a group that was started again are not compared: the
 * first number is the wall clock of the server that started it, which may be wrong by hours.
 */
export function isOlderView(a: string, b: string): boolean {
  const [left, right] = [parseViewId(a), parseViewId(b)];
  if (left === undefined || right === undefined) return false;
  return left[0] === right[0] && left[1] < right[1];
}
