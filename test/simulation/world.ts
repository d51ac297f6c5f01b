// Everything that one run of the simulation consists of, and what happens to it from outside: Pods that are
// replaced, volumes that are lost, the Cluster object that is made anew.

import type { Logger } from "../../src/base/log.ts";
import { INSTANCE_ANNOTATION, ROLE_LABEL } from "../../src/api/labels.ts";
import { type InstanceReport, parseInstanceReport } from "../../src/api/instance-report.ts";
import { formatTime } from "../../src/base/clock.ts";
import { Chance } from "../model/chance.ts";
import { ApiServer } from "./api-server.ts";
import { VirtualClock } from "./clock.ts";
import { Deeds } from "./deeds.ts";
import { Groups } from "./group.ts";
import { Incarnation } from "./instance.ts";
import { Network } from "./network.ts";
import { CLUSTER, NAMESPACE, PATHS, POD_NAME_LABEL } from "./objects.ts";
import { type Mysqld, Volume } from "./server.ts";
import type { Transaction } from "./transactions.ts";
import { Waste } from "./waste.ts";

export type Recovery = {
  readonly completeOutage?: "Automatic" | "Manual";
  readonly diverged?: "Report" | "Reclone";
};
export type WorldOptions = {
  readonly seed: number;
  readonly members: number;
  readonly recovery?: Recovery | undefined;
};
export type Violation = { readonly rule: string; readonly what: string; readonly at: number };

export class World {
  readonly chance: Chance;
  readonly clock = new VirtualClock({ random: () => this.chance.next() });
  readonly network = new Network();
  readonly api = new ApiServer();
  readonly groups: Groups;
  readonly members: number;
  /** The Pod of each ordinal; those that were replaced and may come back. */
  readonly instances: Incarnation[] = [];
  readonly strays: Incarnation[] = [];
  readonly lostVolumes: Volume[] = [];
  readonly violations: Violation[] = [];
  readonly notes: string[] = [];
  /** The Cluster was deleted and made again over its volumes. */
  recreated = false;
  /** And they hold a group that was whole. */
  kept = false;
  /** Since when nothing may be done: paused, or being deleted. */
  idleSince: number | undefined;
  /** A person has set the name of another group on a member. */
  regrouped = false;
  /** Volumes that were made elsewhere have come. */
  foreign = false;
  readonly deeds = new Deeds(this);
  readonly waste = new Waste(this);
  readonly recovery: Recovery;
  /** Something has come between agents and their Lease, or what they know of the Cluster. */
  apiTrouble = false;
  /** When somebody took the Lease without a right to it. */
  leaseTakenAt = -Infinity;
  /** Runs of MySQL Shell that change something. */
  readonly changing = new Set<object>();
  /** Set: what agents log. */
  logOf: ((home: Incarnation) => Logger) | undefined;
  /** What each annotation said when it was looked at last. */
  readonly #reports = new Map<
    number,
    { text: string | undefined; report: InstanceReport | undefined }
  >();
  #keepNotes: boolean;
  #machines = new Map<string, { wallOffsetMs: number; slowness: number }>();
  #slowness: number;
  #incarnations = 0;
  #passwords = 0;
  #stopped = "";

  /** A group of everybody, as it was made long ago. */
  form(): void {
    const [first] = this.instances;
    if (first === undefined) return;
    const groupName = this.newUuid();
    const { address, uuid } = first.server;
    for (const { server } of this.instances) {
      server.boot();
      server.volume.credential = 0;
    }
    this.groups.bootstrap(first.server, groupName);
    const done = (): void => {};
    const effect = { type: "createMetadata", name: CLUSTER, groupName, uuid, address } as const;
    this.groups.submit(first.server, { effect, done });
    for (const { server } of this.instances.slice(1)) {
      const { address, uuid } = server;
      this.groups.submit(first.server, { effect: { type: "addInstance", uuid, address }, done });
    }
    for (const { server } of this.instances.slice(1)) {
      server.volume.groupName = groupName;
      this.groups.join(server);
    }
    const bootstrap = { instance: "main-0", serverUuid: uuid, groupName, at: formatTime(0) };
    const cluster = this.api.get(PATHS.cluster);
    if (cluster !== undefined) this.api.put(PATHS.cluster, { ...cluster, status: { bootstrap } });
  }

  constructor({ members, recovery = {}, seed }: WorldOptions, keepNotes = false) {
    this.chance = new Chance(seed);
    this.members = members;
    this.recovery = recovery;
    this.#keepNotes = keepNotes;
    this.#slowness = 2 + this.chance.next() * 6;
    this.groups = new Groups({
      ...{ clock: this.clock, network: this.network, chance: this.chance },
      servers: () => this.servers,
      at: (address) => this.at(address),
      note: (what) => this.note(what),
      wallAt: (place) => this.clock.now() + this.machineOf(place).wallOffsetMs,
    });
    this.createCluster();
    for (let ordinal = 0; ordinal < members; ordinal++) {
      this.putClaim(ordinal);
      this.replacePod(ordinal, new Volume(this.newUuid()));
    }
  }

  get servers(): Mysqld[] {
    return [...this.instances, ...this.strays].map(({ server }) => server);
  }

  get seconds(): string {
    return (this.clock.monotonic() / 1000).toFixed(1);
  }

  /** A machine's wall clock, and how late its processes wake up. */
  machineOf = (place: string): { wallOffsetMs: number; slowness: number } => {
    const known = this.#machines.get(place) ?? { wallOffsetMs: 0, slowness: this.#slowness };
    this.#machines.set(place, known);
    return known;
  };

  note(what: string): void {
    if (this.#keepNotes) this.notes.push(`${this.seconds} ${what}`);
  }

  blame(rule: string, what: string): void {
    this.note(`VIOLATION ${rule}: ${what}`);
    if (this.violations.some((one) => one.rule === rule)) return;
    this.violations.push({ rule, what, at: this.clock.monotonic() });
  }

  starts(server: Mysqld): void {
    const home = [...this.instances, ...this.strays].find((one) => one.server === server);
    this.deeds.changes(home, "START GROUP_REPLICATION", false);
    this.waste.starts(server);
  }

  stops(server: Mysqld): void {
    this.waste.stops(server);
  }

  unknown(sql: string): void {
    this.blame("simulation", `unknown statement: ${sql}`);
  }

  later(server: Mysqld, ms: number, run: () => void): void {
    const { process } = server;
    this.clock.setTimer(ms, () => process.deliver(() => server.status === "up" && run()));
  }

  newPasswords(): number {
    return ++this.#passwords;
  }

  newUuid(): string {
    const hex = () => this.chance.below(2 ** 32).toString(16).padStart(8, "0");
    return `${hex()}-0000-4000-8000-${hex()}${hex().slice(0, 4)}`;
  }

  /** The server that a name leads to. */
  at(address: string): Mysqld | undefined {
    const ordinal = Number(/-(\d+):/.exec(address)?.[1]);
    const instance = this.instances[ordinal];
    return instance?.gone === false ? instance.server : undefined;
  }

  createCluster(): void {
    const at = this.clock.now();
    this.api.put(PATHS.cluster, {
      ...object("Cluster", { spec: { members: this.members, recovery: this.recovery } }, at),
      status: {},
    });
    this.api.put(PATHS.service, object("Service", { spec: { selector: {} } }));
    this.api.put(PATHS.lease, object("Lease", { spec: {} }));
  }

  putClaim(ordinal: number, ageMs = 0): void {
    const madeAt = this.clock.now() - ageMs;
    this.api.put(PATHS.claim(ordinal), object("PersistentVolumeClaim", {}, madeAt));
  }

  get paused(): boolean {
    const { spec } = this.api.get(PATHS.cluster) as { spec?: { paused?: boolean } } ?? {};
    return spec?.paused === true;
  }

  changeSpec(change: Record<string, unknown>): void {
    const cluster = this.api.get(PATHS.cluster) as { spec?: object } | undefined;
    if (cluster === undefined) return;
    const spec = { ...cluster.spec, ...change };
    this.api.put(PATHS.cluster, { ...cluster, spec } as never);
  }

  /** A new Pod of this ordinal on that volume; the one before has ended. */
  replacePod(ordinal: number, volume: Volume, place = `node-${ordinal}`): Incarnation {
    const podUid = `pod-${ordinal}-${++this.#incarnations}`;
    const pod = object("Pod", {});
    this.api.put(PATHS.pod(ordinal), { ...pod, metadata: { ...pod.metadata, uid: podUid } });
    const incarnation = new Incarnation(this, { ordinal, place, podUid, volume });
    this.instances[ordinal] = incarnation;
    incarnation.start();
    return incarnation;
  }

  podLabel(ordinal: number): string | undefined {
    return this.api.get(PATHS.pod(ordinal))?.metadata.labels?.[ROLE_LABEL];
  }

  /** The Pod that the primary Service leads to. */
  get servicePod(): number | undefined {
    const service = this.api.get(PATHS.service) as
      | { spec?: { selector?: Record<string, string> } }
      | undefined;
    const name = service?.spec?.selector?.[POD_NAME_LABEL];
    return name === undefined ? undefined : Number(name.split("-").at(-1));
  }

  /** What a member last said. */
  reportOf(ordinal: number): InstanceReport | undefined {
    const text = this.api.get(PATHS.pod(ordinal))?.metadata.annotations?.[INSTANCE_ANNOTATION];
    const known = this.#reports.get(ordinal);
    if (known?.text === text) return known?.report;
    const report = parseInstanceReport(text);
    this.#reports.set(ordinal, { text, report });
    return report;
  }

  /** What the operator says of the members that have certainly ended. */
  noteStopped(): void {
    const cluster = this.api.get(PATHS.cluster);
    if (cluster === undefined) return;
    const stopped = this.instances.filter(({ gone, server }) => gone && server.status === "down")
      .map(({ ordinal }) => `${CLUSTER}-${ordinal}`);
    if (stopped.join() === this.#stopped) return;
    this.#stopped = stopped.join();
    const instances = stopped.map((name) => ({ name, stopped: "ended" }));
    this.api.put(PATHS.cluster, { ...cluster, status: { ...cluster.status, instances } });
  }

  get recorded(): boolean {
    const { status } = this.api.get(PATHS.cluster) ?? {};
    return (status?.bootstrap as { at?: string } | undefined)?.at !== undefined;
  }

  /** Acknowledged writes by row, and what became of all the volumes. */
  readonly acknowledged = new Map<number, Transaction>();

  /** A clone: the target is empty from now on, has the donor's data later, and then restarts. */
  clone(target: Mysqld, donor: Mysqld): void {
    this.deeds.clones(target, donor);
    target.volume.erase();
    this.note(`${target.address} is erased for a clone`);
    this.later(target, 1_500 + this.chance.below(3_000), () => {
      if (!donor.active || !this.network.connects(donor.place, target.place)) return;
      target.volume.copyFrom(donor.volume);
      this.instances.find(({ server }) => server === target)?.restartServer();
    });
  }
}

function object(kind: string, rest: object, at?: number) {
  const name = "";
  const created = at === undefined ? {} : { creationTimestamp: formatTime(at) };
  return { apiVersion: "v1", kind, metadata: { name, namespace: NAMESPACE, ...created }, ...rest };
}
