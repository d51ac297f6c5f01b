// Puts the observations together to the facts of one decision. The own server is read before the peers:
// a transaction that both have can then never look like one that only the own server has.

import type { RestartRecord } from "../api/cluster.ts";
import { describeError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { unionGtidSets } from "../mysql/gtid.ts";
import {
  compareGtids,
  type DataFacts,
  readRecoveryLogin,
  subtractGtids,
} from "../mysql/queries.ts";
import { type Login, sqlErrno } from "../mysql/session.ts";
import type { Endpoint } from "../mysql/shell-request.ts";
import {
  addressOf,
  type Claim,
  type ClusterFacts,
  type DataRelation,
  type Facts,
  hasData,
  type History,
  type LocalView,
  type OutageFacts,
  type PeerView,
} from "./facts.ts";
import { evaluateGroup, type ExistingGroup } from "./group.ts";
import type { ClusterReader } from "./observe-cluster.ts";
import type { DiskObserver } from "./observe-disk.ts";
import type { LocalObserver } from "./observe-local.ts";
import { abandoned } from "./observe-restarts.ts";
import { type OpenSession, parseAddress, type PeerObserver } from "./observe-peers.ts";
import { addressOfOrdinal, type Identity, MAX_MEMBERS } from "./settings.ts";

export type ObserverOptions = {
  readonly identity: Identity;
  readonly multiPrimary: boolean;
  readonly local: LocalObserver;
  readonly peers: PeerObserver;
  readonly cluster: ClusterReader;
  readonly disk: Pick<DiskObserver, "look">;
  readonly open: OpenSession;
  readonly clock: Clock;
  readonly log: Logger;
};

const CLAIMS_EVERY_MS = 1_000;
const ACCOUNTS_EVERY_MS = 2_000;
const LOGIN_MS = 2_000;
const ACCESS_DENIED = 1045;

/** All that an agent can know. */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #self: Facts["self"];
  #accountsTried: { at: number; current: boolean } | undefined;
  #claimsRead: { at: number; claims: readonly Claim[] } | undefined;

  constructor(options: ObserverOptions) {
    this.#options = options;
    const { identity, multiPrimary } = options;
    this.#self = {
      pod: identity.podName,
      ordinal: identity.ordinal,
      address: addressOfOrdinal(identity, identity.ordinal),
      addresses: Array.from({ length: MAX_MEMBERS }, (_, n) => addressOfOrdinal(identity, n)),
      clusterName: identity.clusterName,
      namespace: identity.namespace,
      multiPrimary,
    };
  }

  /** Facts without asking anybody but the own server. */
  light(local: LocalView, history: History): Facts {
    const { clock, cluster, disk } = this.#options;
    return {
      disk: disk.look(),
      now: clock.monotonic(),
      self: this.#self,
      local,
      peers: [],
      cluster: cluster.facts,
      history,
    };
  }

  /** Everything a decision may need; `fresh`: every peer anew. @throws only if fresh, or to read the Cluster */
  async full(
    local: LocalView,
    history: History,
    how: { fresh: boolean; readCluster?: boolean; signal: AbortSignal },
  ): Promise<Facts> {
    const { cluster: reader, peers: observer } = this.#options;
    const cluster = how.readCluster === true ? await reader.read(how.signal) : reader.facts;
    const { self } = this.light(local, history);
    const addresses = this.#peerAddresses(local, cluster);
    const [own, ...peers] = await observer.look([self.address, ...addresses], how.fresh);
    const named = own?.reachable === true ? own.member.uuid : undefined;
    const relation = await this.#relation(local, peers, cluster?.restarts ?? []);
    const outage = cluster?.bootstrap.at === undefined
      ? undefined
      : await this.#outage(local, peers, cluster.restarts);
    const claims = await this.#claims(cluster, how);
    return { ...this.light(local, history), named, cluster, peers, relation, outage, claims };
  }

  // Everybody who may be in the group: by the spec, by the group's view, by the metadata.
  #peerAddresses(local: LocalView, cluster: ClusterFacts | undefined): string[] {
    const { identity } = this.#options;
    const addresses = new Set<string>();
    for (let ordinal = 0; ordinal < (cluster?.members ?? 0); ordinal++) {
      addresses.add(addressOfOrdinal(identity, ordinal));
    }
    if (local.server === "up") {
      for (const row of local.member.members) if (row.host !== "") addresses.add(addressOf(row));
      for (const { address } of local.data?.metadata?.instances ?? []) addresses.add(address);
    }
    addresses.delete(addressOfOrdinal(identity, identity.ordinal));
    return [...addresses].sort();
  }

  async #relation(
    local: LocalView,
    peers: readonly PeerView[],
    restarts: readonly RestartRecord[],
  ): Promise<DataRelation | undefined> {
    const session = this.#options.local.session;
    const group = evaluateGroup({ peers });
    if (local.server !== "up" || local.data === undefined || session === undefined) {
      return undefined;
    }
    if (group.type !== "group") return undefined;
    const { uuid } = local.member;
    const { executed, received } = local.data;
    const mine = unionGtidSets(executed, received);
    const theirs = unionGtidSets(
      ...group.online.flatMap(({ data }) => [data.executed, data.received]),
    );
    try {
      const gaps = await Promise.all(
        group.online.map(({ data }) => subtractGtids(session, data.purged, executed)),
      );
      return {
        errant: await abandoned(session, { uuid, mine, theirs }, restarts) ||
          await subtractGtids(session, mine, theirs),
        missing: await subtractGtids(session, theirs, mine),
        // One donor that has everything is enough: the server tries one after the other.
        purged: gaps.includes("") ? "" : gaps[0] ?? "",
        accountsCurrent: await this.#accountsCurrent(group),
      };
    } catch (error) {
      this.#options.log.debug("data not compared", { err: describeError(error) });
      return undefined;
    }
  }

  async #outage(
    local: LocalView,
    peers: readonly PeerView[],
    restarts: readonly RestartRecord[],
  ): Promise<OutageFacts | undefined> {
    const { identity, local: { session }, log } = this.#options;
    if (local.server !== "up" || local.data === undefined || session === undefined) {
      return undefined;
    }
    if (evaluateGroup({ peers }).type !== "none") return undefined;
    const holding = (address: string, uuid: string, data: DataFacts) =>
      hasData(data) ? [{ address, uuid, gtids: unionGtidSets(data.executed, data.received) }] : [];
    const holdings = [
      ...holding(addressOfOrdinal(identity, identity.ordinal), local.member.uuid, local.data),
      ...peers.flatMap((peer) =>
        peer.reachable ? holding(peer.address, peer.member.uuid, peer.data) : []
      ),
    ].toSorted((a, b) => a.address < b.address ? -1 : 1); // at most nine: as the ordinals are
    try {
      const sets = holdings.map(({ gtids }) => gtids);
      const theirs = unionGtidSets(...sets);
      const givenUp = await Promise.all(
        holdings.map(({ gtids: mine, uuid }) =>
          abandoned(session, { uuid, mine, theirs }, restarts)
        ),
      );
      const beyond = (await compareGtids(session, sets))
        .map((row, i) => row.map((own, j) => i === j ? own : givenUp[i] || own));
      return { holdings, beyond };
    } catch (error) {
      log.debug("members not compared", { err: describeError(error) });
      return undefined;
    }
  }

  // Both directions, as the servers themselves will log in: mine at the primary, the members' here.
  async #accountsCurrent(group: ExistingGroup): Promise<boolean> {
    const { clock, identity, local, peers } = this.#options;
    const known = this.#accountsTried;
    if (known !== undefined && clock.monotonic() - known.at < ACCOUNTS_EVERY_MS) {
      return known.current;
    }
    const members = group.online.map(({ address }) => peers.sessionOf(address));
    const ours = local.session && await readRecoveryLogin(local.session);
    const theirs = await Promise.all(
      members.map((session) => session && readRecoveryLogin(session)),
    );
    const logins = theirs.map((login): [Endpoint, Login | undefined] => [identity.local, login]);
    if (group.primary !== undefined) logins.push([parseAddress(group.primary), ours]);
    const refused = await Promise.all(
      logins.map(([server, login]) => this.#isRefused(server, login)),
    );
    const current = !refused.includes(true);
    this.#accountsTried = { at: clock.monotonic(), current };
    return current;
  }

  async #isRefused(server: Endpoint, login: Login | undefined): Promise<boolean> {
    if (login === undefined) return false;
    const { clock, open } = this.#options;
    const limits = { connectTimeoutMs: LOGIN_MS, queryTimeoutMs: LOGIN_MS };
    try {
      const session = await open({ server, login, ...limits, clock });
      session.close();
      return false;
    } catch (error) {
      return sqlErrno(error) === ACCESS_DENIED; // anything else says nothing about the password
    }
  }

  async #claims(
    cluster: ClusterFacts | undefined,
    how: { fresh: boolean; signal: AbortSignal },
  ): Promise<readonly Claim[] | undefined> {
    const { cluster: reader, identity, log } = this.#options;
    if (cluster === undefined || cluster.bootstrap.at !== undefined) return undefined;
    if (identity.ordinal !== 0) return undefined;
    const now = this.#options.clock.monotonic();
    const known = this.#claimsRead;
    if (!how.fresh && known !== undefined && now - known.at < CLAIMS_EVERY_MS) return known.claims;
    try {
      const claims = await reader.claims(cluster, how.signal);
      this.#claimsRead = { at: now, claims };
      return claims;
    } catch (error) {
      log.debug("claims not read", { err: describeError(error) });
      return undefined;
    }
  }
}
