// A simulated mysqld on its volume: what survives a kill, what survives the loss of power, what does not.
// Group Replication itself is in group.ts.

import { enforcedSettings } from "../../src/mysql/enforced-settings.ts";
import { Process } from "./clock.ts";
import { Metadata } from "./metadata.ts";
import { type Transaction, TransactionLog } from "./transactions.ts";
import type { View, Waiting } from "./view.ts";

/** What is on the disk. */
export class Volume {
  readonly uuid: string;
  executed = new TransactionLog();
  /** Received from the group, in the relay log; the applier may be behind. */
  relay = new TransactionLog();
  purged = "";
  groupName = "";
  creating = false;
  metadata: Metadata | undefined;
  rows = 0;
  /** Databases that no transaction has made. */
  loose = false;
  /** Made elsewhere, and not for this Cluster. */
  foreign = false;
  /** What the recovery accounts' passwords are here, and the one with which this server logs in elsewhere. */
  passwords = 0;
  credential: number | undefined;
  /** Sets of transactions that were kept beside the data. */
  readonly saved: string[] = [];
  /** Deleted, with everything on it. */
  lost = false;

  constructor(uuid: string) {
    this.uuid = uuid;
  }

  /** Executes a transaction. */
  execute(transaction: Transaction): void {
    if (!this.executed.add(transaction)) return;
    const { effect } = transaction;
    if (effect.type === "row") this.rows++;
    if (effect.type === "account") this.passwords = effect.passwords ?? this.passwords;
    this.metadata = Metadata.after(this.metadata, effect);
  }

  /** Everything that is on it, executed or not. */
  get all(): TransactionLog {
    return TransactionLog.of(this.executed, this.relay);
  }

  /** RESET BINARY LOGS AND GTIDS, and all data gone; the server's own identity stays. */
  erase(): void {
    this.executed = new TransactionLog();
    this.relay = new TransactionLog();
    this.metadata = undefined;
    this.purged = "";
    this.rows = 0;
    this.loose = false;
    this.foreign = false;
  }

  /** Whether anybody's data is on it. */
  get valued(): boolean {
    return this.rows > 0 || this.loose;
  }

  /** What a clone copies. */
  copyFrom(donor: Volume): void {
    this.executed = donor.executed.copy();
    this.relay = new TransactionLog();
    this.metadata = donor.metadata;
    this.purged = this.executed.text;
    this.rows = donor.rows;
    this.passwords = donor.passwords;
  }
}

/** Group Replication's state of one run of a server. */
export class Membership {
  state: "OFFLINE" | "RECOVERING" | "ONLINE" | "ERROR" = "OFFLINE";
  view: View | undefined;
  /** How much of the view's log has been received. */
  delivered = 0;
  /** Received and not yet in the relay log. */
  memory: Transaction[] = [];
  waiting: Waiting[] = [];
  readonly silentSince = new Map<string, number>();
  withoutMajoritySince: number | undefined;
  /** When it finds out that it was expelled. */
  noticesAt: number | undefined;
  recoveredAt = Infinity;
  starting = false;
  /** It is the primary; the next look finds it writable and still calls it secondary. */
  halfPromoted = false;
  /** It tries to come back by itself. */
  rejoin: { tries: number; at: number } | undefined;
}

// As its option file says.
const startsWith = (variable: string): boolean =>
  enforcedSettings.find(({ name }) => name === variable)?.value === "ON";
const STARTS_READ_ONLY = startsWith("super_read_only");
const STARTS_OFFLINE = startsWith("offline_mode");

/** A connection, to be told when the server is gone. */
export type Listener = { lost(): void };

export class Mysqld {
  readonly volume: Volume;
  /** The machine. */
  readonly place: string;
  /** host:port, under which the others look for it. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly serverId: number;
  process = new Process("mysqld");
  status: "down" | "starting" | "up" = "down";
  superReadOnly = true;
  offlineMode = true;
  group = new Membership();
  lock: Process | undefined;
  /** The MySQL Shell that has made it writable to bring it back. */
  helper: Process | undefined;
  /** How long a statement takes. */
  slowMs = 0;
  /** Sets are so long that comparing them takes longer than anybody waits. */
  comparesSlowly = false;
  /** Nothing is written to the relay log. */
  diskStalled = false;
  /** How long its applier is behind. */
  applierLagMs = 0;
  /** Set while an application is connected. */
  endClients: (() => void) | undefined;
  readonly listeners = new Set<Listener>();

  constructor(volume: Volume, where: { place: string; address: string; serverId: number }) {
    this.volume = volume;
    this.place = where.place;
    this.address = where.address;
    const [host = "", port] = where.address.split(":");
    this.host = host;
    this.port = Number(port);
    this.serverId = where.serverId;
  }

  get uuid(): string {
    return this.volume.uuid;
  }

  /** Whether it runs and is not stopped. */
  get active(): boolean {
    return this.status === "up" && this.process.runs;
  }

  /** The highest number of a source that it has. */
  last(source: string): number {
    const own = this.group.memory.map((one) => one.source === source ? one.number : 0);
    return Math.max(this.volume.executed.last(source), this.volume.relay.last(source), ...own);
  }

  /** Everything that it has, also in memory. */
  get holds(): TransactionLog {
    return TransactionLog.of(this.volume.executed, this.volume.relay, this.group.memory);
  }

  boot(): void {
    this.process = new Process("mysqld");
    this.group = new Membership();
    this.superReadOnly = STARTS_READ_ONLY;
    this.offlineMode = STARTS_OFFLINE;
    this.lock = undefined;
    this.helper = undefined;
    this.status = "up";
  }

  /** SIGKILL. `power`: what the operating system had not written is lost as well. */
  kill(power: boolean): void {
    if (this.status === "down") return;
    this.status = "down";
    this.process.kill();
    for (const { done } of this.group.waiting) done("unknown");
    this.group = new Membership();
    if (power) this.volume.relay = TransactionLog.of(this.volume.executed);
    const listeners = [...this.listeners];
    this.listeners.clear();
    for (const listener of listeners) listener.lost();
  }

  /** Everything received is written and executed. */
  applyAll(): void {
    this.receiveAll();
    for (const transaction of this.volume.relay) this.volume.execute(transaction);
  }

  receiveAll(): void {
    for (const transaction of this.group.memory) this.volume.relay.add(transaction);
    this.group.memory = [];
  }
}
