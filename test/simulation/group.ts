// Group Replication as a whole: views, suspicion and expulsion, elections, joins, recovery, commits. The
// times are those that were measured with expelTimeout 0 and unreachableMajorityTimeout 10.

import { Agreement, SUSPECT_MS } from "./agreement.ts";
import { Membership, type Mysqld } from "./server.ts";
import { subtractSets, TransactionLog } from "./transactions.ts";
import { View, type ViewMember } from "./view.ts";

const EXPEL_MS = 6_200;
/** Nobody tells whom the others have expelled: it finds out once it is answered no more. */
const NOTICE_MS = 3_000;
const NOTICE_SPREAD_MS = 2_500;
const MAJORITY_TIMEOUT_MS = 10_000;
const RECOVERY_GIVES_UP_MS = 600_000;
const REJOIN_TRIES = 3;
export const WRONG_PASSWORDS = "the recovery accounts' passwords are not right";
const REJOIN_EVERY_MS = 300_000;

export class Groups extends Agreement {
  bootstraps = 0;

  /** START GROUP_REPLICATION with group_replication_bootstrap_group. */
  bootstrap(server: Mysqld, groupName: string): void {
    server.applyAll();
    const view = new View({
      groupName,
      bootstrap: ++this.bootstraps,
      created: Math.floor(this.world.wallAt(server.place)) * 10 + this.bootstraps,
      changes: 1,
      members: [{ server, state: "ONLINE" }],
      primary: server.uuid,
    });
    server.volume.groupName = groupName;
    server.group = new Membership();
    server.group.state = "ONLINE";
    this.install(view, server);
    this.world.note(`${server.address} bootstraps ${groupName}`);
  }

  /** One try to join the group that the server belongs to; what is wrong, or undefined. */
  join(server: Mysqld): string | undefined {
    server.applyAll();
    const { groupName } = server.volume;
    const seed = this.world.servers().find((other) =>
      other !== server && other.group.view?.groupName === groupName && this.hasMajority(other) &&
      this.connects(server, other) && this.world.at(other.address) === other
    );
    const view = seed?.group.view;
    if (seed === undefined || view === undefined) return "no member of the group answers";
    if (this.world.at(server.address) !== server) return "the group cannot reach this server";
    const old = view.members.some(({ server: { uuid, address } }) =>
      uuid === server.uuid || address === server.address
    );
    if (old) return "the old incarnation is still a member";
    const theirs = TransactionLog.of(...this.reachable(seed).map(({ holds }) => holds));
    if (theirs.missing(server.volume.executed).length > 0) {
      return "this member has more executed transactions than the group";
    }
    if (!this.#logsIn(server, seed)) return WRONG_PASSWORDS;
    const member: ViewMember = { server, state: "RECOVERING" };
    const next = this.change(seed, [...view.members, member]);
    if (next === undefined) return "the group did not agree";
    server.group = new Membership();
    server.group.state = "RECOVERING";
    server.group.recoveredAt = this.now + 1_000 + this.world.chance.below(2_000);
    server.superReadOnly = true;
    this.install(next, server);
    return undefined;
  }

  // The joiner at the group, and the group's members at the joiner.
  #logsIn({ volume }: Mysqld, seed: Mysqld): boolean {
    return volume.credential === seed.volume.passwords &&
      this.reachable(seed).every((other) => other.volume.credential === volume.passwords);
  }

  /** STOP GROUP_REPLICATION. */
  leave(server: Mysqld): void {
    const { view } = server.group;
    if (view !== undefined) {
      this.change(server, view.members.filter((member) => member.server !== server));
    }
    for (const { done } of server.group.waiting) done("failed");
    server.receiveAll();
    server.group = new Membership();
    server.superReadOnly = true;
  }

  /** group_replication_set_as_primary; false when that is not possible. */
  setPrimary(server: Mysqld, uuid: string): boolean {
    const { view } = server.group;
    const target = view?.members.find((member) => member.server.uuid === uuid);
    if (view === undefined || target?.state !== "ONLINE" || !this.hasMajority(server)) return false;
    if (!this.reachable(server).includes(target.server)) return false;
    this.change(server, view.members, uuid);
    return true;
  }

  /** Lets half a second's worth of everything happen. */
  step(): void {
    const running = this.world.servers().filter(({ active }) => active);
    for (const server of running) {
      if (server.group.view !== undefined) this.#stepMember(server);
      else if (server.group.rejoin !== undefined) this.#rejoin(server);
    }
  }

  #stepMember(server: Mysqld): void {
    this.#listen(server);
    if (this.#follow(server)) return;
    if (this.hasMajority(server)) {
      server.group.withoutMajoritySince = undefined;
      this.#catchUp(server);
      this.commit(server);
      this.#expel(server);
      this.#recover(server);
      this.elect(server);
    } else this.#miss(server);
    this.apply(server);
  }

  #listen(server: Mysqld): void {
    const { silentSince, view } = server.group;
    for (const { server: other } of view?.members ?? []) {
      const heard = other === server ||
        other.group.view !== undefined && this.connects(server, other) &&
          (other.group.view === view || other.group.view === view?.next);
      if (heard) silentSince.delete(other.uuid);
      else if (!silentSince.has(other.uuid)) silentSince.set(other.uuid, this.now);
    }
  }

  // The others may have gone on without this one.
  #follow(server: Mysqld): boolean {
    const { view } = server.group;
    const next = view?.next;
    if (next === undefined) return false;
    const told = next.members.some(({ server: other }) =>
      other !== server && other.group.view?.bootstrap === next.bootstrap &&
      other.group.view !== view && this.connects(server, other)
    );
    if (!told) return false;
    if (next.memberOf(server)?.server === server) {
      this.install(next, server);
      return true;
    }
    server.group.noticesAt ??= this.now + NOTICE_MS + this.world.chance.below(NOTICE_SPREAD_MS);
    if (this.now < server.group.noticesAt) return false;
    this.#fail(server, "expelled");
    return true;
  }

  #catchUp(server: Mysqld): void {
    const { view } = server.group;
    const most = Math.max(...this.reachable(server).map(({ group }) => group.delivered));
    this.deliver(server, view?.log ?? [], most);
  }

  // The first member that nobody suspects takes out those that it suspects.
  #expel(server: Mysqld): void {
    const { silentSince, view } = server.group;
    if (view === undefined) return;
    const silent = (other: Mysqld): number => {
      const since = silentSince.get(other.uuid);
      return since === undefined ? 0 : this.now - since;
    };
    const first = view.members.find((member) => silent(member.server) < SUSPECT_MS);
    if (first?.server !== server) return;
    const left = view.members.filter((member) => silent(member.server) < EXPEL_MS);
    if (left.length < view.members.length) this.change(server, left);
  }

  #recover(server: Mysqld): void {
    const { group } = server;
    if (group.state !== "RECOVERING" || this.now < group.recoveredAt) return;
    const donors = this.reachable(server).filter((other) => other.group.state === "ONLINE");
    // Ten tries, a minute apart.
    if (donors.length === 0 && this.now < group.recoveredAt + RECOVERY_GIVES_UP_MS) return;
    const { executed } = server.volume;
    const donor = donors.find(({ volume }) => subtractSets(volume.purged, executed.text) === "");
    if (donor === undefined) {
      this.#exit(server);
      return;
    }
    for (const transaction of donor.holds) server.volume.execute(transaction);
    server.applyAll();
    group.state = "ONLINE";
    const own = group.view?.memberOf(server);
    if (own !== undefined) own.state = "ONLINE";
  }

  #miss(server: Mysqld): void {
    const { group } = server;
    if (this.seesMajority(server)) return;
    group.withoutMajoritySince ??= this.now;
    if (this.now - group.withoutMajoritySince < MAJORITY_TIMEOUT_MS) return;
    this.#fail(server, "no majority");
  }

  #fail(server: Mysqld, why: string): void {
    this.world.note(`${server.address} ERROR: ${why}`);
    for (const { done } of server.group.waiting) done("unknown");
    server.receiveAll();
    server.group = new Membership();
    server.group.state = "ERROR";
    server.group.rejoin = { tries: REJOIN_TRIES, at: this.now + 1_000 };
    server.superReadOnly = true;
  }

  /** The applier of a member stops by an error. */
  applierFails(server: Mysqld): void {
    if (server.group.state !== "ONLINE" || server.group.view?.primary === server.uuid) return;
    this.#exit(server);
  }

  // A fatal error: what group_replication_exit_state_action says, at once.
  #exit(server: Mysqld): void {
    this.leave(server);
    server.group.state = "ERROR";
    server.offlineMode = true;
    this.world.note(`${server.address} ERROR, and offline`);
  }

  #rejoin(server: Mysqld): void {
    const { rejoin } = server.group;
    if (rejoin === undefined || this.now < rejoin.at) return;
    if (this.join(server) === undefined) return;
    const tries = rejoin.tries - 1;
    server.group.rejoin = tries > 0 ? { tries, at: this.now + REJOIN_EVERY_MS } : undefined;
    if (tries === 0) server.offlineMode = true;
  }
}
