// The loop: observe, decide, act, publish. Every tick is complete in itself, never overlaps the next, and
// waits for nothing but its own server and, while that is outside the group, for its peers. What is slower
// (actions, the API server) or must not wait even for that (guard.ts) goes on beside it.

import { type Clock, formatTime, startDeadline } from "../base/clock.ts";
import { describeError, isAbort } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { readJoinProgress } from "../mysql/applier.ts";
import type { AgentAction } from "./actions.ts";
import type { Actor } from "./actor.ts";
import { decide, needsMore } from "./decide.ts";
import { decideRoles } from "./decide-role.ts";
import type { Drainer } from "./drain.ts";
import { type Facts, hasData, isOnline, isRegistered, type LocalView, stateOf } from "./facts.ts";
import { evaluateGroup } from "./group.ts";
import { ServerGuard } from "./guard.ts";
import type { AgentMetrics } from "./metrics.ts";
import type { ClusterReader } from "./observe-cluster.ts";
import type { DiskObserver } from "./observe-disk.ts";
import type { ExpulsionObserver } from "./observe-expulsion.ts";
import type { LocalObserver } from "./observe-local.ts";
import type { PeerObserver } from "./observe-peers.ts";
import type { Observer } from "./observe.ts";
import type { ProbeState } from "./probe.ts";
import type { ReturnPulse } from "./pulse.ts";
import type { Publisher } from "./publish.ts";
import { renderReport } from "./report.ts";
import type { Roles } from "./roles.ts";
import type { Identity } from "./settings.ts";

export type LoopOptions = {
  readonly identity: Identity;
  readonly observer: Observer;
  readonly local: LocalObserver;
  readonly disk: Pick<DiskObserver, "look">;
  readonly peers: PeerObserver;
  readonly expulsion: ExpulsionObserver;
  readonly cluster: ClusterReader;
  readonly actor: Actor;
  readonly pulse: ReturnPulse;
  readonly roles: Roles;
  readonly publisher: Publisher;
  readonly drainer: Drainer;
  readonly metrics: AgentMetrics;
  /** Restarts of mysqld by the loop in its container. */
  readonly countRestarts: () => Promise<number>;
  readonly clock: Clock;
  readonly log: Logger;
};

const STEADY_MS = 1_000;
const BUSY_MS = 100;
/** After this long without progress a waiting agent looks once a second, too. */
const IMPATIENT_MS = 60_000;
const FIRST_READ_MS = 2_000;
const STEADY_REFRESH_MS = 30_000;
const BUSY_REFRESH_MS = 1_000;
const PATIENT_REFRESH_MS = 5_000;

export class AgentLoop {
  readonly #options: LoopOptions;
  #local: LocalView | undefined;
  #tickAt: number;
  #answered = false;
  #everHadData = false;
  #recorded = false;
  #restless = { of: "", since: 0 };
  readonly #guard: ServerGuard;

  constructor(options: LoopOptions) {
    this.#options = options;
    const { actor, clock, cluster, disk, expulsion, local, log } = options;
    this.#guard = new ServerGuard({
      open: () => local.open(),
      known: (at) => ({
        acting: actor.ranSince(at),
        leaving: actor.performing === "leave-group",
        recorded: this.#recorded,
        paused: cluster.facts?.paused === true,
        disk: disk.look(),
      }),
      ...{ expulsion, clock, log },
    });
    this.#tickAt = options.clock.monotonic();
  }

  /** What the probes are answered from. */
  get state(): ProbeState {
    const { clock } = this.#options;
    const now = clock.monotonic();
    return { now, tickAt: this.#tickAt, local: this.#local, answered: this.#answered };
  }

  /** Ticks until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, cluster } = this.#options;
    // So that the first report does not say that the API server is away.
    const first = startDeadline(clock, FIRST_READ_MS, signal);
    await cluster.read(first.signal).catch(() => {}); // then the loop goes on without it
    first.clear();
    await Promise.all([this.#ticks(signal), this.#guard.run(signal)]);
    this.#options.pulse.want(undefined);
  }

  async #ticks(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let failed = "";
    while (!signal.aborted) {
      let pauseMs = STEADY_MS;
      try {
        pauseMs = await this.#tick(signal);
        failed = "";
      } catch (error) {
        // Said once per cause: the next tick is a fresh start.
        const text = describeError(error);
        if (!isAbort(error) && text !== failed) log.error("tick failed", { err: error });
        failed = text;
      }
      this.#tickAt = clock.monotonic();
      await clock.sleep(pauseMs, signal).catch(() => {}); // the loop's condition sees the abort
    }
  }

  async #tick(signal: AbortSignal): Promise<number> {
    const { actor, clock, cluster, local: observer, metrics, pulse } = this.#options;
    const local = await observer.look(signal);
    this.#local = local;
    this.#recorded ||= cluster.facts?.bootstrap.at !== undefined || this.#impliesRecord(local);
    const facts = await this.#facts(local, signal);
    const decision = decide({ ...facts, now: clock.monotonic() });
    // Counted from when there is a group to come back to.
    const returning = local.server === "up" && local.data?.starting === "autoRejoin";
    const found = returning ? evaluateGroup(facts) : undefined;
    const group = found?.type === "group" ? found : undefined;
    actor.noteAutoRejoin(group !== undefined);
    pulse.want(group?.primary);
    actor.consider(decision, signal);
    const restarts = await this.#options.countRestarts();
    const progress = await this.#progress(local);
    metrics.observed(local, restarts);
    this.#tell({ facts, decision, restarts, progress }, signal);
    return this.#pace(decision, local, signal);
  }

  async #progress(local: LocalView): Promise<string | undefined> {
    const { actor, local: { session } } = this.#options;
    if (local.server !== "up" || session === undefined || isOnline(local.member)) return undefined;
    const joining = actor.running !== undefined || stateOf(local.member) === "RECOVERING";
    // Nothing but the report depends on it, and a server that is being cloned ends sessions at any time.
    return joining ? await readJoinProgress(session).catch(() => undefined) : undefined;
  }

  async #facts(local: LocalView, signal: AbortSignal): Promise<Facts> {
    const { actor, observer, peers } = this.#options;
    this.#answered ||= local.server === "up";
    this.#everHadData ||= local.server === "up" && local.data !== undefined && hasData(local.data);
    const { history } = actor;
    if (!needsMore({ local }, this.#recorded) || actor.running !== undefined) {
      if (actor.running === undefined) peers.close();
      return observer.light(local, history);
    }
    return await observer.full(local, history, { fresh: false, signal });
  }

  // Nobody joins a group before its creation is recorded.
  #impliesRecord(local: LocalView): boolean {
    return local.server === "up" && isOnline(local.member) && local.member.members.length > 1 &&
      isRegistered(local.data?.metadata, local.member.uuid);
  }

  #tell(
    seen: {
      facts: Facts;
      decision: AgentAction;
      restarts: number;
      progress: string | undefined;
    },
    signal: AbortSignal,
  ): void {
    const { actor, clock, cluster, identity, publisher, roles } = this.#options;
    const { facts, decision } = seen;
    const report = renderReport({
      facts,
      decision,
      leaseHolder: actor.leaseHolder,
      mysqldRestarts: seen.restarts,
      progress: seen.progress,
      everHadData: this.#everHadData,
      time: formatTime(clock.now()),
      before: publisher.published,
      ...(actor.running === undefined ? {} : { running: actor.running }),
    });
    publisher.publish(report, signal);
    const members = cluster.facts?.members ?? 0;
    const recorded = this.#recorded;
    roles.want(
      decideRoles({ now: clock.monotonic(), local: facts.local, identity, recorded, members }),
      signal,
    );
  }

  // How long to wait for the next tick, and how fresh the Cluster must be for it.
  #pace(decision: AgentAction, local: LocalView, signal: AbortSignal): number {
    const { actor, clock, cluster, drainer } = this.#options;
    const whole = local.server === "up" && !local.member.offlineMode &&
      local.member.members.every(({ state }) => state === "ONLINE");
    const calm = decision.type === "steady" && whole && this.#recorded;
    const restless = `${decision.type} ${actor.running?.type} ${
      local.server === "up" && stateOf(local.member)
    }`;
    const now = clock.monotonic();
    if (restless !== this.#restless.of) this.#restless = { of: restless, since: now };
    const patient = now - this.#restless.since > IMPATIENT_MS;
    const everyMs = calm ? STEADY_REFRESH_MS : patient ? PATIENT_REFRESH_MS : BUSY_REFRESH_MS;
    cluster.refresh(everyMs, signal);
    return drainer.draining || (!calm && !patient) ? BUSY_MS : STEADY_MS;
  }
}
