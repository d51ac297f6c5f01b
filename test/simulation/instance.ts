// One Pod of the Cluster, as the kubelet runs it: mysqld and the agent on a machine, started again when
// they die. A Pod of the same name that comes later is another incarnation.

import { API } from "./api-server.ts";
import { AgentRun } from "./agent-run.ts";
import { Mysqld, type Volume } from "./server.ts";
import type { World } from "./world.ts";

export class Incarnation {
  readonly ordinal: number;
  readonly place: string;
  readonly podUid: string;
  readonly server: Mysqld;
  agent: AgentRun | undefined;
  restarts = 0;
  /** When its MySQL Shell is killed: at the how manieth step of a run, or at which. */
  shellDeath: { inSteps: number; after: boolean; step?: string | undefined } | undefined;
  /** Whether Services lead to it: the kubelet has found it ready, and said so. */
  endpoint = false;
  #unready = 0;
  /** The machine is off, or the Pod is gone for good. */
  #off = false;
  #gone = false;
  readonly #world: World;

  constructor(
    world: World,
    of: { ordinal: number; place: string; podUid: string; volume: Volume },
  ) {
    this.#world = world;
    this.ordinal = of.ordinal;
    this.place = of.place;
    this.podUid = of.podUid;
    this.server = new Mysqld(of.volume, {
      place: of.place,
      address: `main-${of.ordinal}:3306`,
      serverId: 1_000 + of.ordinal,
    });
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Starts both containers. */
  start(): void {
    this.#startServer(0);
    this.#startAgent(0);
  }

  /** The kubelet asks every two seconds; two bad answers count. */
  probe(): void {
    this.#unready = this.agent?.ready === true ? 0 : this.#unready + 1;
    const { network } = this.#world;
    if (this.#gone) this.endpoint = false;
    else if (!this.#off && network.connects(this.place, API) && this.#unready !== 1) {
      this.endpoint = this.#unready === 0;
    }
  }

  killServer(power = false): void {
    if (this.server.status === "down") return;
    this.#world.groups.dies(this.server);
    this.server.kill(power);
    this.#startServer(800 + this.#world.chance.below(1_500));
  }

  /** SIGTERM of mysqld: it leaves its group in order. */
  stopServer(): void {
    if (this.server.active && this.server.group.view !== undefined) {
      this.#world.groups.leave(this.server);
    }
    this.killServer();
  }

  /** A restart that the server asks for, after a clone. */
  restartServer(): void {
    this.restarts++;
    this.server.kill(false);
    this.#startServer(500);
  }

  killAgent(): void {
    this.agent?.kill();
    this.agent = undefined;
    this.#startAgent(500 + this.#world.chance.below(1_500));
  }

  /** The machine loses its power. */
  powerOff(): void {
    this.#off = true;
    this.#world.network.switchOff(this.place);
    this.killServer(true);
    this.killAgent();
  }

  powerOn(): void {
    this.#off = false;
    this.#world.network.switchOn(this.place);
    if (!this.#gone) this.start();
  }

  /** The Pod ends, whatever it does. */
  remove(): void {
    this.#gone = true;
    this.killServer();
    this.killAgent();
  }

  #startServer(ms: number): void {
    this.#world.clock.setTimer(ms, () => {
      const { server } = this;
      if (this.#off || this.#gone || server.status !== "down") return;
      server.status = "starting";
      this.#world.clock.setTimer(300 + this.#world.chance.below(1_500), () => {
        if (!this.#off && !this.#gone && server.status === "starting") server.boot();
      });
    });
  }

  #startAgent(ms: number): void {
    this.#world.clock.setTimer(ms, () => {
      if (this.#off || this.#gone || this.agent !== undefined) return;
      this.agent = new AgentRun(this.#world, this);
    });
  }
}
