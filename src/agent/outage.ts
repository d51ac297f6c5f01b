// Pure: what a complete outage is, judged by everything that was seen with SQL: who holds what, who could be
// the seed, whose data nobody can see. Which set contains which a server has computed (facts.outage).
//
// Why a majority that holds everything is not enough: members acknowledge a transaction when they have it in
// memory. After a power cut it may be on the disk of one of them alone, and that may be the missing one.

import { podName } from "../api/names.ts";
import type { RecoveryPlan } from "../api/recovery-plan.ts";
import { countTransactions } from "../mysql/gtid.ts";
import type { DataFacts, MemberFacts, MetadataFacts } from "../mysql/queries.ts";
import { type ClusterFacts, type Facts, isRegistered, type OutageFacts, stateOf } from "./facts.ts";
import { sealPlan } from "./plan.ts";

type Server = { readonly address: string; readonly member: MemberFacts; readonly data: DataFacts };
type Holding = OutageFacts["holdings"][number];

export type Outage = {
  readonly holdings: readonly Holding[];
  readonly beyond: OutageFacts["beyond"];
  /** Index of the holding that would become the group's data; undefined: no server is this group's. */
  readonly seed: number | undefined;
  /** Whether the seed holds everything that anybody who answers holds. */
  readonly complete: boolean;
  /** Members whose data nobody can see. */
  readonly absent: readonly { readonly address: string; readonly why: "silent" | "replaced" }[];
  /** Servers that have not come to rest outside the group. */
  readonly unsettled: readonly string[];
};

/** The outage as this agent sees it; undefined while the servers' data has not been compared. */
export function judgeOutage(facts: Facts, cluster: ClusterFacts): Outage | undefined {
  const { outage } = facts;
  if (outage === undefined) return undefined;
  const servers = serversOf(facts);
  const candidates = outage.holdings.flatMap((holding, index) => {
    const server = servers.find(({ address }) => address === holding.address);
    return server !== undefined && isOfGroup(server, facts, cluster) ? [{ index, server }] : [];
  });
  const whole = candidates.find(({ index }) => outage.beyond.every((row) => row[index] === ""));
  const best = whole ??
    candidates.toSorted((a, b) =>
      lostBy(outage, a.index) - lostBy(outage, b.index) || a.index - b.index
    )[0];
  const copies = whole === undefined ? candidates : [whole];
  return {
    ...outage,
    seed: best?.index,
    complete: whole !== undefined,
    absent: absentMembers(facts, cluster, copies.map(({ server }) => server.data.metadata)),
    unsettled: servers.filter(({ member, data }) => !isSettled(member, data))
      .map(({ address, member }) => `${nameOf(facts, address)} (${stateOf(member)})`),
  };
}

/** The Pod behind an address; the address if it is none of the Cluster's. */
export function nameOf({ self }: Facts, address: string): string {
  const ordinal = self.addresses.indexOf(address);
  return ordinal < 0 ? address : podName(self.clusterName, ordinal);
}

/** What a person may approve: the seed's data becomes the group's. */
export function planRestart(facts: Facts, outage: Outage, cluster: ClusterFacts): RecoveryPlan {
  const { absent, beyond, holdings, seed = 0 } = outage;
  const present = holdings.map(({ address, gtids }, index) => {
    const own = beyond[index]?.[seed] ?? "";
    const name = nameOf(facts, address);
    if (index === seed) return { name, fate: "Seed" as const, gtids };
    if (own === "") return { name, fate: "Rejoin" as const, gtids };
    return { name, fate: "Diverges" as const, gtids, beyond: own };
  });
  const unseen = absent.map(({ address, why }) => {
    const name = nameOf(facts, address);
    const stopped = why === "replaced" || cluster.stopped.includes(name);
    return { name, fate: "Absent" as const, stopped };
  });
  return sealPlan({
    action: "RestartGroup",
    seed: nameOf(facts, holdings[seed]?.address ?? ""),
    members: [...present, ...unseen].toSorted((a, b) => a.name < b.name ? -1 : 1),
  });
}

function serversOf({ local, peers, self }: Facts): Server[] {
  const own = local.server === "up" && local.data !== undefined
    ? [{ address: self.address, member: local.member, data: local.data }]
    : [];
  return [...own, ...peers.filter((peer) => peer.reachable)];
}

function isSettled(member: MemberFacts, data: DataFacts): boolean {
  const state = stateOf(member);
  return (state === "OFFLINE" || state === "ERROR") && data.starting !== "atBoot";
}

// The metadata must name the Cluster, the recorded group, and the server itself.
function isOfGroup({ data, member }: Server, { self }: Facts, cluster: ClusterFacts): boolean {
  const { clusters = [] } = data.metadata ?? {};
  const recorded = cluster.bootstrap.groupName;
  return isRegistered(data.metadata, member.uuid) &&
    clusters.some(({ name, groupName }) =>
      name === self.clusterName && (recorded === undefined || recorded === groupName)
    );
}

/** How many transactions would not be in the group with this seed; the same one may count twice. */
function lostBy({ beyond }: OutageFacts, seed: number): number {
  return beyond.reduce((sum, row) => sum + countTransactions(row[seed] ?? ""), 0);
}

// Members by their server's uuid, not by their name: a name may lead to a new server with an empty volume.
function absentMembers(
  facts: Facts,
  cluster: ClusterFacts,
  copies: readonly (MetadataFacts | undefined)[],
): Outage["absent"] {
  const servers = serversOf(facts);
  const absent = new Map<string, "silent" | "replaced">();
  for (const { address, uuid } of copies.flatMap((copy) => copy?.instances ?? [])) {
    const found = servers.some((server) =>
      server.member.uuid === uuid && server.address === address
    );
    if (found) continue;
    const answers = servers.some((server) => server.address === address);
    absent.set(address, answers ? "replaced" : "silent");
  }
  // One that the metadata does not know may have been in the group: it joins before it is written down.
  for (const address of facts.self.addresses.slice(0, cluster.members)) {
    if (!servers.some((server) => server.address === address)) absent.set(address, "silent");
  }
  return [...absent].map(([address, why]) => ({ address, why }));
}
