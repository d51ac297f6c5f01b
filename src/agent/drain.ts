// The answer to /drain, the preStop hook of mysqld: hands the primary role over while there is time, moves
// the primary Service with it, then returns. Bounded: when time is up, or nobody can take over, it returns
// as well, and the group elects by itself when mysqld stops.

import { type Clock, startDeadline } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { pods } from "../api/kinds.ts";
import type { KubeClient } from "../kube/client.ts";
import type { ViewMember } from "../mysql/queries.ts";
import type { Shell } from "../mysql/shell.ts";
import type { LeaseLock } from "../runtime/lease.ts";
import { isPrimary, type LocalView, ownRow } from "./facts.ts";
import type { Roles } from "./roles.ts";
import { type Identity, ownEndpoint, podOfMember } from "./settings.ts";

export type DrainOptions = {
  readonly identity: Identity;
  readonly multiPrimary: boolean;
  readonly look: (signal: AbortSignal) => Promise<LocalView>;
  /** Ends the connections of applications to the own server. */
  readonly endClients: () => Promise<unknown>;
  readonly lease: LeaseLock;
  readonly shell: Shell;
  readonly roles: Roles;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
};

/** All of it; the grace period of the Pod must be longer by what mysqld needs to stop. */
const LIMIT_MS = 45_000;
const POLL_MS = 200;
/**
 * kube-proxy takes changes of EndpointSlices in at once, but then not again for 1 s (the default of iptables and
 * nftables.minSyncPeriod, counted from the end of the last time). The deletion of the Pod is such a change, and the
 * others of a drained node follow in the next turn: the new primary must not have to wait for its own.
 */
const PROXIES_BUSY_MS = 2_500;
/** With less than this every second is needed to stop. */
const SHORT_GRACE_SECONDS = 30;
/** How long running transactions may go on before they are cut off. */
const TRANSACTIONS_SECONDS = 10;
const CONFIRM_EVERY_MS = 50;
/** How long the switch is waited for after MySQL Shell has ended. */
const CONFIRM_MS = 5_000;

export class Drainer {
  readonly #options: DrainOptions;
  #draining = 0;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** Whether a hand-over is going on. */
  get draining(): boolean {
    return this.#draining > 0;
  }

  /** Resolves when nothing more is to be done before mysqld stops; never throws. */
  async drain(signal: AbortSignal): Promise<string> {
    const { clock, log } = this.#options;
    const deadline = startDeadline(clock, LIMIT_MS, signal);
    const startedAt = clock.monotonic();
    this.#draining++;
    try {
      const result = await this.#handOver(deadline.signal);
      log.info("drained", { result, durationMs: Math.round(clock.monotonic() - startedAt) });
      return result;
    } catch (error) {
      log.warn("not handed over", { err: describeError(error) });
      return `not handed over: ${describeError(error)}`;
    } finally {
      this.#draining--;
      deadline.clear();
    }
  }

  async #handOver(signal: AbortSignal): Promise<string> {
    const { clock, lease, look, multiPrimary } = this.#options;
    if (multiPrimary) return "multi-primary: nothing to hand over";
    for (let first = true;; first = false) {
      const local = await look(signal);
      if (local.server !== "up" || !isPrimary(local.member)) return "not the primary";
      if (candidatesOf(local).length === 0) return "no other ONLINE member";
      // Until then this server takes writes, over new connections too: it is ready, and the Service has no other.
      if (first && await this.#keepsProxiesBusy(signal)) {
        await clock.sleep(PROXIES_BUSY_MS, signal);
        continue;
      }
      const held = await lease.tryAcquire("set-primary-instance", signal);
      if (held === undefined) {
        await clock.sleep(POLL_MS, signal);
        continue;
      }
      try {
        return await this.#switch(signal, held.stillMine);
      } finally {
        await held.release();
      }
    }
  }

  // Whether the own Pod is being deleted, and there is time to wait for what follows from that.
  async #keepsProxiesBusy(signal: AbortSignal): Promise<boolean> {
    const { client, identity: { namespace, podName: name } } = this.#options;
    const pod = await client.of(pods).get({ namespace, name }, signal).catch(() => undefined);
    // A container that is only started anew changes nothing for kube-proxy; nor does it if the API server is away.
    if (pod?.metadata.deletionTimestamp === undefined) return false;
    return (pod.metadata.deletionGracePeriodSeconds ?? 0) >= SHORT_GRACE_SECONDS;
  }

  async #switch(signal: AbortSignal, stillMine: () => boolean): Promise<string> {
    const { identity, look, roles, shell } = this.#options;
    const local = await look(signal);
    if (local.server !== "up" || !isPrimary(local.member)) return "not the primary";
    const target = await this.#choose(candidatesOf(local), signal);
    if (target === undefined) return "every other member is stopping too";
    if (!stillMine()) throw new Error("the Lease was lost");
    // A role label is a change for kube-proxy too: none before the Service's.
    roles.hold();
    const switching = shell.run(
      {
        type: "set-primary-instance",
        target: { host: target.host, port: target.port },
        runningTransactionsTimeoutSeconds: TRANSACTIONS_SECONDS,
      },
      ownEndpoint(identity),
      signal,
    );
    try {
      // The group has switched before MySQL Shell has looked at everybody and said so: no write waits for that.
      const viewId = await this.#confirm(target, switching, signal);
      if (viewId === undefined) {
        const outcome = await switching;
        throw new Error(outcome.ok ? "the new primary was not seen" : outcome.failure.message);
      }
      const pod = podOfMember(identity, target);
      if (pod !== undefined) await roles.pointPrimary(pod, viewId, signal);
      // Their next connection finds the new primary.
      await this.#options.endClients();
      return `handed over to ${pod ?? target.host}`;
    } finally {
      roles.release();
      await switching.catch(() => {}); // under the Lease to its end
    }
  }

  // The most up to date first; not one whose Pod is being deleted, if that can be seen.
  async #choose(
    candidates: readonly ViewMember[],
    signal: AbortSignal,
  ): Promise<ViewMember | undefined> {
    const { client, identity } = this.#options;
    for (const candidate of candidates) {
      const name = podOfMember(identity, candidate);
      if (name === undefined) return candidate;
      const ref = { namespace: identity.namespace, name };
      const pod = await client.of(pods).get(ref, signal);
      if (pod !== undefined && pod.metadata.deletionTimestamp === undefined) return candidate;
    }
    return undefined;
  }

  // Asks while it is switching, and for some time after. A server that is handing over refuses even to be looked at.
  async #confirm(
    target: ViewMember,
    switching: Promise<unknown>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { clock, look } = this.#options;
    let until = Infinity;
    const ended = (): number => until = clock.monotonic() + CONFIRM_MS;
    switching.then(ended, ended);
    while (clock.monotonic() < until) {
      const local = await look(signal);
      const members = local.server === "up" ? local.member.members : [];
      const row = members.find(({ uuid }) => uuid === target.uuid);
      if (local.server === "up" && row?.role === "PRIMARY" && row.state === "ONLINE") {
        return local.member.viewId;
      }
      await clock.sleep(CONFIRM_EVERY_MS, signal);
    }
    return undefined;
  }
}

/** ONLINE members other than this one, the most up to date first. */
export function candidatesOf(local: LocalView): readonly ViewMember[] {
  if (local.server !== "up") return [];
  const own = ownRow(local.member);
  return local.member.members
    .filter(({ state, uuid }) => state === "ONLINE" && uuid !== own?.uuid)
    .toSorted((a, b) => a.queued - b.queued);
}
