// What must hold at every step of a run, and what must be true at its end.

import { BEGUN_MS } from "../../src/agent/decide-guard.ts";
import type { Process } from "./clock.ts";
import type { Incarnation } from "./instance.ts";
import { Person } from "./person.ts";
import type { Mysqld } from "./server.ts";
import type { World } from "./world.ts";
import type { Writer } from "./writer.ts";
import { API } from "./api-server.ts";
import { PATHS } from "./objects.ts";

/** Group Replication notices a lost majority after 5 s; an observation may be 5 s old; the rest is slack. */
const LIMIT_MS = 20_000;
const WRITABLE_MS = 8_000;
/** Twice the time until a request is given up and sent again: the API server may come back just after the first. */
const SILENT_MS = 12_500;
/** While the API server was there all the time. */
const PROMPT_MS = 4_500;
const READY_MS = 6_500;
/** After the end of a pause, until it is seen. */
const IDLE_MS = 7_000;
/** So long a report may ask for a person who is not needed. */
const ALARM_MS = 5_500;
/** Until one that it reaches has told its agent, after a connection that could not be opened has timed out. */
const EXPELLED_MS = 2_500;
/** From when the server itself knows that it is outside; it gives up by itself after 10 s. */
const OUTSIDE_MS = 8_500;
/** A look at the Cluster, which is read every 5 s, one at the server, however slow the others are, and the time to begin. */
const OPEN_MS = 8_000 + BEGUN_MS;

export class Judge {
  readonly #paused = new Set<Incarnation>();
  /** The run of each server that was seen last. */
  readonly #runs = new Map<Incarnation, Process>();
  readonly #world: World;
  readonly #writer: Writer;
  readonly #person: Person;
  readonly #troubleAt = new Map<number, number>();
  #idleAt = -Infinity;
  /** When a server was last slow. */
  #slowAt = -Infinity;
  /** Then: how long a statement took. */
  #slowMs = 0;
  #record: string | undefined;
  readonly #since = new Map<string, number>();

  constructor(world: World, writer: Writer) {
    this.#world = world;
    this.#writer = writer;
    this.#person = new Person(world);
  }

  step(): void {
    // Whom no name leads to, nobody is sent to: a group of one that was never recorded, or of a Cluster that is gone.
    const writers = this.#world.groups.writers()
      .filter((writer) => this.#world.at(writer.address) === writer);
    const groups = new Set(writers.map(({ group }) => group.view?.bootstrap));
    if (groups.size > 1) {
      const addresses = writers.map(({ address }) => address).join(" and ");
      this.#world.blame("two groups", `${addresses} accept writes, each in a group of its own`);
    }
    // Until then whoever creates it may take it back.
    const early = writers.find(({ group: { view } }) => (view?.members.length ?? 0) > 1);
    if (early !== undefined && !this.#world.recorded) {
      this.#world.blame("joined too early", `the group of ${early.address} is not recorded`);
    }
    this.#world.noteStopped();
    this.#world.deeds.step();
    const { servers } = this.#world;
    if (servers.some((one) => one.slowMs > 0 || one.comparesSlowly)) {
      this.#slowAt = this.#world.clock.monotonic();
      this.#slowMs = Math.max(...servers.map(({ slowMs }) => slowMs));
    }
    const [writer] = writers;
    const primary = this.#world.instances.find(({ server }) => server === writer);
    for (const instance of this.#world.instances) {
      this.#fenced(instance);
      this.#open(instance);
      this.#expelled(instance);
      this.#closed(instance);
      this.#labelled(instance, primary);
      this.#explained(instance);
      this.#rightly(instance, writer);
    }
    this.#served(primary);
    this.#recorded();
    this.#world.waste.step();
  }

  /** The group is whole, everybody is told so, and writes go through it. */
  get healed(): boolean {
    const { groups, instances, members, recorded } = this.#world;
    const [writer] = groups.writers();
    if (writer === undefined || !recorded) return false;
    // No entry of a server that is gone either.
    if (writer.volume.metadata?.entries.length !== members) return false;
    const whole = instances.every((instance) =>
      instance.agent?.process.runs === true && this.#isMember(instance, writer)
    );
    return whole && instances.length === members && this.#told(writer) && this.#writes();
  }

  /** A group of which every member is recovering, and none can give the others what they lack. */
  get stuckInRecovery(): boolean {
    return this.#world.servers.some(({ group }) =>
      group.state === "RECOVERING" &&
      group.view?.holders.every((other) => other.group.state === "RECOVERING") === true
    );
  }

  /** Healed as far as the facts allow, with a report that says what a person has to decide. */
  get waitsForPerson(): boolean {
    const { groups, instances } = this.#world;
    const [writer] = groups.writers();
    if (writer === undefined) return this.#person.isAskedForGroup();
    const outside = instances.filter((instance) => this.#person.isAskedFor(instance, writer));
    const rest = instances.filter((instance) => !outside.includes(instance));
    return outside.length > 0 && this.#writes() && this.#told(writer, outside) &&
      rest.every((instance) => this.#isMember(instance, writer));
  }

  /** At the end: everything acknowledged is in the group, if there is one. */
  conclude(): void {
    const { acknowledged, blame, groups } = this.#world;
    const [writer] = groups.writers();
    if (writer === undefined) return;
    const all = writer.holds;
    for (const [row, transaction] of acknowledged) {
      if (all.get(transaction) === transaction) continue;
      blame.call(this.#world, "acknowledged lost", `row ${row} is not on ${writer.address}`);
    }
    for (const { server } of this.#world.instances) {
      for (const transaction of server.group.state === "ONLINE" ? server.volume.executed : []) {
        const theirs = all.get(transaction);
        if (theirs === transaction || theirs === undefined) continue;
        blame.call(
          this.#world,
          "divergence",
          `${server.address} has another ${transaction.number}`,
        );
      }
    }
  }

  #isMember({ server }: Incarnation, writer: Mysqld): boolean {
    return server.active && server.group.state === "ONLINE" &&
      server.group.view === writer.group.view && !server.offlineMode &&
      writer.volume.metadata?.knows(server) === true;
  }

  #told(writer: Mysqld, without: readonly Incarnation[] = []): boolean {
    const { instances, podLabel, servicePod } = this.#world;
    return instances.every((instance) => {
      const label = podLabel.call(this.#world, instance.ordinal);
      if (without.includes(instance)) return label === undefined;
      if (instance.server !== writer) return label === "secondary";
      return label === "primary" && servicePod === instance.ordinal;
    });
  }

  #writes(): boolean {
    return this.#world.clock.monotonic() - this.#writer.acknowledgedAt < 2_000;
  }

  /** Whether its agent is there and hears the API server. */
  #canAct(instance: Incarnation | undefined): boolean {
    const { api, network } = this.#world;
    return instance?.agent?.process.runs === true && !instance.gone &&
      network.connects(instance.place, API) && api.failing.before + api.failing.after === 0;
  }

  #fenced(instance: Incarnation): void {
    const { server } = instance;
    const agents = this.#world.instances.map(({ agent }) => agent);
    const watched = instance.agent?.process.runs === true && !this.#world.paused &&
      !agents.some((agent) => agent?.shellRuns === true);
    const open = server.active && !server.superReadOnly && server.group.view === undefined;
    const what = `${server.address} is writable outside a group`;
    // A tick that has begun, a look (two statements) and the fence wait for each other.
    const limitMs = this.#patience(WRITABLE_MS) + 6 * server.slowMs;
    this.#longest(what, watched && open && what, limitMs);
  }

  // Clients are let in by a member in the majority of the recorded group, and by nobody else.
  #open(instance: Incarnation): void {
    const { groups, recorded } = this.#world;
    const { agent, server } = instance;
    const paused = this.#believesPaused(instance);
    const watched = agent?.process.runs === true && server.active;
    const fine = server.group.state === "ONLINE" && groups.seesMajority(server);
    const outside = `${server.address} lets clients in outside the majority`;
    const limitMs = this.#patience(OPEN_MS) + 6 * server.slowMs;
    this.#longest(outside, watched && !fine && !paused && !server.offlineMode && outside, limitMs);
    const inside = `${server.address} is ONLINE and lets no clients in`;
    // The record has to be read first.
    const known = watched && recorded && this.#canAct(instance);
    this.#longest(
      inside,
      known && fine && server.offlineMode && inside,
      this.#patience(OUTSIDE_MS) + 6 * server.slowMs,
    );
  }

  // Old rows are read from whoever does not know that the others went on without it.
  #expelled(instance: Incarnation): void {
    const { groups, network } = this.#world;
    const { agent, place, server } = instance;
    const told = groups.wentOnWithout(server)
      .some((other) => other.slowMs === 0 && network.connects(place, other.place));
    const watched = agent?.process.runs === true && !this.#believesPaused(instance);
    const what = `${server.address} lets clients in, and the others went on without it`;
    const limitMs = this.#patience(EXPELLED_MS) + 6 * server.slowMs;
    this.#longest(what, watched && told && !server.offlineMode && what, limitMs);
  }

  // Until its agent has had a look, old rows would be read; until the group is recorded, all may be taken back.
  #closed(instance: Incarnation): void {
    const { changing, groups, recorded } = this.#world;
    const { ordinal, server } = instance;
    if (!recorded && this.#world.podLabel(ordinal) !== undefined) {
      this.#world.blame("open too early", `${server.address} has a role, and is not recorded`);
    }
    if (!server.active) return;
    const begins = this.#runs.get(instance) !== server.process;
    this.#runs.set(instance, server.process);
    if (!server.offlineMode && !recorded) {
      this.#world.blame("open too early", `${server.address} lets clients in, and is not recorded`);
    }
    const fine = server.group.state === "ONLINE" && groups.seesMajority(server);
    if (begins && !server.offlineMode && !fine && changing.size === 0) {
      this.#world.blame("open too early", `${server.address} lets clients in as soon as it runs`);
    }
  }

  // Who cannot ask goes by what he was told.
  #believesPaused(instance: Incarnation): boolean {
    if (this.#world.paused) this.#paused.add(instance);
    else if (this.#canAct(instance)) this.#paused.delete(instance);
    return this.#paused.has(instance);
  }

  #labelled(instance: Incarnation, primary: Incarnation | undefined): void {
    const { groups, podLabel } = this.#world;
    const { server } = instance;
    const label = podLabel.call(this.#world, instance.ordinal);
    const inside = server.group.state === "ONLINE" && groups.hasMajority(server);
    const role = server.group.view?.primary === server.uuid ? "primary" : "secondary";
    const right = label === undefined || inside && label === role;
    const seen = this.#canAct(instance) || this.#canAct(primary);
    const what = `${server.address} is labelled ${label}`;
    this.#longest(`${server.address} is labelled`, !right && seen && what, LIMIT_MS);
    // Whom the primary cannot reach it takes the label from.
    const reached = primary === undefined ||
      this.#world.network.connects(primary.place, instance.place);
    const missing = label === undefined && inside && this.#world.recorded &&
      this.#canAct(instance) && reached;
    const none = `${server.address} is ONLINE and has no role`;
    this.#longest(none, missing && none, this.#patience(LIMIT_MS));
  }

  // Nobody waits without saying why, is ready or has a role when its own server knows better.
  #explained(instance: Incarnation): void {
    const { groups, idleSince, paused, podLabel } = this.#world;
    const { server } = instance;
    const now = this.#world.clock.monotonic();
    if (paused || idleSince !== undefined) this.#idleAt = now;
    const idle = now - this.#idleAt < IDLE_MS;
    const fine = server.group.state === "ONLINE" && groups.seesMajority(server);
    const report = this.#world.reportOf(instance.ordinal);
    const other = report?.serverUuid !== undefined && report.serverUuid !== server.uuid;
    const foreign = `the Pod of ${server.address} has the report of another server`;
    this.#longest(foreign, other && this.#canAct(instance) && foreign, LIMIT_MS);
    const { ready } = instance.agent ?? { ready: false };
    this.#longest(
      `${server.address} is ready`,
      ready && !(server.active && fine) && `${server.address} is ready outside the majority`,
      READY_MS,
    );
    const label = podLabel.call(this.#world, instance.ordinal);
    this.#longest(
      `${server.address} has a role`,
      label !== undefined && server.active && !fine && this.#canAct(instance) &&
        `${server.address} has a role outside the majority`,
      this.#patience(OUTSIDE_MS),
    );
    const says = report?.waiting !== undefined || report?.action !== undefined;
    const wrong = server.active && !fine && !says && !idle && this.#canAct(instance);
    const what = `${server.address} waits and does not say why`;
    this.#longest(
      what,
      wrong && what,
      this.#isPrompt(instance) ? PROMPT_MS : this.#patience(SILENT_MS) + 6 * this.#slowMs,
    );
  }

  // A look at the others may have to wait for each statement of a slow one.
  #patience(ms: number): number {
    return this.#world.clock.monotonic() - this.#slowAt < SILENT_MS ? 2 * ms : ms;
  }

  // Whether the API server and every server have answered it at once for a while.
  #isPrompt(instance: Incarnation): boolean {
    const now = this.#world.clock.monotonic();
    const slow = now - this.#slowAt < SILENT_MS;
    if (!this.#canAct(instance) || slow) this.#troubleAt.set(instance.ordinal, now);
    return now - (this.#troubleAt.get(instance.ordinal) ?? 0) > SILENT_MS;
  }

  // Nobody is frightened for nothing, and nothing from elsewhere gets into the group.
  #rightly(instance: Incarnation, writer: Mysqld | undefined): void {
    const { server } = instance;
    const alarm = this.#canAct(instance) && this.#person.falseAlarm(instance, writer);
    this.#longest(`${server.address} cries`, alarm || false, this.#patience(ALARM_MS));
    const { foreign, loose } = server.volume;
    if ((foreign || loose) && server.group.view !== undefined) {
      this.#world.blame(
        "foreign data",
        `${server.address} has joined with a volume from elsewhere`,
      );
    }
  }

  // What is recorded of a Cluster stays.
  #recorded(): void {
    const { metadata, status } = this.#world.api.get(PATHS.cluster) ?? {};
    const { at, groupName } = (status?.bootstrap ?? {}) as { at?: string; groupName?: string };
    const record = at === undefined ? undefined : `${metadata?.uid} ${groupName} ${at}`;
    const same = this.#record?.split(" ")[0] === metadata?.uid;
    if (this.#record !== undefined && same && record !== this.#record) {
      this.#world.blame("record lost", `${this.#record} is ${record}`);
    }
    this.#record = record ?? (same ? this.#record : undefined);
  }

  #served(primary: Incarnation | undefined): void {
    const wrong = primary !== undefined && this.#world.recorded && this.#canAct(primary) &&
      this.#world.servicePod !== primary.ordinal;
    const what = "the Service does not lead to the primary";
    this.#longest(what, wrong && what, this.#patience(LIMIT_MS));
  }

  #longest(key: string, wrong: string | false, limitMs: number): void {
    const now = this.#world.clock.monotonic();
    if (wrong === false) return void this.#since.delete(key);
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    if (now - since > limitMs) this.#world.blame("too long", wrong);
  }
}
