// Composition root of the agent: makes every part and hands each what it needs. Decides nothing.
//
// Stopping: no new action, the running one may end (MySQL Shell must not be cut off in the middle of a
// group change), then MySQL Shell is interrupted and the loop ends.

import { access, readFile } from "node:fs/promises";
import { Actor } from "./agent/actor.ts";
import { decide } from "./agent/decide.ts";
import { Drainer } from "./agent/drain.ts";
import { isPrimary } from "./agent/facts.ts";
import { initialise, readPassword } from "./agent/init.ts";
import { AgentLoop } from "./agent/loop.ts";
import { AgentMetrics } from "./agent/metrics.ts";
import { ClusterReader } from "./agent/observe-cluster.ts";
import { DiskObserver, type DiskPorts, volumePorts } from "./agent/observe-disk.ts";
import { ExpulsionObserver } from "./agent/observe-expulsion.ts";
import { LocalObserver } from "./agent/observe-local.ts";
import { type OpenSession, PeerObserver } from "./agent/observe-peers.ts";
import { Observer } from "./agent/observe.ts";
import { perform, type PerformOptions } from "./agent/perform.ts";
import { probe } from "./agent/probe.ts";
import { Publisher } from "./agent/publish.ts";
import { Roles } from "./agent/roles.ts";
import { type PulseOptions, ReturnPulse } from "./agent/pulse.ts";
import { saveErrant } from "./agent/save-errant.ts";
import { dataDirectory } from "./agent/scripts.ts";
import {
  type AgentSettings,
  type Identity,
  identityOf,
  parseAgentSettings,
} from "./agent/settings.ts";
import { AGENT_USER } from "./api/names.ts";
import { type Clock, startDeadline } from "./base/clock.ts";
import type { Logger } from "./base/log.ts";
import { Secret } from "./base/secret.ts";
import type { AgentConfig } from "./config.ts";
import { VERSION } from "./config.ts";
import { connect, type KubeClient } from "./kube/client.ts";
import { loadConnection } from "./access/connection.ts";
import { ping } from "./mysql/admin.ts";
import { createExec, type Exec } from "./mysql/exec.ts";
import { readLagSeconds } from "./mysql/applier.ts";
import { type Login, openSession } from "./mysql/session.ts";
import { Shell } from "./mysql/shell.ts";
import { endClientConnections } from "./mysql/statements.ts";
import {
  type HealthAnswer,
  type HealthRequest,
  startHealthServer,
} from "./runtime/health-server.ts";
import { LeaseLock } from "./runtime/lease.ts";

export type AgentOptions = AgentConfig & { readonly env: Record<string, string | undefined> };
export type AgentDeps = { readonly log: Logger; readonly clock: Clock };

/** Longest that a running action may go on after SIGTERM. */
const FINISH_MS = 60_000;
/** Limit of one request to the API server: the agent decides every second. */
export const REQUEST_MS = 5_000;
const TEMPORARY_DIRECTORY = "/tmp";

/** `agent init`: writes the instance's files. */
export async function runAgentInit(config: AgentOptions, { log }: AgentDeps): Promise<void> {
  await initialise({
    ...config,
    log,
    identity: identityOf(config),
    settings: await readSettings(config),
    temporaryDirectory: TEMPORARY_DIRECTORY,
    userConfigFiles: [config.userConfigFile],
  });
}

/** `agent run`: manages the instance until the signal is aborted, then stops in order. */
export async function runAgent(
  config: AgentOptions,
  deps: AgentDeps,
  signal: AbortSignal,
): Promise<void> {
  const { env, kubeconfig, master } = config;
  const connection = await loadConnection({
    env,
    ...deps,
    run: createExec(deps.clock),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(master === undefined ? {} : { master }),
  });
  const userAgent = `mysql-operator-agent/${VERSION}`;
  const client = connect(connection, { userAgent, limitMs: REQUEST_MS, ...deps });
  try {
    const settings = await readSettings(config);
    await startAgent({ config, settings, identity: identityOf(config), client, ...deps }, signal);
  } finally {
    await client.close();
  }
}

export type AgentParts = AgentDeps & {
  readonly config: AgentOptions;
  readonly settings: AgentSettings;
  readonly identity: Identity;
  readonly client: KubeClient;
};

/** What the agent reaches on its machine and over MySQL's protocol. */
export type AgentPorts = {
  readonly exec: Exec;
  readonly open: OpenSession;
  readonly login: () => Promise<Login>;
  /** Whether the container's loop has a mysqld running. */
  readonly isRunning: () => Promise<boolean>;
  readonly countRestarts: () => Promise<number>;
  readonly saveErrant: PerformOptions["saveErrant"];
  readonly disk: DiskPorts;
};

/** The agent with its connections given. Resolves when it has stopped. */
export async function startAgent(parts: AgentParts, signal: AbortSignal): Promise<void> {
  const { clock, config, log } = parts;
  // Actions outlive the loop: they end by themselves, or by this.
  const lifetime = new AbortController();
  const agent = assemble(parts, openPorts(parts));
  const server = await startHealthServer({
    address: config.healthAddress,
    port: config.healthPort,
    handle: (request, gone) => answer(request, agent, gone),
  });
  log.info("agent runs", { instance: parts.identity.podName, port: server.port });
  const looping = agent.loop.run(lifetime.signal);
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  log.info("agent stops", { running: agent.actor.running?.type });
  const deadline = startDeadline(clock, FINISH_MS);
  deadline.signal.addEventListener("abort", () => lifetime.abort());
  await agent.actor.stop();
  deadline.clear();
  lifetime.abort();
  await looping;
  agent.local.close();
  agent.peers.close();
  agent.expulsion.close();
  await server.close();
}

type Agent = ReturnType<typeof assemble>;

/** Every part of one agent, joined; nothing runs yet. */
export function assemble(parts: AgentParts, ports: AgentPorts) {
  const { client, clock, identity, log, settings } = parts;
  const metrics = new AgentMetrics(identity);
  const mysql = assembleMysql(parts, ports, metrics);
  const { expulsion, local, peers, shell } = mysql;
  const cluster = new ClusterReader({
    client,
    identity,
    dataClaim: settings.dataClaim,
    clock,
    log,
  });
  const { multiPrimary } = settings;
  const { countRestarts, open, saveErrant } = ports;
  const disk = new DiskObserver(ports.disk, clock);
  const observer = new Observer({
    ...{ identity, multiPrimary, local, peers, cluster, disk, open, clock, log },
  });
  const lease = new LeaseLock({
    client,
    namespace: identity.namespace,
    name: settings.leaseName,
    identity: `${identity.podName}_${identity.podUid}`,
    clock,
    log,
  });
  const pulseOptions = { open, login: ports.login, clock };
  const actor = assembleActor(parts, {
    observer,
    local,
    cluster,
    shell,
    lease,
    metrics,
    saveErrant,
    pulse: pulseOptions,
  });
  const confirmPrimary = async (signal: AbortSignal): Promise<boolean> => {
    const view = await local.look(signal);
    return view.server === "up" && isPrimary(view.member);
  };
  const { primaryService } = settings;
  const roles = new Roles({ client, identity, primaryService, confirmPrimary, clock, log });
  const look = (signal: AbortSignal) => local.look(signal);
  const endClients = async (): Promise<unknown> =>
    local.session && await endClientConnections(local.session, AGENT_USER);
  const drainer = new Drainer({
    ...{ identity, multiPrimary, look, endClients, lease, shell, roles, client, clock, log },
  });
  const publisher = new Publisher({ client, identity, clock, log });
  const loop = new AgentLoop({
    ...{ identity, observer, local, peers, cluster, actor, roles, publisher, drainer, metrics },
    ...{ countRestarts, disk, expulsion, clock, log },
    pulse: new ReturnPulse(pulseOptions),
  });
  return { actor, clock, drainer, expulsion, local, loop, metrics, peers };
}

type ActorParts = {
  observer: Observer;
  local: LocalObserver;
  cluster: ClusterReader;
  shell: Shell;
  lease: LeaseLock;
  metrics: AgentMetrics;
  saveErrant: PerformOptions["saveErrant"];
  pulse: PulseOptions;
};

function assembleActor(
  { clock, identity, log, settings }: AgentParts,
  { lease, metrics, observer, ...parts }: ActorParts,
): Actor {
  const { local } = parts;
  const actor: Actor = new Actor({
    lease,
    lookAgain: async (how, signal) => {
      local.forgetData();
      const looks = { fresh: true, readCluster: how === "withApi", signal };
      return await observer.full(await local.look(signal), actor.history, looks);
    },
    decide: (facts) => decide({ ...facts, now: clock.monotonic() }),
    perform: (action, facts, permit) =>
      perform(action, facts, {
        permit,
        options: { identity, create: createOptions(settings), ...parts, log },
      }),
    ended: () => local.forgetData(),
    metrics,
    clock,
    log,
  });
  return actor;
}

function openPorts({ clock, config, settings }: AgentParts): AgentPorts {
  const { runDirectory, volumeDirectory } = config;
  const places = { volumeDirectory, dataDirectory: dataDirectory(config) };
  return {
    exec: createExec(clock),
    open: openSession,
    login: async () => ({
      user: AGENT_USER,
      password: new Secret(await readPassword(config.agentPasswordFile)),
      ca: settings.tls ? await readFile(`${config.tlsDirectory}/ca.crt`, "utf8") : undefined,
    }),
    isRunning: () => access(`${runDirectory}/mysqld.running`).then(() => true, () => false),
    countRestarts: () => countLines(`${runDirectory}/restarts`),
    disk: volumePorts(volumeDirectory),
    saveErrant: (session, discarded) => saveErrant({ session, ...discarded, ...places }),
  };
}

function assembleMysql(
  { clock, config, identity, log }: AgentParts,
  { exec, isRunning, login, open }: AgentPorts,
  metrics: AgentMetrics,
) {
  const optionFile = `${config.runDirectory}/client.cnf`;
  const path = config.env.PATH ?? "/usr/local/bin:/usr/bin:/bin";
  const server = identity.local;
  const places = { file: config.adminFile, optionFile, path };
  const expulsion = new ExpulsionObserver({ login, open, clock });
  const local = new LocalObserver({
    server,
    login,
    judge: (member) => expulsion.judge(member),
    ping: (signal) => ping(exec, server, places, signal),
    isRunning,
    open,
    clock,
  });
  const peers = new PeerObserver({ login, open, clock });
  const shell = new Shell({
    exec,
    places: {
      file: config.shellFile,
      optionFile,
      workDirectory: `${config.runDirectory}/shell`,
      path,
    },
    log,
    clock,
    seconds: metrics.shellSeconds,
  });
  return { expulsion, local, peers, shell };
}

function createOptions(settings: AgentSettings) {
  const { groupReplication, multiPrimary } = settings;
  return { multiPrimary, ...groupReplication };
}

async function answer(
  request: HealthRequest,
  agent: Agent,
  gone: AbortSignal,
): Promise<HealthAnswer> {
  if (request.path === "/drain") {
    // The hook's end is the kubelet's, not the client's: a closed connection must not stop a hand-over.
    const result = await agent.drainer.drain(new AbortController().signal);
    return { status: 200, body: `${JSON.stringify({ result })}\n` };
  }
  if (request.path === "/metrics") return await metricsAnswer(agent);
  gone.throwIfAborted();
  const full = request.query.get("full") === "1";
  return probe(request.path, agent.loop.state, full) ?? { status: 404, body: "{}\n" };
}

async function metricsAnswer({ clock, local, loop, metrics }: Agent): Promise<HealthAnswer> {
  const { session } = local;
  // A server that is going away is no reason to lose the other metrics.
  const lagSeconds = session && await readLagSeconds(session).catch(() => undefined);
  const at = loop.state.local?.at ?? 0;
  metrics.asked({ ageSeconds: (clock.monotonic() - at) / 1000, lagSeconds });
  return {
    status: 200,
    body: metrics.registry.render(),
    contentType: "text/plain; version=0.0.4; charset=utf-8",
  };
}

async function readSettings(config: AgentOptions): Promise<AgentSettings> {
  const file = `${config.configDirectory}/cluster.json`;
  try {
    return parseAgentSettings(await readFile(file, "utf8"));
  } catch (cause) {
    throw new Error(`Cannot read the operator's settings from ${file}`, { cause });
  }
}

async function countLines(file: string): Promise<number> {
  const text = await readFile(file, "utf8").catch(() => ""); // none was written yet
  return text.split("\n").length - 1;
}
