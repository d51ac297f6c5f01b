// Builders of facts for the decision tables: a healthy group of three by default, each row says only what
// is different. They refuse nothing and decide nothing.

import type { ClusterFacts, Facts, LocalView, PeerView } from "../../../src/agent/facts.ts";
import { NO_HISTORY } from "../../../src/agent/facts.ts";
import type { Identity } from "../../../src/agent/settings.ts";
import type { DataFacts, MemberFacts, ViewMember } from "../../../src/mysql/queries.ts";

export const NOW = 1_000_000;
export const GROUP = "aaaaaaaa-0000-0000-0000-000000000000";
const SOURCE = "bbbbbbbb-0000-0000-0000-000000000000";
export const DATA = `${SOURCE}:1-10`;

export const uuidOf = (ordinal: number): string => `00000000-0000-0000-0000-00000000000${ordinal}`;
export const hostOf = (ordinal: number): string => `main-${ordinal}.main.db.svc.cluster.local`;
export const addressOfOrdinal = (ordinal: number): string => `${hostOf(ordinal)}:3306`;

export const identity = (ordinal: number): Identity => ({
  clusterName: "main",
  namespace: "db",
  podName: `main-${ordinal}`,
  podUid: `uid-${ordinal}`,
  ordinal,
  local: { host: "127.0.0.1", port: 3306 },
  endpointOf: (ordinal) => ({ host: hostOf(ordinal), port: 3306 }),
});

export function row(ordinal: number, changes: Partial<ViewMember> = {}): ViewMember {
  return {
    uuid: uuidOf(ordinal),
    host: hostOf(ordinal),
    port: 3306,
    state: "ONLINE",
    role: ordinal === 0 ? "PRIMARY" : "SECONDARY",
    queued: 0,
    ...changes,
  };
}

export const THREE: readonly ViewMember[] = [row(0), row(1), row(2)];

/** What the server of an ordinal says: in a group of three unless changed. */
export function member(ordinal: number, changes: Partial<MemberFacts> = {}): MemberFacts {
  return {
    uuid: uuidOf(ordinal),
    version: "9.7.4",
    serverId: 1000 + ordinal,
    superReadOnly: ordinal !== 0,
    offlineMode: false,
    viewId: "17954600589357117:5",
    members: THREE,
    ...changes,
  };
}

/** A server that is in no group. */
export function outside(ordinal: number, state = "OFFLINE"): MemberFacts {
  const members = [row(ordinal, { state, role: "" })];
  return member(ordinal, { members, viewId: "", superReadOnly: true });
}

export function data(changes: Partial<DataFacts> = {}): DataFacts {
  return {
    executed: DATA,
    purged: "",
    received: "",
    groupName: GROUP,
    starting: "no",
    userSchemas: 1,
    conflict: "",
    creating: false,
    metadata: metadata(0, 1, 2),
    ...changes,
  };
}

export const EMPTY: DataFacts = data({
  executed: "",
  groupName: "",
  userSchemas: 0,
  metadata: undefined,
});

export function metadata(...ordinals: number[]): NonNullable<DataFacts["metadata"]> {
  return {
    clusters: [{ name: "main", groupName: GROUP }],
    instances: ordinals.map((n) => ({ uuid: uuidOf(n), address: addressOfOrdinal(n) })),
  };
}

export function up(member: MemberFacts, facts: DataFacts | undefined = data()): LocalView {
  return { server: "up", at: NOW, member, data: facts };
}

export function peer(
  ordinal: number,
  changes: { member?: MemberFacts; data?: DataFacts } = {},
): PeerView {
  return {
    address: addressOfOrdinal(ordinal),
    at: NOW,
    reachable: true,
    member: changes.member ?? member(ordinal),
    data: changes.data ?? data(),
  };
}

export function silent(ordinal: number): PeerView {
  return { address: addressOfOrdinal(ordinal), at: NOW, reachable: false, detail: "refused" };
}

export function cluster(changes: Partial<ClusterFacts> = {}): ClusterFacts {
  return {
    at: NOW,
    uid: "cluster-uid",
    resourceVersion: "1",
    createdAt: "2026-01-01T00:00:00Z",
    members: 3,
    recovery: { completeOutage: "Automatic", diverged: "Report" },
    restarts: [],
    stopped: [],
    stuck: [],
    paused: false,
    deleting: false,
    bootstrap: {
      instance: "main-0",
      serverUuid: uuidOf(0),
      groupName: GROUP,
      at: "2026-01-01T00:00:09Z",
    },
    ...changes,
  };
}

export const UNBORN: ClusterFacts = cluster({ bootstrap: {} });

export const SAME = { errant: "", missing: "", purged: "", accountsCurrent: true };

/** Facts of the agent of an ordinal; in a healthy group unless changed. */
export function facts(ordinal: number, changes: Partial<Facts> = {}): Facts {
  return {
    now: NOW,
    self: {
      pod: `main-${ordinal}`,
      ordinal,
      address: addressOfOrdinal(ordinal),
      addresses: [0, 1, 2, 3, 4, 5, 6, 7, 8].map(addressOfOrdinal),
      clusterName: "main",
      namespace: "db",
      multiPrimary: false,
    },
    local: up(member(ordinal)),
    peers: [0, 1, 2].filter((n) => n !== ordinal).map((n) => peer(n)),
    cluster: cluster(),
    relation: SAME,
    claims: [],
    history: NO_HISTORY,
    ...changes,
  };
}
