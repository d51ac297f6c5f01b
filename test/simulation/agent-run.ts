// One run of the real agent: everything from its composition root down, over a simulated machine.

import { probe } from "../../src/agent/probe.ts";
import { parseAgentSettings } from "../../src/agent/settings.ts";
import { AGENT_USER, leaseName, podName, primaryServiceName } from "../../src/api/names.ts";
import { silentLogger } from "../../src/base/log.ts";
import { Secret } from "../../src/base/secret.ts";
import { KubeClient } from "../../src/kube/client.ts";
import type { ExecRequest, ExecResult } from "../../src/mysql/exec.ts";
import { type AgentOptions, type AgentPorts, assemble, REQUEST_MS } from "../../src/run-agent.ts";
import { simulatedTransport } from "./api-server.ts";
import { Process, ProcessClock } from "./clock.ts";
import { openSimulated } from "./connection.ts";
import type { Incarnation } from "./instance.ts";
import { COMMANDS } from "./shell.ts";
import { ended, isPing, parseArguments, pinged, ShellError, ShellRun } from "./shell-run.ts";
import { CLUSTER, NAMESPACE } from "./objects.ts";
import type { World } from "./world.ts";

const CONFIG = {
  runDirectory: "/run",
  shellFile: "mysqlsh",
  adminFile: "mysqladmin",
  env: {},
} as unknown as AgentOptions;

const LOGIN = { user: AGENT_USER, password: new Secret("secret") };

export const SETTINGS = parseAgentSettings(JSON.stringify({
  leaseName: leaseName(CLUSTER),
  primaryService: primaryServiceName(CLUSTER),
  dataClaim: "data",
}));

type RunningShell = {
  readonly run: ShellRun;
  readonly command: string;
  readonly ended: (result: ExecResult) => void;
};

export class AgentRun {
  readonly process = new Process("agent");
  neverStopped = true;
  /** Since when it runs, or goes on. */
  since: number;
  readonly #world: World;
  readonly #home: Incarnation;
  readonly #agent: ReturnType<typeof assemble>;
  #shell: RunningShell | undefined;

  constructor(world: World, home: Incarnation) {
    this.#world = world;
    this.#home = home;
    this.since = world.clock.monotonic();
    const { chance, machineOf } = world;
    const clock = new ProcessClock(world.clock, this.process, {
      machine: machineOf(home.place),
      chance,
    });
    const log = world.logOf?.(home) ?? silentLogger;
    const transport = simulatedTransport(world, { process: this.process, place: home.place });
    const client = new KubeClient(transport, {
      ...{ userAgent: "agent", limitMs: REQUEST_MS },
      ...{ clock, log },
    });
    const identity = {
      clusterName: CLUSTER,
      namespace: NAMESPACE,
      podName: podName(CLUSTER, home.ordinal),
      podUid: home.podUid,
      ordinal: home.ordinal,
      local: { host: "127.0.0.1", port: 3306 },
      endpointOf: (ordinal: number) => ({ host: `${CLUSTER}-${ordinal}`, port: 3306 }),
    };
    const parts = { clock, log, config: CONFIG, settings: SETTINGS, identity, client };
    this.#agent = assemble(parts, this.#ports());
    this.process.deliver(() => void this.#agent.loop.run(new AbortController().signal));
  }

  /** SIGKILL of the container: MySQL Shell goes with it. */
  kill(): void {
    this.process.kill();
    this.#shell?.run.process.kill();
    this.#world.waste.forgets(this.#home.podUid);
  }

  stop(): void {
    this.neverStopped = false;
    this.process.stop();
    this.#shell?.run.process.stop();
  }

  resume(): void {
    this.since = this.#world.clock.monotonic();
    this.#shell?.run.process.resume();
    this.process.resume();
  }

  /** SIGKILL of MySQL Shell alone, as `shellDeath` of its home says. */
  killShell(): void {
    if (this.#shell !== undefined) this.#arm(this.#shell);
  }

  get shellRuns(): boolean {
    return this.#shell !== undefined;
  }

  /** What the kubelet hears. */
  get ready(): boolean {
    return this.process.runs && probe("/ready", this.#agent.loop.state)?.status === 200;
  }

  /** The preStop hook; `done` is called unless the agent dies. */
  drain(done: () => void): void {
    this.process.deliver(() => {
      this.#agent.drainer.drain(new AbortController().signal).then(done, done);
    });
  }

  #ports(): AgentPorts {
    const { process } = this;
    const [world, home] = [this.#world, this.#home];
    const find = ({ host, port }: { host: string; port: number }) =>
      host === "127.0.0.1" ? home.server : world.at(`${host}:${port}`);
    const dialler = { process, place: home.place, world, find };
    return {
      exec: (request) => this.#exec(request),
      open: (options) => openSimulated(dialler, options),
      login: () => Promise.resolve(LOGIN),
      isRunning: () => Promise.resolve(home.server.status !== "down"),
      countRestarts: () => Promise.resolve(home.restarts),
      disk: { freeBytes: () => Promise.resolve(Infinity), write: () => Promise.resolve() },
      saveErrant: (_session, { errant }) =>
        new Promise((resolve) =>
          process.act(() => {
            home.server.volume.saved.push(errant);
            process.deliver(() => resolve("errant"));
          })
        ),
    };
  }

  #exec(request: ExecRequest): Promise<ExecResult> {
    if (isPing(request)) return Promise.resolve(pinged(this.#home.server));
    return new Promise((resolve) =>
      this.process.act(() => {
        const run = new ShellRun(this.#world, this.#home.place);
        const finished = (result: ExecResult): void => {
          this.#shell = undefined;
          this.process.deliver(() => resolve(result));
        };
        this.#shell = { run, command: parseArguments(request.args).command, ended: finished };
        this.#arm(this.#shell);
        this.#command(run, request).then(finished);
      })
    );
  }

  #arm({ command, ended: finished, run }: RunningShell): void {
    const death = this.#home.shellDeath;
    if (death === undefined) return;
    const die = (): void => {
      this.#home.shellDeath = undefined;
      this.#world.note(`mysqlsh of ${this.#home.ordinal} is killed`);
      run.process.kill();
      this.#world.waste.fails(this.#home.podUid, command);
      finished(ended({ signal: "SIGKILL" }));
    };
    const { after, inSteps, step } = death;
    if (step === undefined) run.process.dieIn(inSteps, after, die);
    else run.process.trap(step, die);
  }

  async #command(run: ShellRun, request: ExecRequest): Promise<ExecResult> {
    const args = parseArguments(request.args);
    const command = COMMANDS[args.command];
    if (command === undefined) {
      this.#world.blame("simulation", `unknown command: ${args.command}`);
      return ended({ code: 10 });
    }
    this.#world.note(`mysqlsh of ${this.#home.ordinal}: ${args.command} ${args.positional}`);
    const changes = args.command !== "cluster status";
    // A hand-over before the Pod ends is no decision of the loop.
    const decided = changes && args.command !== "cluster set-primary-instance";
    const { podUid } = this.#home;
    if (decided) this.#world.deeds.changes(this.#home, args.command, true);
    if (decided) this.#world.waste.begins(podUid, args.command);
    if (changes) this.#world.changing.add(run);
    run.process.whenDead(() => this.#world.changing.delete(run));
    try {
      await command(run, args);
      return ended({ code: 0 }, run.result === undefined ? [] : [run.result]);
    } catch (error) {
      if (!(error instanceof ShellError)) throw error;
      this.#world.waste.fails(podUid, args.command);
      const number = error.number === undefined ? "" : ` ${error.number}`;
      this.#world.note(`mysqlsh of ${this.#home.ordinal} failed:${number} ${error.message}`);
      return ended({ code: 1 }, [{ error: `MYSQLSH${number}: ${error.message}` }]);
    } finally {
      run.end();
      this.#world.changing.delete(run);
    }
  }
}
