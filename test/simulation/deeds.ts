// What an agent, or MySQL Shell for it, is about to do, judged by everything that there is.

import { APPROVE_PLAN_ANNOTATION } from "../../src/api/labels.ts";
import type { RecoveryPlan } from "../../src/api/recovery-plan.ts";
import { Approvals, givesUp } from "./approvals.ts";
import type { Incarnation } from "./instance.ts";
import { PATHS } from "./objects.ts";
import type { Mysqld } from "./server.ts";
import { lostByClone } from "./shell.ts";
import { subtractSets } from "./transactions.ts";
import type { World } from "./world.ts";

/** How long after its end a pause, and after its theft a Lease, may not be known yet. */
const STOLEN_MS = 12_000;
/** How long it may take to see it, with a look at those that are silent. */
const REPLACED_MS = 5_000;

type Noted = { readonly plan?: string; readonly completedAt?: string };

export class Deeds {
  readonly #world: World;
  readonly #approvals = new Approvals();
  #replaced: { readonly home: Incarnation; readonly since: number }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** A person gives up what a plan says cannot be kept, and so perhaps what was acknowledged. */
  approves(plan: RecoveryPlan): void {
    const { api } = this.#world;
    const cluster = api.get(PATHS.cluster);
    if (cluster === undefined) return;
    this.#approvals.add(plan);
    const annotations = { ...cluster.metadata.annotations, [APPROVE_PLAN_ANNOTATION]: plan.hash };
    api.put(PATHS.cluster, { ...cluster, metadata: { ...cluster.metadata, annotations } });
  }

  /** Which Pods can see that another one has their name. */
  step(): void {
    const { api, clock, network, strays } = this.#world;
    const { completedAt, plan } = (api.get(PATHS.cluster)?.status?.recovery ?? {}) as Noted;
    if (completedAt !== undefined && plan !== undefined) this.#approvals.spend(plan);
    const replaced = strays.filter(({ place, server }) => {
      const other = this.#world.at(server.address);
      return other?.active === true && other.slowMs === 0 && other !== server &&
        network.connects(place, other.place);
    });
    const now = clock.monotonic();
    this.#replaced = replaced.map((home) =>
      this.#replaced.find((one) => one.home === home) ?? { home, since: now }
    );
  }

  /** An agent begins to change something: by MySQL Shell, after a look at the Cluster, or by itself. */
  changes(home: Incarnation | undefined, what: string, byShell: boolean): void {
    const { ordinal = -1 } = home ?? {};
    const { apiTrouble, changing, clock, idleSince = Infinity } = this.#world;
    const idleMs = clock.monotonic() - idleSince;
    const late = byShell ? idleMs > 6_000 : idleMs > 35_000 && !apiTrouble;
    if (late) this.#blame("acts while paused", `${ordinal}: ${what}`);
    const { since = Infinity } = this.#replaced.find((one) => one.home === home) ?? {};
    if (clock.monotonic() - since > REPLACED_MS) {
      this.#blame("acts though replaced", `${ordinal}: ${what}`);
    }
    if (!byShell) return;
    if (changing.size > 0 && !apiTrouble) this.#blame("two at once", `${ordinal}: ${what}`);
    this.#hasLease(ordinal, what);
  }

  /** create-cluster is about to make a group. */
  creates(server: Mysqld): void {
    const { instances, recorded } = this.#world;
    // One that stood still in the middle of it, and to which no name leads any more: nobody is sent there.
    if (this.#world.at(server.address) !== server) return;
    if (recorded) this.#blame("created twice", `${server.address} creates a second group`);
    const held = instances.find(({ server: { volume } }) => volume.valued);
    if (held === undefined) return;
    const what = `${server.address} creates a group while main-${held.ordinal} holds rows`;
    this.#blame("created over data", what);
  }

  /** reboot-cluster-from-complete-outage is about to make the group anew. */
  reboots(seed: Mysqld, how: { force: boolean; ahead: boolean }): void {
    const { acknowledged, recovery, servers } = this.#world;
    const running = servers.find((one) =>
      one !== seed && one.active && one.group.view !== undefined &&
      this.#world.at(one.address) === one
    );
    if (running !== undefined) {
      this.#blame(
        "two groups",
        `${seed.address} is rebooted, and ${running.address} is in a group`,
      );
    }
    if (seed.volume.foreign) this.#blame("foreign data", `${seed.address} is the seed`);
    const { all } = seed.volume;
    const plan = this.#approvals.restart(this.#approved, podOf(seed), all.text);
    const asks = how.force || how.ahead || recovery.completeOutage === "Manual" ||
      this.#isUnseen(seed);
    if (asks && plan === undefined) this.#blame("not asked", `${seed.address} is rebooted`);
    for (const [row, transaction] of acknowledged) {
      if (all.get(transaction) === transaction) continue;
      if (plan !== undefined && givesUp(plan, transaction, (pod) => this.#diskOf(pod))) {
        acknowledged.delete(row);
      } else this.#blame("acknowledged lost", `the reboot of ${seed.address} loses row ${row}`);
    }
  }

  /** A server is about to be erased, and to get the data of another one. */
  clones(target: Mysqld, donor: Mysqld): void {
    const { recovery, servers, waste } = this.#world;
    const lost = lostByClone(target, donor);
    const allowed = recovery.diverged === "Reclone" ||
      this.#approvals.allowsReclone(this.#approved, podOf(target), lost);
    // Written by hand on a member, it may be on those that joined from there, and not on the donor.
    const elsewhere = servers.filter((one) => one !== target && one.group.state === "ONLINE")
      .map(({ volume }) => volume.all.text);
    const kept = [...elsewhere, ...(allowed ? target.volume.saved : [])];
    const gone = subtractSets(lost, kept.join(","));
    if (gone !== "") this.#blame("cloned over data", `${target.address} loses ${gone}`);
    if (target.volume.loose) this.#blame("cloned over data", `${target.address} loses databases`);
    if (lost === "") waste.clones(target);
  }

  /** RESET BINARY LOGS AND GTIDS by an agent. */
  erases({ address, volume }: Mysqld): void {
    if (volume.valued) this.#blame("erased", `${address} holds rows`);
  }

  /** An entry is taken out of the metadata. */
  removes(primary: Mysqld, uuid: string): void {
    const member = primary.group.view?.members.find(({ server }) => server.uuid === uuid);
    if (member !== undefined) this.#blame("a member removed", `${uuid} is in the group`);
  }

  /** A server is told to belong to a group. */
  adopts(target: Mysqld, groupName: string): void {
    const { groupName: before, metadata } = target.volume;
    if (before === "" || before === groupName || metadata === undefined) return;
    this.#blame("foreign data", `${target.address} is of ${before}, and is given ${groupName}`);
  }

  get #approved(): string | undefined {
    return this.#world.api.get(PATHS.cluster)?.metadata.annotations?.[APPROVE_PLAN_ANNOTATION];
  }

  // Whether nobody can know what a member holds.
  #isUnseen(seed: Mysqld): boolean {
    return (seed.volume.metadata?.entries ?? []).some(({ address, uuid }) =>
      this.#world.at(address)?.uuid !== uuid
    );
  }

  #diskOf(pod: string): ReturnType<Parameters<typeof givesUp>[2]> {
    const found = this.#world.instances.find(({ server }) => podOf(server) === pod);
    return found && {
      holds: (transaction) => found.server.volume.all.get(transaction) === transaction,
    };
  }

  // What the API server has does not lag behind: whoever may still act has written itself there.
  #hasLease(ordinal: number, what: string): void {
    const { api, clock, instances, leaseTakenAt, strays } = this.#world;
    if (clock.monotonic() - leaseTakenAt < STOLEN_MS) return;
    const { spec } = api.get(PATHS.lease) as { spec?: { holderIdentity?: string } } ?? {};
    const mine = [...instances, ...strays].some((one) =>
      one.ordinal === ordinal && spec?.holderIdentity === `main-${ordinal}_${one.podUid}`
    );
    const holder = spec?.holderIdentity ?? "";
    if (!mine) this.#blame("not its Lease", `${ordinal}: ${what}, and it is held by "${holder}"`);
  }

  #blame(rule: string, what: string): void {
    this.#world.blame(rule, what);
  }
}

function podOf({ address }: Mysqld): string {
  return address.split(":")[0] ?? "";
}
