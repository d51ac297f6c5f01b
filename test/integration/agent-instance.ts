// One instance of a Cluster without a Pod: the files, scripts and programs are the real ones (agent init,
// initialize.sh, mysqld.sh, mysqld, the stand-in for MySQL Shell, the agent with its own ServiceAccount's
// rights); only what the kubelet does is done here. Instance n listens on 127.0.0.1, the first port + n.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requestToken } from "../../fixtures/apiserver/tokens.ts";
import { findServerRoot, programCommand } from "../../fixtures/mysqld/server-root.ts";
import { hold, keep, type KeptConnection, query, type Row } from "../../fixtures/mysqld/client.ts";
import { initialise } from "../../src/agent/init.ts";
import { type Identity, parseAgentSettings } from "../../src/agent/settings.ts";
import { systemClock } from "../../src/base/clock.ts";
import { abortReason } from "../../src/base/errors.ts";
import { createLogger, type Logger } from "../../src/base/log.ts";
import { configMaps, pods } from "../../src/api/kinds.ts";
import { parseCommandLine } from "../../src/config.ts";
import { connect } from "../../src/kube/client.ts";
import { loadConnection } from "../../src/access/connection.ts";
import { type AgentOptions, REQUEST_MS, startAgent } from "../../src/run-agent.ts";
import { LIMIT, waitFor, type World } from "./operator-world.ts";

export const PASSWORDS = { root: "r'oo\"t\\pw", agent: "agent-pw-0815" };
const DIE_WITH_PARENT = existsSync("/usr/bin/setpriv")
  ? ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"]
  : [];
const SHELL = new URL("../../fixtures/mysqlsh/main.ts", import.meta.url).pathname;

export class Instance {
  readonly host: string;
  readonly lines: Record<string, unknown>[] = [];
  readonly #world: World;
  readonly #namespace: string;
  readonly #ordinal: number;
  readonly #port: number;
  readonly #firstPort: number;
  readonly #root: string;
  #server: ChildProcess | undefined;
  #agent: { stop: AbortController; ended: Promise<void> } | undefined;

  private constructor(
    world: World,
    place: { namespace: string; ordinal: number; port: number },
    root: string,
  ) {
    this.#world = world;
    this.#namespace = place.namespace;
    this.#ordinal = place.ordinal;
    this.#firstPort = place.port;
    this.#port = place.port + place.ordinal;
    this.host = "127.0.0.1";
    this.#root = root;
  }

  static async make(
    world: World,
    place: { namespace: string; ordinal: number; port: number },
  ): Promise<Instance> {
    const root = await mkdtemp(join(tmpdir(), `agent-${place.ordinal}-`));
    const instance = new Instance(world, place, root);
    await instance.#makeFolders();
    return instance;
  }

  get pod(): string {
    return `main-${this.#ordinal}`;
  }

  async #makeFolders(): Promise<void> {
    for (const folder of ["run", "volume", "config", "bin", "tmp"]) {
      await mkdir(join(this.#root, folder), { recursive: true });
    }
    await writeFile(join(this.#root, "root-password"), PASSWORDS.root);
    await writeFile(join(this.#root, "agent-password"), `${PASSWORDS.agent}\n`);
    const server = findServerRoot();
    const usr = join(server.root, "usr");
    const mysqld = [
      ...programCommand(server, "usr/sbin/mysqld"),
      '"$@"',
      ...process.getuid?.() === 0 ? ["--user=root"] : [],
      `--bind-address=${this.host}`,
      `--basedir=${usr}`,
      `--plugin-dir=${usr}/lib/mysql/plugin`,
      `--lc-messages-dir=${usr}/share/mysql`,
      `--character-sets-dir=${usr}/share/mysql/charsets`,
    ];
    // An option on the command line must come after --defaults-file.
    await this.#program("mysqld", `exec ${[...DIE_WITH_PARENT, ...mysqld].join(" ")}`);
    const admin = programCommand(server, "usr/bin/mysqladmin").join(" ");
    await this.#program("mysqladmin", `exec ${admin} "$@"`);
    // Each line of the file `deaths` kills one run after so many seconds.
    const deaths = join(this.#root, "deaths");
    await this.#program(
      "mysqlsh",
      `seconds=$(head -n 1 ${deaths} 2>/dev/null)
[ -n "$seconds" ] && sed -i 1d ${deaths} && set -- timeout -s KILL "$seconds" ${process.execPath} ${SHELL} "$@" && exec "$@"
exec ${process.execPath} ${SHELL} "$@"`,
    );
  }

  async #program(name: string, body: string): Promise<void> {
    await writeFile(join(this.#root, "bin", name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }

  #identity(podUid: string): Identity {
    return {
      clusterName: "main",
      namespace: this.#namespace,
      podName: this.pod,
      podUid,
      ordinal: this.#ordinal,
      local: { host: this.host, port: this.#port },
      endpointOf: (ordinal) => ({ host: "127.0.0.1", port: this.#firstPort + ordinal }),
    };
  }

  #config(): AgentOptions {
    const at = (name: string): string => join(this.#root, name);
    const command = parseCommandLine({
      args: [
        "agent",
        "run",
        "--cluster-name=main",
        `--namespace=${this.#namespace}`,
        `--hostname=${this.pod}`,
        "--address=127.0.0.1",
        "--healthcheck-port=0",
        `--run-directory=${at("run")}`,
        `--volume-directory=${at("volume")}`,
        `--config-directory=${at("config")}`,
        `--user-config-file=${at("user.cnf")}`,
        `--root-password-file=${at("root-password")}`,
        `--agent-password-file=${at("agent-password")}`,
        `--mysql-port=${this.#port}`,
      ],
      env: {},
      readFile: () => undefined,
    });
    if (command.type !== "agentRun") throw new Error("not the agent's configuration");
    return { ...command.config, env: { PATH: `${at("bin")}:${process.env.PATH}` } };
  }

  /** What the init containers do. */
  async initialise(log: Logger): Promise<void> {
    const settings = parseAgentSettings(await this.#settings());
    await initialise({
      ...this.#config(),
      identity: this.#identity(""),
      settings,
      temporaryDirectory: join(this.#root, "tmp"),
      userConfigFiles: [],
      log,
    });
    const { code, output } = await this.#script("initialize.sh").ended;
    if (code !== 0) throw new Error(`initialize.sh ended with ${code}:\n${output()}`);
  }

  async #settings(): Promise<string> {
    const ref = { namespace: this.#namespace, name: "main-config" };
    const map = await this.#world.client.of(configMaps).get(ref, LIMIT);
    const text = map?.data?.["cluster.json"];
    if (text === undefined) throw new Error("the operator has not made main-config yet");
    await writeFile(join(this.#root, "config", "cluster.json"), text);
    return text;
  }

  #script(name: string) {
    // Nothing outlives a test that was killed: the script dies with this process, mysqld with the script.
    const command = [...DIE_WITH_PARENT, "/bin/sh", join(this.#root, "run", name)];
    const child = spawn(command[0] ?? "", command.slice(1), {
      env: { PATH: `${join(this.#root, "bin")}:${process.env.PATH}` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    const keep = (chunk: unknown): void => {
      if (process.env.AGENT_LOG) console.error(this.pod, String(chunk).trimEnd());
      text = (text + String(chunk)).slice(-200_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const output = (): string => text;
    const ended = new Promise<{ code: number | null; output: () => string }>((resolve) => {
      child.once("exit", (code) => resolve({ code, output }));
    });
    return { child, ended, output };
  }

  /** The container `mysql`. */
  startServer(): void {
    const { child, ended } = this.#script("mysqld.sh");
    this.#server = child;
    ended.then(({ output }) => writeFile(join(this.#root, "mysqld.log"), output())).catch(() => {});
  }

  /** SIGKILL of mysqld alone; the loop starts it again. */
  async killServer(): Promise<void> {
    await this.signalServer("SIGKILL");
  }

  async signalServer(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void> {
    const pid = await readFile(join(this.#root, "run", "mysqld.pid"), "utf8");
    process.kill(Number(pid), signal);
  }

  /** As the kubelet stops a container: SIGTERM to the script, and waits. */
  async stopServer(): Promise<number | null> {
    const child = this.#server;
    if (child === undefined || child.exitCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const code = await ended;
    this.#server = undefined;
    return code;
  }

  /** The container `agent`, with the rights of its ServiceAccount. */
  async startAgent(): Promise<void> {
    const ref = { namespace: this.#namespace, name: this.pod };
    const pod = await this.#world.client.of(pods).get(ref, LIMIT);
    const log = createLogger({
      level: "debug",
      format: "json",
      clock: systemClock,
      write: (line) => {
        this.lines.push(JSON.parse(line));
        if (process.env.AGENT_LOG) console.error(this.pod, line);
      },
    });
    const client = connect(
      await loadConnection({
        kubeconfig: await agentKubeconfig(this.#world, this.#namespace, this.#root),
        env: {},
        log,
        clock: systemClock,
      }),
      { userAgent: "agent", limitMs: REQUEST_MS, log, clock: systemClock },
    );
    const stop = new AbortController();
    const settings = parseAgentSettings(await this.#settings());
    const identity = this.#identity(pod?.metadata.uid ?? "");
    const parts = { config: this.#config(), settings, identity, client, log, clock: systemClock };
    const ended = startAgent(parts, stop.signal).finally(() => client.close());
    this.#agent = { stop, ended };
  }

  async stopAgent(): Promise<void> {
    this.#agent?.stop.abort(abortReason("SIGTERM"));
    await this.#agent?.ended;
    this.#agent = undefined;
  }

  /** The address of the agent's probes. */
  async url(path: string): Promise<string> {
    await waitFor(`${this.pod}'s agent listens`, 10_000, () => {
      return Promise.resolve(this.lines.some(({ msg }) => msg === "agent runs") || "not yet");
    });
    const port = this.lines.findLast(({ msg }) => msg === "agent runs")?.port;
    return `http://127.0.0.1:${port}${path}`;
  }

  sql(statement: string): Promise<Row[]> {
    return query(this.#login, statement);
  }

  /** Statements in turn on one connection. */
  async session(statements: string[]): Promise<void> {
    (await hold(this.#login, statements))();
  }

  /** A client with this account that stays connected. */
  connection(account: { user: string; password: string }): Promise<KeptConnection> {
    return keep({ ...this.#login, ...account });
  }

  get #login() {
    return { host: this.host, port: this.#port, user: "root", password: PASSWORDS.root };
  }

  /** The next runs of MySQL Shell are killed, each after so many seconds. */
  async killShellAfter(...seconds: number[]): Promise<void> {
    await writeFile(join(this.#root, "deaths"), `${seconds.join("\n")}\n`);
  }

  /** What another Secret of the agents would be mounted as. */
  async changeAgentPassword(password: string): Promise<void> {
    await writeFile(join(this.#root, "agent-password"), `${password}\n`);
  }

  /** A new volume, as after the loss of the old one. */
  async loseVolume(): Promise<void> {
    await rm(join(this.#root, "volume"), { recursive: true, force: true });
    await mkdir(join(this.#root, "volume"));
  }

  async destroy(): Promise<void> {
    await this.stopAgent().catch(() => {});
    const child = this.#server;
    if (child?.exitCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await this.killServer().catch(() => {});
      await ended;
    }
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A kubeconfig with a token of the agents' ServiceAccount: they have the rights that the operator gives. */
async function agentKubeconfig(world: World, namespace: string, folder: string): Promise<string> {
  const token = await requestToken(world.client, { namespace, name: "main-agent" }, LIMIT);
  const file = join(folder, "kubeconfig");
  world.server.writeKubeconfig(file, { token });
  return file;
}
