// Runs at most one action at a time, in the background, so that observing, probes and roles go on beside
// it. Under the Lease it looks and decides once more: only if the decision is still the same is it done. That goes for
// the START of the own member, too: MySQL Shell gives all members new passwords for each that it brings in, and a START
// in the middle of that is refused for a minute.
//
// Remembers what failed and when to try again; knows nothing of what an action does.

import { backoffDelay } from "../base/backoff.ts";
import { type Clock, formatTime } from "../base/clock.ts";
import { describeError, isAbort } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { LeaseLock } from "../runtime/lease.ts";
import { type AgentAction, isEffect } from "./actions.ts";
import { type Facts, type History, NO_HISTORY } from "./facts.ts";
import type { AgentMetrics } from "./metrics.ts";
import { ActionError, type Permit } from "./perform.ts";

export type ActorOptions = {
  readonly lease: LeaseLock;
  /**
   * Observes everything anew; "withoutApi": what the API server said last counts on.
   * @throws with "withApi", when it does not answer
   */
  readonly lookAgain: (how: "withApi" | "withoutApi", signal: AbortSignal) => Promise<Facts>;
  readonly decide: (facts: Facts) => AgentAction;
  readonly perform: (action: AgentAction, facts: Facts, permit: Permit) => Promise<void>;
  /** Called after every action: what was known is no longer true. */
  readonly ended: () => void;
  readonly metrics: AgentMetrics;
  readonly clock: Clock;
  readonly log: Logger;
};

export type Running = { readonly type: string; readonly since: string; readonly attempt: number };

const LEASE_EVERY_MS = 700;
const RETRY = { baseMs: 1_000, maxMs: 60_000, jitter: 0.3 };
/** Failures that the passing of time does not cure: not tried more often than this. */
const HOPELESS_MS = 30_000;
const HOPELESS: ReadonlySet<string> = new Set(["incompatible", "denied", "usage", "diverged"]);

export class Actor {
  readonly #options: ActorOptions;
  #history: History = NO_HISTORY;
  #running: Running | undefined;
  #done: Promise<void> = Promise.resolve();
  #leaseHolder: string | undefined;
  #leaseTriedAt = -Infinity;
  #stopped = false;
  #begun = false;
  #performing = false;
  #endedAt = -Infinity;

  constructor(options: ActorOptions) {
    this.#options = options;
  }

  get history(): History {
    return this.#history;
  }

  /** What is being done at this moment. */
  get running(): Running | undefined {
    return this.#running;
  }

  /**
   * Whether an action has worked on the server at some time since then (monotonic milliseconds). Not while it
   * only waits for the API server, before or after: that may take long.
   */
  ranSince(at: number): boolean {
    return this.#performing || this.#endedAt >= at;
  }

  /** What works on the server at this moment. */
  get performing(): string | undefined {
    return this.#performing ? this.#running?.type : undefined;
  }

  /** Who has the Lease that the wanted action needs. */
  get leaseHolder(): string | undefined {
    return this.#leaseHolder;
  }

  /** Begins what was decided, unless something is running. */
  consider(action: AgentAction, signal: AbortSignal): void {
    if (this.#running !== undefined || this.#stopped) return;
    if (action.type === "steady") this.#history = NO_HISTORY;
    if (!isEffect(action)) {
      this.#leaseHolder = undefined;
      return;
    }
    const now = this.#options.clock.monotonic();
    if (this.#leaseHolder !== undefined && now - this.#leaseTriedAt < LEASE_EVERY_MS) return;
    const attempt = (this.#history.failures[action.type] ?? 0) + 1;
    const since = formatTime(this.#options.clock.now());
    this.#running = { type: action.type, since, attempt };
    this.#done = this.#run(action, signal).finally(() => {
      this.#running = undefined;
      this.#options.ended();
    });
  }

  /** Notes since when the server has been trying to rejoin by itself. */
  noteAutoRejoin(trying: boolean): void {
    const since = this.#history.autoRejoinSince;
    if (trying === (since !== undefined)) return;
    const now = this.#options.clock.monotonic();
    this.#history = { ...this.#history, autoRejoinSince: trying ? now : undefined };
  }

  /** Begins nothing any more; resolves when what is running has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async #run(action: AgentAction, signal: AbortSignal): Promise<void> {
    const { clock, log, metrics } = this.#options;
    const startedAt = clock.monotonic();
    this.#begun = false;
    try {
      const outcome = await this.#underLease(action, signal);
      if (outcome !== "done") return;
      const durationMs = Math.round(clock.monotonic() - startedAt);
      log.info("instance action", { action: action.type, durationMs });
      metrics.actionEnded(action.type, "ok", durationMs);
    } catch (error) {
      const durationMs = Math.round(clock.monotonic() - startedAt);
      if (!isAbort(error)) this.#failed(action, error, durationMs);
    }
  }

  async #underLease(action: AgentAction, signal: AbortSignal): Promise<"done" | "changed"> {
    const { lease, lookAgain } = this.#options;
    this.#leaseTriedAt = this.#options.clock.monotonic();
    // Without the API server nobody else works under the Lease for long, and a member comes back all the same.
    const alone = (error: unknown): "alone" => {
      if (action.type === "start-group-replication" && !signal.aborted) return "alone";
      throw error;
    };
    const lookAlone = (): Promise<Facts> => lookAgain("withoutApi", signal);
    const held = await lease.tryAcquire(action.type, signal).catch(alone);
    if (held === "alone") {
      const permit = { stillMine: () => !this.#stopped, signal };
      return await this.#decideAgain(action, await lookAlone(), permit);
    }
    this.#leaseHolder = held === undefined ? lease.holder || "another agent" : undefined;
    if (held === undefined) return "changed";
    try {
      const facts = await lookAgain("withApi", signal)
        .catch((error: unknown) => alone(error) && lookAlone());
      const stillMine = (): boolean => held.stillMine() && !this.#stopped;
      return await this.#decideAgain(action, facts, { stillMine, signal });
    } finally {
      await held.release();
    }
  }

  async #decideAgain(
    { type }: AgentAction,
    facts: Facts,
    permit: Permit,
  ): Promise<"done" | "changed"> {
    const again = this.#options.decide(facts);
    return again.type === type ? await this.#perform(again, facts, permit) : "changed";
  }

  async #perform(action: AgentAction, facts: Facts, permit: Permit): Promise<"done"> {
    const { attempt } = this.#running ?? { attempt: 1 };
    this.#options.log.info("instance action begins", { ...action, action: action.type, attempt });
    // START leaves the server read-only; whoever else makes it writable meanwhile is not this action.
    this.#begun = true;
    this.#performing = action.type !== "start-group-replication";
    try {
      await this.#options.perform(action, facts, permit);
    } finally {
      this.#performing = false;
      this.#endedAt = this.#options.clock.monotonic();
    }
    return "done";
  }

  #failed(action: AgentAction, error: unknown, durationMs: number): void {
    const { clock, log, metrics } = this.#options;
    const kind = error instanceof ActionError ? error.kind : "other";
    // Whatever kept it from beginning says nothing of the action: without the API server nothing is the matter
    // with a rejoin.
    const failures = (this.#history.failures[action.type] ?? 0) + (this.#begun ? 1 : 0);
    const retry = HOPELESS.has(kind) ? { ...RETRY, baseMs: HOPELESS_MS } : RETRY;
    const delayMs = backoffDelay(failures - 1, retry, () => clock.random());
    const lastFailure = describeError(error);
    this.#history = {
      ...this.#history,
      failures: { ...this.#history.failures, [action.type]: failures },
      retryAt: clock.monotonic() + delayMs,
      lastFailure,
    };
    log.warn("instance action failed", {
      action: action.type,
      kind,
      attempt: failures,
      durationMs,
      retryInMs: delayMs,
      err: lastFailure,
    });
    metrics.actionEnded(action.type, kind, durationMs);
  }
}
