// What only a person can decide, judged by what is on the volumes: whether a report that asks for one is right.

import type { Incarnation } from "./instance.ts";
import type { Mysqld } from "./server.ts";
import type { World } from "./world.ts";

const ALARMS = ["Diverged", "ForeignData", "SplitBrain", "DataLost"];

export class Person {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  reasonOf({ ordinal }: Incarnation): string | undefined {
    return this.#world.reportOf(ordinal)?.waiting?.reason;
  }

  /** Whether nothing but a person can start the group again, and the reports say so. */
  isAskedForGroup(): boolean {
    const { instances, recovery } = this.#world;
    const reasons = instances.map((instance) => this.reasonOf(instance));
    const manual = recovery.completeOutage === "Manual";
    return reasons.includes("CompleteOutage") && (manual || this.#cannotBeKnown) ||
      this.#foreign && reasons.includes("ForeignData") ||
      reasons.includes("DataLost") && this.#nothingLeft;
  }

  /** Whether this member rightly stays outside until a person has decided. */
  isAskedFor(instance: Incarnation, writer: Mysqld): boolean {
    const { volume } = instance.server;
    switch (this.reasonOf(instance)) {
      case "Diverged":
        return this.#isDiverged(instance, writer) && this.#world.recovery.diverged !== "Reclone";
      case "ForeignData":
        return volume.foreign;
      case "SplitBrain":
        return volume.groupName !== writer.volume.groupName;
      default:
        return false;
    }
  }

  /** A report that frightens a person for nothing. */
  falseAlarm(instance: Incarnation, writer: Mysqld | undefined): string | undefined {
    const reason = this.reasonOf(instance) ?? "";
    if (!ALARMS.includes(reason)) return undefined;
    if (writer !== undefined && this.isAskedFor(instance, writer)) return undefined;
    if (reason === "DataLost" && this.#nothingLeft) return undefined;
    if (reason === "ForeignData" && this.#foreign) return undefined;
    if (writer === undefined && reason === "Diverged") return undefined;
    if (writer === undefined && reason === "SplitBrain" && this.#world.regrouped) return undefined;
    return `main-${instance.ordinal} reports ${reason}`;
  }

  get #nothingLeft(): boolean {
    return this.#world.instances.every(({ server }) => server.volume.rows === 0);
  }

  /** Whether starting the group again may lose something. */
  get #cannotBeKnown(): boolean {
    const { instances, lostVolumes } = this.#world;
    const all = instances.map(({ server }) => server.volume.all);
    const whole = instances.some(({ server: { address, uuid, volume } }) =>
      volume.metadata?.knows({ address, uuid }) === true &&
      all.every((other) => volume.all.missing(other).length === 0)
    );
    return lostVolumes.length > 0 || !whole;
  }

  // Kept volumes, or volumes from elsewhere; those of all members lost; or a creation in which a server that was replaced went on under its
  // name. Nobody was sent to a group that is not recorded.
  get #foreign(): boolean {
    const { foreign, instances, kept, recorded, recreated, strays } = this.#world;
    const strangers = instances.every(({ server }) =>
      server.volume.metadata?.knows(server) !== true
    );
    return foreign || recreated && !kept || recorded && strangers || !recorded && strays.length > 0;
  }

  // Also with another transaction under a GTID that the group has given out again.
  #isDiverged({ server }: Incarnation, writer: Mysqld): boolean {
    const { holds } = writer;
    return [...server.volume.all].some((one) => holds.get(one) !== one);
  }
}
