// What the members of a group agree on: views by a majority of the one before, transactions in the order
// of a view's log, and who is the primary. The times are those that were measured with expelTimeout 0.

import type { Chance } from "../model/chance.ts";
import type { VirtualClock } from "./clock.ts";
import type { Network } from "./network.ts";
import type { Mysqld } from "./server.ts";
import type { Transaction } from "./transactions.ts";
import { View, type ViewMember, type Waiting } from "./view.ts";

export const SUSPECT_MS = 5_000;

export type GroupWorld = {
  readonly clock: VirtualClock;
  readonly network: Network;
  readonly chance: Chance;
  /** All that exist, also on machines that come back later. */
  readonly servers: () => readonly Mysqld[];
  /** The server to which an address leads now. */
  readonly at: (address: string) => Mysqld | undefined;
  readonly note: (what: string) => void;
  /** What the clock on the wall of a machine says. */
  readonly wallAt: (place: string) => number;
};

export class Agreement {
  protected readonly world: GroupWorld;

  constructor(world: GroupWorld) {
    this.world = world;
  }

  /** Members of its view that a server reaches, with itself. */
  reachable(server: Mysqld): Mysqld[] {
    const { view } = server.group;
    return view?.holders.filter((other) => this.connects(server, other)) ?? [];
  }

  /** Whether it could commit now. */
  hasMajority(server: Mysqld): boolean {
    const { view } = server.group;
    return server.active && view !== undefined && view.next === undefined &&
      view.isMajority(this.reachable(server).length);
  }

  /** Whether a server believes that it has its majority. */
  seesMajority(server: Mysqld): boolean {
    const { view } = server.group;
    const seen = view?.members.filter((member) => this.stateOf(server, member) !== "UNREACHABLE");
    return view?.isMajority(seen?.length ?? 0) === true;
  }

  /** Those in the majority of a later view that a server is not in, and perhaps does not know of; found by their names. */
  wentOnWithout(server: Mysqld): readonly Mysqld[] {
    const { view } = server.group;
    const next = view?.next;
    if (!server.active || next === undefined || next.memberOf(server)?.server === server) return [];
    return this.world.servers().filter((other) =>
      other.active && other.group.state === "ONLINE" && other.group.view !== view &&
      other.group.view?.bootstrap === next.bootstrap && this.seesMajority(other) &&
      this.world.at(other.address) === other
    );
  }

  /** The server that accepts writes now; several only if there are several groups. */
  writers(): Mysqld[] {
    return this.world.servers().filter((server) =>
      server.group.state === "ONLINE" && server.group.view?.primary === server.uuid &&
      !server.superReadOnly && this.hasMajority(server)
    );
  }

  /** How `server` sees a member of its view. */
  stateOf(server: Mysqld, member: ViewMember): string {
    if (member.server.uuid === server.uuid) return server.group.state;
    const since = server.group.silentSince.get(member.server.uuid);
    return since !== undefined && this.now - since >= SUSPECT_MS ? "UNREACHABLE" : member.state;
  }

  /** A write on a server: of the group, or if it is in none and writable, its own. */
  submit(server: Mysqld, waiting: Waiting): void {
    if (server.group.view === undefined) {
      const { uuid: source, volume } = server;
      const own = { source, number: volume.executed.last(source) + 1, effect: waiting.effect };
      volume.execute(own);
      return waiting.done(own);
    }
    server.group.waiting.push(waiting);
    this.commit(server);
  }

  /** What a dying primary had sent may be decided without it. */
  dies(server: Mysqld): void {
    const { view, waiting } = server.group;
    if (view?.primary !== server.uuid || !this.hasMajority(server)) return;
    for (const { effect } of waiting) {
      if (this.world.chance.is(0.5)) this.decide(server, effect);
    }
  }

  protected get now(): number {
    return this.world.clock.monotonic();
  }

  protected connects(a: Mysqld, b: Mysqld): boolean {
    return b.active && this.world.network.connects(a.place, b.place);
  }

  protected deliver(server: Mysqld, log: readonly Transaction[], until: number): void {
    const { group } = server;
    for (; group.delivered < until; group.delivered++) {
      const transaction = log[group.delivered];
      if (transaction !== undefined) group.memory.push(transaction);
    }
  }

  protected apply(server: Mysqld): void {
    if (server.diskStalled) return;
    if (server.applierLagMs > 0) {
      server.applierLagMs -= 500;
      if (this.world.chance.is(0.5)) server.receiveAll();
      return;
    }
    if (server.group.state === "ONLINE") server.applyAll();
  }

  protected commit(server: Mysqld): void {
    const { group } = server;
    if (group.state !== "ONLINE" || group.view?.primary !== server.uuid) return;
    while (group.waiting.length > 0 && this.hasMajority(server)) {
      const waiting = group.waiting.shift();
      if (waiting === undefined) return;
      const transaction = this.decide(server, waiting.effect);
      server.volume.execute(transaction);
      server.volume.relay.add(transaction);
      waiting.done(transaction);
    }
  }

  protected decide(server: Mysqld, effect: Waiting["effect"]): Transaction {
    const { view } = server.group;
    if (view === undefined) throw new Error("decided outside a group");
    // Each number of a log is higher than the one before.
    const number = Math.max(server.last(view.groupName), view.log.at(-1)?.number ?? 0) + 1;
    const transaction = { source: view.groupName, number, effect };
    view.log.push(transaction);
    for (const other of this.reachable(server)) {
      if (other !== server) this.deliver(other, view.log, view.log.length);
      else other.group.delivered = view.log.length;
      if (this.world.chance.is(0.7) && other !== server) this.apply(other);
    }
    return transaction;
  }

  protected elect(server: Mysqld): void {
    const { view } = server.group;
    if (view === undefined || view.primary !== undefined) return;
    view.primary = elected(view.members);
    for (const other of view.holders) if (other.uuid === view.primary) this.promote(other);
  }

  protected promote(server: Mysqld): void {
    server.applyAll();
    server.group.halfPromoted = server.superReadOnly && this.world.chance.is(0.5);
    server.superReadOnly = false;
  }

  // Agrees on another view, with those that `by` reaches; undefined when they are no majority.
  protected change(by: Mysqld, members: readonly ViewMember[], primary?: string): View | undefined {
    const { view } = by.group;
    if (view === undefined || !this.hasMajority(by)) return undefined;
    const kept = members.some(({ server }) => server.uuid === view.primary)
      ? view.primary
      : undefined;
    const next = new View({
      groupName: view.groupName,
      bootstrap: view.bootstrap,
      created: view.created,
      // A hand-over is no change of the membership, and only that makes a new id.
      changes: view.changes + (primary === undefined ? 1 : 0),
      members: members.map((member) => ({ ...member })).toSorted(byUuid),
      primary: primary ?? kept ?? elected(members),
    });
    const there = this.reachable(by);
    view.next = next;
    for (const server of there) {
      if (next.memberOf(server)?.server === server) this.install(next, server);
    }
    return next;
  }

  protected install(view: View, server: Mysqld): void {
    const { group } = server;
    if (group.view !== undefined) this.deliver(server, group.view.log, group.view.log.length);
    const wasPrimary = group.view?.primary === server.uuid;
    group.view = view;
    group.delivered = 0;
    group.withoutMajoritySince = undefined;
    for (const uuid of group.silentSince.keys()) {
      if (!view.members.some((member) => member.server.uuid === uuid)) {
        group.silentSince.delete(uuid);
      }
    }
    const isPrimary = view.primary === server.uuid && group.state === "ONLINE";
    // Only who becomes it is made writable; nobody looks again whether it still is.
    if (isPrimary && !wasPrimary) return this.promote(server);
    if (isPrimary || !wasPrimary) return;
    server.superReadOnly = true;
    for (const { done } of group.waiting) done("failed");
    group.waiting = [];
  }
}

function byUuid(a: ViewMember, b: ViewMember): number {
  return a.server.uuid < b.server.uuid ? -1 : 1;
}

function elected(members: readonly ViewMember[]): string | undefined {
  return members.filter(({ state }) => state === "ONLINE").toSorted(byUuid)[0]?.server.uuid;
}
