// The operator put together: connection, client, controllers, leader election, health and metrics.
//
// Every replica follows the watches, so that a standby takes over with warm stores; only the one that
// holds the Lease lets its workers begin, and every write is refused from the moment on when the Lease is
// not surely held. Losing it ends the process: it starts again as a standby, with no pass under way that
// another leader does not know of.

import { hostname } from "node:os";
import { type Clock, startDeadline, untilAborted } from "./base/clock.ts";
import { abortReason } from "./base/errors.ts";
import type { Logger } from "./base/log.ts";
import { MetricRegistry } from "./base/metrics.ts";
import { type OperatorConfig, VERSION } from "./config.ts";
import { ClusterCensus, createClusterController } from "./controllers/cluster/controller.ts";
import { connect, type KubeClient } from "./kube/client.ts";
import { loadConnection } from "./access/connection.ts";
import type { Connection } from "./kube/dispatcher.ts";
import { EventRecorder } from "./controllers/recorder.ts";
import { createExec } from "./mysql/exec.ts";
import type { Controller } from "./runtime/controller.ts";
import {
  type HealthAnswer,
  type HealthServer,
  startHealthServer,
} from "./runtime/health-server.ts";
import { LeaseLock } from "./runtime/lease.ts";

/** Name of the leader's Lease; also of the field manager and of the Events' source. */
const NAME = "mysql-operator";
const FLUSH_MS = 2_000;

export type OperatorDeps = {
  readonly log: Logger;
  readonly clock: Clock;
  /** For finding the API server, nothing else. */
  readonly env: Record<string, string | undefined>;
};

/** Runs until the signal is aborted and everything has ended. @throws when the Lease or a port is lost. */
export async function runOperator(
  config: OperatorConfig,
  deps: OperatorDeps,
  signal: AbortSignal,
): Promise<void> {
  const { log, clock, env } = deps;
  const connection = await loadConnection({
    env,
    log,
    clock,
    run: createExec(clock),
    ...(config.kubeconfig !== undefined && { kubeconfig: config.kubeconfig }),
    ...(config.master !== undefined && { master: config.master }),
  });
  const metrics = new MetricRegistry();
  const client = connect(connection, { userAgent: `${NAME}/${VERSION}`, log, clock, metrics });
  const replica = config.hostname ?? hostname();
  log.info("operator starting", { version: VERSION, server: connection.server, replica });
  try {
    await new Operator(config, { ...deps, metrics, client, connection, replica }).run(signal);
  } finally {
    await client.close();
    log.info("operator stopped");
  }
}

type Parts = OperatorDeps & {
  readonly metrics: MetricRegistry;
  readonly client: KubeClient;
  readonly connection: Connection;
  readonly replica: string;
};

class Operator {
  readonly #config: OperatorConfig;
  readonly #parts: Parts;
  /** None when every replica may act. */
  readonly #lock: LeaseLock | undefined;
  readonly #recorder: EventRecorder;
  readonly #controller: Controller;
  readonly #leading = Promise.withResolvers<void>();
  #isLeading = false;
  readonly #stop = new AbortController();

  constructor(config: OperatorConfig, parts: Parts) {
    const { clock, log, replica } = parts;
    this.#config = config;
    this.#parts = parts;
    const lock = this.#lock = config.leaderElect ? this.#leaderLease() : undefined;
    const client = parts.client.withGuard(() => {
      if (lock?.held === false) throw abortReason("this replica does not lead");
    });
    this.#recorder = new EventRecorder({ client, component: NAME, instance: replica, clock, log });
    this.#controller = this.#clusterController(client);
  }

  async run(signal: AbortSignal): Promise<void> {
    const follow = () => this.#stop.abort(signal.reason);
    if (signal.aborted) return;
    signal.addEventListener("abort", follow, { once: true });
    const servers = await this.#serve();
    const working = this.#controller.run(this.#stop.signal);
    // Whatever ends first takes the rest with it; a failure is reported after all have ended.
    const tasks = [this.#untilEnded(working), this.#lead(working)].map((task) =>
      task.finally(() => this.#stop.abort())
    );
    const results = await Promise.allSettled(tasks);
    signal.removeEventListener("abort", follow);
    await Promise.all(servers.map((server) => server.close()));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  #clusterController(client: KubeClient): Controller {
    const { clock, log, metrics, replica } = this.#parts;
    const config = this.#config;
    const settings = {
      serverRepository: config.mysqlServerImage,
      agentImage: config.mysqlAgentImage,
      imagePullPolicy: config.imagePullPolicy,
      clusterDomain: config.clusterDomain,
      operatorVersion: VERSION,
    };
    return createClusterController({
      client,
      recorder: this.#recorder,
      clock,
      log,
      census: new ClusterCensus(metrics, replica),
      metrics,
      workers: config.workers,
      namespaces: config.watchNamespaces,
      plan: { settings, resyncMs: config.minResyncPeriodMs },
      mayBegin: this.#leading.promise,
    });
  }

  #leaderLease(): LeaseLock {
    const { client, connection, clock, log, replica } = this.#parts;
    return new LeaseLock({
      client,
      namespace: this.#config.leaderElectionNamespace ?? connection.namespace,
      name: NAME,
      // A container that is started again in the same Pod is another candidate.
      identity: `${replica}_${Math.floor(clock.random() * 2 ** 32).toString(16)}`,
      mayCreate: true,
      clock,
      log,
    });
  }

  /** Opens the gate when this replica leads; ends when it stops or has lost the Lease. */
  async #lead(working: Promise<void>): Promise<void> {
    if (this.#lock === undefined) {
      this.#leading.resolve();
      await this.#untilEnded(working);
      return await this.#recorder.flush(FLUSH_MS);
    }
    this.#status(0);
    const held = await this.#lock.acquire(this.#stop.signal);
    if (held === undefined) return;
    this.#parts.log.info("leading", { lease: NAME });
    this.#status(1);
    this.#isLeading = true;
    this.#leading.resolve();
    await Promise.race([untilAborted(held.lost), untilAborted(this.#stop.signal)]);
    const lost = !this.#stop.signal.aborted;
    this.#status(0);
    this.#stop.abort(held.lost.reason);
    try {
      await this.#untilEnded(working);
      await this.#recorder.flush(FLUSH_MS);
    } finally {
      // Only after the last pass has ended, or has had its time.
      await held.release();
    }
    if (!lost) return;
    const message = `Cannot go on without the Lease ${NAME}: starting again as a standby`;
    throw new Error(message, { cause: held.lost.reason });
  }

  #status(leads: 0 | 1): void {
    const { gauge } = this.#parts.metrics.labelled({ name: NAME });
    gauge("leader_election_master_status", "Whether this replica leads")(leads);
  }

  /** Waits until it is to stop, and from then on for the last passes, at most for the grace period. */
  async #untilEnded(working: Promise<void>): Promise<void> {
    await Promise.race([working, untilAborted(this.#stop.signal)]);
    const { clock } = this.#parts;
    const deadline = startDeadline(clock, this.#config.shutdownGraceMs);
    await Promise.race([working, untilAborted(deadline.signal)]);
    deadline.clear();
  }

  async #serve(): Promise<HealthServer[]> {
    const { healthAddress, metricsAddress } = this.#config;
    const health = await startHealthServer({
      ...healthAddress,
      handle: ({ path }) => this.#health(path),
    });
    const metrics = await startHealthServer({
      ...metricsAddress,
      handle: ({ path }) =>
        path === "/metrics"
          ? { ...text(200, this.#parts.metrics.render()), contentType: "text/plain; version=0.0.4" }
          : text(404, "not found"),
    });
    this.#parts.log.info("serving", { healthPort: health.port, metricsPort: metrics.port });
    return [health, metrics];
  }

  #health(path: string): HealthAnswer {
    const hasLost = this.#isLeading && this.#lock?.held === false;
    return answerHealth(path, { hasLost, missing: this.#controller.missing });
  }
}

/**
 * Ready means that the stores are filled; a standby is ready too. Who has lost the Lease ends by itself; if it
 * does not, the kubelet is to end it.
 */
export function answerHealth(
  path: string,
  { hasLost, missing }: { readonly hasLost: boolean; readonly missing: readonly string[] },
): HealthAnswer {
  switch (path) {
    case "/healthz":
      return hasLost
        ? text(503, "the Lease is lost, and this process has not ended")
        : text(200, "ok");
    case "/readyz":
      return missing.length === 0
        ? text(200, "ok")
        : text(503, `the watches have not delivered everything yet: ${missing.join(", ")}`);
    default:
      return text(404, "not found");
  }
}

function text(status: number, body: string): HealthAnswer {
  return { status, body: `${body}\n`, contentType: "text/plain" };
}
