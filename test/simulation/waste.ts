// What agents do for nothing: nothing is lost by it but time, and a copy of all data over the network.

import type { AgentRun } from "./agent-run.ts";
import type { Mysqld } from "./server.ts";
import { subtractSets } from "./transactions.ts";
import type { World } from "./world.ts";

/** As long as it may take until an agent has seen a change. */
const SEEN_MS = 1_500;
/** The same, if the look at another member has to wait for a silent one. */
const SILENT_MS = 5_500;
/** Logins are tried every two seconds. */
const LOGIN_MS = 4_000;
const OLD_PASSWORD = "its password is an old one";
const NO_MAJORITY = "there is no majority";
/** A server that was expelled comes back by itself in less. */
const REJOIN_MS = 25_000;
/** After a failure the same is not tried again before. */
const PAUSE_MS = 900;
/** So often a member's own data must have been of no use before it is replaced. */
const CLONE_AFTER = 3;
/** What was decided before an agent stood still is carried out at once. */
const GOES_ON_MS = 1_000;
/** A member that is steady reads the Cluster every 30 s. */
const PAUSED_MS = 35_000;
const HAMMERS_MS = 20_000;
const HAMMERS = 10;

export class Waste {
  readonly #world: World;
  /** Since when a START could not succeed, by what hinders it. */
  readonly #hindered = new Map<Mysqld, { why: string; since: number }>();
  /** Since when it has tried to come back by itself to a group that is there. */
  readonly #returning = new Map<Mysqld, number>();
  /** When each was last seen writable. */
  readonly #writableAt = new Map<Mysqld, number>();
  readonly #failed = new Map<string, number>();
  readonly #rejoins = new Map<string, number>();
  readonly #begun = new Map<string, number[]>();

  constructor(world: World) {
    this.#world = world;
  }

  step(): void {
    for (const server of this.#world.servers) {
      if (!server.superReadOnly) this.#writableAt.set(server, this.#now);
      const why = this.#hindrance(server);
      const known = this.#hindered.get(server);
      if (why === undefined) this.#hindered.delete(server);
      else if (known?.why !== why) this.#hindered.set(server, { why, since: this.#now });
      if (!this.#returns(server)) this.#returning.delete(server);
      else if (!this.#returning.has(server)) this.#returning.set(server, this.#now);
    }
    for (const { podUid, server } of this.#world.instances) {
      if (server.group.state === "ONLINE") this.#rejoins.delete(podUid);
    }
  }

  /** Whether its agent has had the time to see it read-only. */
  wasReadOnly(server: Mysqld): boolean {
    return this.#now - (this.#writableAt.get(server) ?? -Infinity) > SEEN_MS;
  }

  /** START GROUP_REPLICATION by the agent. */
  starts(server: Mysqld): void {
    this.#hammers(server.address);
    // Decided before it stood still.
    if (this.#now - (this.#agentOf(server)?.since ?? -Infinity) < GOES_ON_MS) return;
    if (server.group.state === "ERROR") this.#blame(`${server.address} starts in ERROR`);
    const { since = Infinity, why = "" } = this.#hindered.get(server) ?? {};
    const slow = this.#world.servers.some(({ slowMs }) => slowMs > 0);
    const seenMs = why === NO_MAJORITY ? slow ? 3 * SILENT_MS : SILENT_MS : SEEN_MS;
    if (
      this.#now - since < (why === OLD_PASSWORD ? LOGIN_MS : seenMs) ||
      this.#hindrance(server) !== why
    ) return;
    this.#blame(`${server.address} starts although ${why}`);
  }

  /** STOP GROUP_REPLICATION by the agent. */
  stops(server: Mysqld): void {
    const since = this.#returning.get(server) ?? -Infinity;
    if (this.#now - since > REJOIN_MS) return;
    this.#blame(`${server.address} is stopped while it comes back by itself`);
  }

  /** super_read_only is set by the agent. */
  fences(server: Mysqld): void {
    const { apiTrouble, idleSince = Infinity } = this.#world;
    // A person may want to look into it; the agent has read of that by then.
    if (this.#now - idleSince > PAUSED_MS && !apiTrouble) {
      this.#world.blame("acts while paused", `${server.address} is fenced`);
    }
    const agent = this.#agentOf(server);
    // Whoever acts without the API server knows nothing of the others; a slow server is looked at seldom.
    if (server.helper?.runs !== true || apiTrouble || server.slowMs > 0) return;
    const sawIt = agent?.neverStopped === true && this.#now - agent.since > SILENT_MS;
    if (!sawIt || !server.offlineMode) return;
    this.#blame(`${server.address} is fenced while MySQL Shell brings it back`);
  }

  /** MySQL Shell is run to change something, by a decision of that agent. */
  begins(pod: string, command: string): void {
    this.#hammers(pod);
    const failed = this.#failed.get(`${pod} ${command}`) ?? -Infinity;
    if (this.#now - failed >= PAUSE_MS) return;
    this.#blame(`${pod} tries ${command} again at once`);
  }

  fails(pod: string, command: string): void {
    this.#failed.set(`${pod} ${command}`, this.#now);
    if (command !== "cluster rejoin-instance") return;
    this.#rejoins.set(pod, (this.#rejoins.get(pod) ?? 0) + 1);
  }

  /** An agent that starts anew has no memory of failures. */
  forgets(pod: string): void {
    for (const key of this.#failed.keys()) {
      if (key.startsWith(`${pod} `)) this.#failed.delete(key);
    }
  }

  /** All data of a server is replaced although nothing on it is in the way. */
  clones(target: Mysqld): void {
    const { podUid = "" } = this.#world.instances.find(({ server }) => server === target) ?? {};
    if ((this.#rejoins.get(podUid) ?? 0) >= CLONE_AFTER) return;
    const donor = this.#donors(target).find(({ volume }) =>
      subtractSets(volume.purged, target.volume.executed.text) === ""
    );
    if (donor === undefined) return;
    this.#blame(
      `${target.address} is cloned, and ${donor.address} has all that it lacks in its logs`,
    );
  }

  #agentOf(server: Mysqld): AgentRun | undefined {
    return this.#world.instances.find((one) => one.server === server)?.agent;
  }

  get #now(): number {
    return this.#world.clock.monotonic();
  }

  #blame(what: string): void {
    this.#world.blame("for nothing", what);
  }

  // Failures are spaced out: 1 s, 2 s, 4 s and so on.
  #hammers(who: string): void {
    const lately = [...this.#begun.get(who) ?? [], this.#now]
      .filter((at) => this.#now - at < HAMMERS_MS);
    this.#begun.set(who, lately);
    if (lately.length > HAMMERS) this.#world.blame("hammers", who);
  }

  // Members that would help this server, as its agent can see them.
  #donors(server: Mysqld): Mysqld[] {
    const { at, groups, network, servers } = this.#world;
    return servers.filter((other) =>
      other !== server && other.group.state === "ONLINE" && groups.hasMajority(other) &&
      network.connects(server.place, other.place) &&
      at.call(this.#world, other.address) === other
    );
  }

  #returns(server: Mysqld): boolean {
    return server.group.rejoin !== undefined && this.#donors(server)
      .some(({ volume }) => volume.metadata?.knowsUuid(server.uuid) === true);
  }

  #minority({ place, volume }: Mysqld): string | undefined {
    const { groups, network, servers } = this.#world;
    const there = servers.filter((other) =>
      other.group.state === "ONLINE" && other.active && network.connects(place, other.place) &&
      other.group.view?.groupName === volume.groupName
    );
    const blocked = there.length > 0 && there.every((other) => !groups.seesMajority(other));
    return blocked ? NO_MAJORITY : undefined;
  }

  #hindrance(server: Mysqld): string | undefined {
    if (server.group.view !== undefined) return undefined;
    const members = this.#donors(server);
    if (members.length === 0) return this.#minority(server);
    const { volume } = server;
    if (members.every(({ group }) => group.view?.groupName !== volume.groupName)) {
      return "its group is another one";
    }
    const listed = members.every(({ group }) =>
      group.view?.members.some((member) =>
        member.server.uuid === server.uuid || member.server.address === server.address
      )
    );
    if (listed) return "the group has not let its old incarnation go";
    const lacks = members.every((other) =>
      subtractSets(other.volume.purged, volume.executed.text) !== ""
    );
    if (lacks) return "no member has what it lacks";
    const right = members.some((other) =>
      volume.credential === other.volume.passwords && other.volume.credential === volume.passwords
    );
    // Whether its own password is right only the primary can tell.
    const asked = members.some(({ group, uuid }) => group.view?.primary === uuid);
    return right || !asked ? undefined : OLD_PASSWORD;
  }
}
