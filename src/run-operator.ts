// The operator put together: connection, client, controllers, leader election, health and metrics.
//
// Every replica follows the watches, so that a standby takes over with warm stores; only the one that
// holds the Lease lets its workers begin. Losing the Lease ends the process: it starts again as a standby,
// with no pass under way that another leader does not know of.

import { hostname } from "node:os";
import { type Clock, startDeadline } from "./base/clock.ts";
import type { Logger } from "./base/log.ts";
import { MetricRegistry } from "./base/metrics.ts";
import { type OperatorConfig, VERSION } from "./config.ts";
import {
  ClusterCensus,
  type ClusterControllerOptions,
  createClusterController,
} from "./controllers/cluster/controller.ts";
import { connect, type KubeClient } from "./kube/client.ts";
import { loadConnection } from "./access/connection.ts";
import type { Connection } from "./kube/connection.ts";
import { EventRecorder } from "./kube/recorder.ts";
import { createExec } from "./mysql/exec.ts";
import type { Controller } from "./runtime/controller.ts";
import {
  type HealthAnswer,
  type HealthServer,
  startHealthServer,
} from "./runtime/health-server.ts";
import { LeaseHolder } from "./runtime/lease.ts";

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
  const recorder = new EventRecorder({ client, component: NAME, instance: replica, clock, log });
  const parts = { ...deps, metrics, client, connection, recorder, replica };
  const operator = new Operator(config, parts);
  try {
    await operator.run(signal);
  } finally {
    await recorder.flush(FLUSH_MS);
    await client.close();
    log.info("operator stopped");
  }
}

type Parts = OperatorDeps & {
  readonly metrics: MetricRegistry;
  readonly client: KubeClient;
  readonly connection: Connection;
  readonly recorder: EventRecorder;
  readonly replica: string;
};

class Operator {
  readonly #config: OperatorConfig;
  readonly #parts: Parts;
  readonly #metrics: MetricRegistry;
  readonly #controllers: readonly Controller[];
  readonly #leading = Promise.withResolvers<void>();
  #isLeading = false;
  readonly #stop = new AbortController();

  constructor(config: OperatorConfig, parts: Parts) {
    this.#config = config;
    this.#parts = parts;
    this.#metrics = parts.metrics;
    const census = new ClusterCensus(this.#metrics, parts.replica);
    const namespaces = config.watchNamespaces.length > 0 ? config.watchNamespaces : [undefined];
    this.#controllers = namespaces.map((namespace) =>
      createClusterController({
        ...this.#controllerOptions(census),
        ...(namespace !== undefined && { namespace }),
      })
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const follow = () => this.#stop.abort(signal.reason);
    if (signal.aborted) return;
    signal.addEventListener("abort", follow, { once: true });
    const servers = await this.#serve();
    const working = Promise.all(this.#controllers.map((one) => one.run(this.#stop.signal)));
    // Whatever ends first takes the rest with it; a failure is reported after all have ended.
    const tasks = [working, this.#lead(working)].map((task) =>
      task.finally(() => this.#stop.abort())
    );
    const results = await Promise.allSettled(tasks);
    signal.removeEventListener("abort", follow);
    await Promise.all(servers.map((server) => server.close()));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  #controllerOptions(census: ClusterCensus): ClusterControllerOptions {
    const { client, recorder, clock, log } = this.#parts;
    const config = this.#config;
    const settings = {
      serverRepository: config.mysqlServerImage,
      agentImage: config.mysqlAgentImage,
      imagePullPolicy: config.imagePullPolicy,
      clusterDomain: config.clusterDomain,
      operatorVersion: VERSION,
    };
    return {
      client,
      recorder,
      clock,
      log,
      census,
      metrics: this.#metrics,
      workers: config.workers,
      plan: { settings, resyncMs: config.minResyncPeriodMs },
      mayAct: async (signal) => {
        // Once it leads, a replica leads until its process ends: no waiting, no listener per pass.
        if (!this.#isLeading) await untilFirst(this.#leading.promise, signal);
      },
    };
  }

  /** Opens the gate when this replica leads; ends when it stops or has lost the Lease. */
  async #lead(working: Promise<unknown>): Promise<void> {
    if (!this.#config.leaderElect) {
      this.#begin();
      await working;
      return;
    }
    this.#status(0);
    let lost: unknown;
    await this.#leaseHolder().run(async (term) => {
      this.#status(1);
      this.#begin();
      await untilAborted(term);
      this.#status(0);
      if (!this.#stop.signal.aborted) lost = term.reason;
      this.#stop.abort(term.reason);
      // The Lease is given up only after the last pass has ended, or has had its time.
      await this.#ended(working);
    }, this.#stop.signal);
    if (lost === undefined) return;
    const message = `Cannot go on without the Lease ${NAME}: starting again as a standby`;
    throw new Error(message, { cause: lost });
  }

  #leaseHolder(): LeaseHolder {
    const { client, connection, clock, log, replica } = this.#parts;
    return new LeaseHolder({
      client,
      namespace: this.#config.leaderElectionNamespace ?? connection.namespace,
      name: NAME,
      // A container that is started again in the same Pod is another candidate.
      identity: `${replica}_${Math.floor(clock.random() * 2 ** 32).toString(16)}`,
      clock,
      log,
    });
  }

  #status(leads: 0 | 1): void {
    const help = "Whether this replica leads";
    this.#metrics.gauge("leader_election_master_status", help, ["name"]).set({ name: NAME }, leads);
  }

  #begin(): void {
    this.#isLeading = true;
    this.#leading.resolve();
  }

  /** Waits for the last passes, at most for the grace period. */
  async #ended(working: Promise<unknown>): Promise<void> {
    const graceMs = this.#config.shutdownGraceMs;
    const deadline = startDeadline(this.#parts.clock, graceMs, new AbortController().signal);
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
          ? { status: 200, body: this.#metrics.render(), contentType: "text/plain; version=0.0.4" }
          : NOT_FOUND,
    });
    this.#parts.log.info("serving", { healthPort: health.port, metricsPort: metrics.port });
    return [health, metrics];
  }

  /** Ready means that the stores are filled; a standby is ready too. */
  #health(path: string): HealthAnswer {
    if (path === "/healthz") return { status: 200, body: "ok\n", contentType: "text/plain" };
    if (path !== "/readyz") return NOT_FOUND;
    const ready = this.#controllers.every(({ synced }) => synced);
    return ready ? { status: 200, body: "ok\n", contentType: "text/plain" } : {
      status: 503,
      body: "the watches have not delivered everything yet\n",
      contentType: "text/plain",
    };
  }
}

const NOT_FOUND: HealthAnswer = { status: 404, body: "not found\n", contentType: "text/plain" };

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Waits for the promise, at most until the signal is aborted. @throws the signal's reason then. */
async function untilFirst(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([promise, untilAborted(signal)]);
  signal.throwIfAborted();
}
