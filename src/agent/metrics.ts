// The agent's metrics: the original's names with their labels, and what an on-call wants to see beside
// them. Counters of things that happened are counted where they happen; gauges follow each observation.

import { MetricRegistry, SECONDS_BUCKETS } from "../base/metrics.ts";
import type { Counter, Gauge, Histogram } from "../base/metrics.ts";
import { countTransactions } from "../mysql/gtid.ts";
import type { ActionType } from "./actions.ts";
import { hasQuorum, type LocalView, ownRow } from "./facts.ts";
import { instanceState } from "./report.ts";
import type { Identity } from "./settings.ts";

/** Counters that the original had, by what they count now. */
const ORIGINAL: Readonly<Partial<Record<ActionType, readonly [ok: string, failed: string]>>> = {
  "create-cluster": ["mysql_innodb_cluster_created", "mysql_innodb_cluster_create_error"],
  "add-instance": ["mysql_innodb_instance_added", "mysql_innodb_instance_add_error"],
  "rejoin-instance": ["mysql_innodb_instance_rejoined", "mysql_innodb_instance_rejoin_error"],
  "start-group-replication": [
    "mysql_innodb_instance_rejoined",
    "mysql_innodb_instance_rejoin_error",
  ],
};

const HELP: Readonly<Record<string, string>> = {
  mysql_innodb_cluster_created: "Times a group was created.",
  mysql_innodb_cluster_create_error: "Times the creation of a group failed.",
  mysql_innodb_instance_added: "Times this instance was added to its group.",
  mysql_innodb_instance_add_error: "Times adding this instance failed.",
  mysql_innodb_instance_rejoined: "Times this instance came back into its group.",
  mysql_innodb_instance_rejoin_error: "Times coming back failed.",
};

export class AgentMetrics {
  readonly registry = new MetricRegistry();
  /** Runs of MySQL Shell: see mysql/shell.ts. */
  readonly shellSeconds: Histogram;
  readonly #labels: { podName: string; clusterName: string };
  readonly #actions: Histogram;
  readonly #states: Counter;
  readonly #noQuorum: Counter;
  readonly #online: Gauge;
  readonly #role: Gauge;
  readonly #gauges: Record<"queued" | "executed" | "members" | "restarts" | "age" | "lag", Gauge>;
  readonly #seen = new Map<Gauge, number>();
  #executed: string | undefined;
  #last = "";

  constructor(identity: Identity) {
    const names = ["podName", "clusterName"];
    this.#labels = { podName: identity.podName, clusterName: identity.clusterName };
    const { registry } = this;
    for (const name of Object.keys(HELP)) this.#original(name).inc(this.#labels, 0);
    this.#states = registry.counter(
      "mysql_innodb_instance_status",
      "Times a state of this instance was entered.",
      [...names, "instanceStatus"],
    );
    this.#noQuorum = registry.counter(
      "mysql_innodb_cluster_no_quorum",
      "Times this instance lost the majority.",
      names,
    );
    this.shellSeconds = registry.histogram(
      "mysql_agent_shell_seconds",
      "Runs of MySQL Shell, by operation and outcome.",
      ["operation", "outcome"],
      SECONDS_BUCKETS,
    );
    this.#actions = registry.histogram(
      "mysql_agent_action_seconds",
      "Actions of the agent, by type and outcome.",
      ["action", "outcome"],
      SECONDS_BUCKETS,
    );
    const gauge = (name: string, help: string) =>
      registry.gauge(`mysql_agent_${name}`, help, names);
    this.#online = gauge("online", "1 while the member is ONLINE in a partition with quorum.");
    this.#role = gauge("primary", "1 while the member is a primary.");
    this.#gauges = {
      queued: gauge("applier_queue", "Transactions received and not yet applied."),
      executed: gauge("gtid_executed", "Transactions in gtid_executed at the last full look."),
      members: gauge("group_members", "Members in this instance's view of the group."),
      restarts: gauge("mysqld_restarts", "Restarts of mysqld by the loop in its container."),
      age: gauge("observation_age_seconds", "Age of the last observation of mysqld."),
      lag: gauge("applier_lag_seconds", "How far the applier is behind the original commit."),
    };
  }

  actionEnded(action: ActionType, outcome: string, durationMs: number): void {
    this.#actions.observe({ action, outcome }, durationMs / 1000);
    const pair = ORIGINAL[action];
    if (pair !== undefined) this.#original(outcome === "ok" ? pair[0] : pair[1]).inc(this.#labels);
  }

  observed(local: LocalView, restarts: number): void {
    const state = instanceState(local);
    if (state !== this.#last) {
      this.#states.inc({ ...this.#labels, instanceStatus: state.toUpperCase() });
      if (state === "Unreachable") this.#noQuorum.inc(this.#labels);
    }
    this.#last = state;
    this.#set(this.#gauges.restarts, restarts);
    this.#set(this.#online, state === "Online" ? 1 : 0);
    const own = local.server === "up" ? ownRow(local.member) : undefined;
    this.#set(this.#role, state === "Online" && own?.role === "PRIMARY" ? 1 : 0);
    if (local.server !== "up") return;
    this.#set(this.#gauges.queued, own?.queued ?? 0);
    const members = hasQuorum(local.member) ? local.member.members.length : 0;
    this.#set(this.#gauges.members, members);
    const executed = local.data?.executed;
    if (executed === undefined || executed === this.#executed) return;
    this.#executed = executed;
    this.#set(this.#gauges.executed, countTransactions(executed));
  }

  /** To be set when the metrics are asked for. */
  asked(now: { ageSeconds: number; lagSeconds: number | undefined }): void {
    this.#gauges.age.set(this.#labels, now.ageSeconds);
    this.#gauges.lag.set(this.#labels, now.lagSeconds ?? 0);
  }

  // Most looks see what the one before saw.
  #set(gauge: Gauge, value: number): void {
    if (this.#seen.get(gauge) === value) return;
    this.#seen.set(gauge, value);
    gauge.set(this.#labels, value);
  }

  #original(name: string): Counter {
    return this.registry.counter(name, HELP[name] ?? "", ["podName", "clusterName"]);
  }
}
