// Makes role labels and the primary Service what decide-role.ts says: in the background, one pass at a
// time, when the plan has changed and now and then to be sure.
//
// Moving the Service: read it, look at the own server once more, write with the Service's resourceVersion.
// A successor becomes primary after that look at the earliest, and then its write either comes later or
// makes ours fail; the view in the annotation stops whoever slept in between. Why this matters: a Service
// that points to a demoted server fails every write until somebody looks again.

import { PRIMARY_VIEW_ANNOTATION, type Role, ROLE_LABEL } from "../api/labels.ts";
import type { Clock } from "../base/clock.ts";
import { abortReason, describeError, isAbort } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { isConflict, isForbidden } from "../kube/api-error.ts";
import type { KubeClient } from "../kube/client.ts";
import { pods, services } from "../api/kinds.ts";
import type { RolePlan } from "./decide-role.ts";
import { isOlderView } from "./facts.ts";
import type { Identity } from "./settings.ts";

const POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name";
const RETRY_MS = 1_000;
const HOLD_MS = 5_000;
const REFRESH_MS = 30_000;
/** Without a role: others may still have an older view, and label this Pod by it. */
const OUTSIDE_REFRESH_MS = 5_000;

export type RolesOptions = {
  readonly client: KubeClient;
  readonly identity: Identity;
  readonly primaryService: string | null;
  /** Looks at the own server now: whether it is the primary of a majority. */
  readonly confirmPrimary: (signal: AbortSignal) => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Logger;
};

export class Roles {
  readonly #options: RolesOptions;
  #done = "";
  #doneAt = -Infinity;
  #notBefore = -Infinity;
  #working = false;
  #wanted: RolePlan | undefined;
  #failing = false;
  #heldUntil = -Infinity;

  constructor(options: RolesOptions) {
    this.#options = options;
  }

  /** Sees to it that the plan becomes true, soon; a later call replaces it. */
  want(plan: RolePlan, signal: AbortSignal): void {
    this.#wanted = plan;
    const key = keyOf(plan);
    const now = this.#options.clock.monotonic();
    const outside = plan.labels.get(this.#options.identity.podName) === null;
    const refreshMs = outside ? OUTSIDE_REFRESH_MS : REFRESH_MS;
    const due = key !== this.#done || now - this.#doneAt >= refreshMs;
    // Who is outside takes its label away at once.
    const held = now < this.#heldUntil && !outside;
    if (!due || held || this.#working || now < this.#notBefore) return;
    this.#working = true;
    this.#apply(plan, signal).then(() => {
      this.#done = key;
      this.#doneAt = now;
      this.#failing = false;
    }, (error: unknown) => {
      this.#done = ""; // a part of it may have been written
      this.#notBefore = now + (isConflict(error) ? 0 : RETRY_MS);
      if (isAbort(error) || isConflict(error)) return;
      if (!this.#failing) {
        this.#options.log.warn("roles not written", { err: describeError(error) });
      }
      this.#failing = true; // said once; tried again by the next tick
    }).finally(() => this.#working = false);
  }

  /** Nothing is written but by pointPrimary until `release()`, or for a while: labels must not be wrong for long. */
  hold(): void {
    this.#heldUntil = this.#options.clock.monotonic() + HOLD_MS;
  }

  release(): void {
    this.#heldUntil = -Infinity;
  }

  /** Points the primary Service to a Pod that was just made primary. @throws ApiError */
  async pointPrimary(pod: string, viewId: string, signal: AbortSignal): Promise<void> {
    await this.#moveService({ pod, viewId }, () => Promise.resolve(true), signal);
  }

  async #apply(plan: RolePlan, signal: AbortSignal): Promise<void> {
    // The Service first: it is what clients wait for.
    if (plan.primary !== undefined) {
      await this.#moveService(plan.primary, this.#options.confirmPrimary, signal);
    }
    await Promise.all([...plan.labels].map(([pod, role]) => this.#label(pod, role, signal)));
  }

  async #moveService(
    to: { pod: string; viewId: string },
    confirm: (signal: AbortSignal) => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, identity, primaryService: name, log } = this.#options;
    if (name === null) return;
    const ref = { namespace: identity.namespace, name };
    const service = await client.of(services).get(ref, signal);
    if (service === undefined || service.spec.selector?.[POD_NAME_LABEL] === to.pod) return;
    const seen = service.metadata.annotations?.[PRIMARY_VIEW_ANNOTATION] ?? "";
    // Nor are labels written by it: this server does not know yet that the group has gone on.
    if (isOlderView(to.viewId, seen)) throw abortReason("a newer view is known");
    // Not an error: the plan of the next tick says what is right now.
    if (!await confirm(signal)) throw abortReason("no longer the primary");
    const body = {
      metadata: {
        resourceVersion: service.metadata.resourceVersion,
        annotations: { [PRIMARY_VIEW_ANNOTATION]: to.viewId },
      },
      spec: { selector: { [POD_NAME_LABEL]: to.pod } },
    };
    await client.of(services).patch(ref, { body }, signal);
    log.info("primary service moved", { service: name, to: to.pod, view: to.viewId });
  }

  async #label(pod: string, role: Role | null, signal: AbortSignal): Promise<void> {
    const { client, identity, log } = this.#options;
    const ref = { namespace: identity.namespace, name: pod };
    try {
      const live = await client.of(pods).get(ref, signal);
      if (live === undefined || (live.metadata.labels?.[ROLE_LABEL] ?? null) === role) return;
      const own = pod === identity.podName && identity.podUid !== "";
      if (own && live.metadata.uid !== identity.podUid) return;
      // The answer may have taken long: what is wanted now counts.
      if (this.#wanted?.labels.get(pod) !== role) return;
      const body = { metadata: { uid: live.metadata.uid, labels: { [ROLE_LABEL]: role } } };
      await client.of(pods).patch(ref, { body }, signal);
      log.info("role label written", { pod, role });
    } catch (error) {
      // A Pod beyond spec.members is no longer ours to touch.
      if (!isForbidden(error) || pod === identity.podName) throw error;
    }
  }
}

function keyOf(plan: RolePlan): string {
  return JSON.stringify([[...plan.labels].sort(), plan.primary ?? null]);
}
