// Writes the report to the own Pod: in the background, one write at a time, only when its meaning has
// changed. The Pod's uid goes with it, so that a Pod of the same name that came after is never touched.

import { INSTANCE_ANNOTATION } from "../api/labels.ts";
import { type InstanceReport, renderInstanceReport, sameMeaning } from "../api/instance-report.ts";
import type { Clock } from "../base/clock.ts";
import { describeError, isAbort } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { KubeClient } from "../kube/client.ts";
import { pods } from "../api/kinds.ts";
import type { Identity } from "./settings.ts";

export type PublisherOptions = {
  readonly client: KubeClient;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Logger;
};

const RETRY_MS = 2_000;

export class Publisher {
  readonly #options: PublisherOptions;
  #published: InstanceReport | undefined;
  #text = "";
  /** A write failed: it may have been done all the same. */
  #uncertain = false;
  #writing = false;
  #notBefore = -Infinity;
  #failing = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** The last report that the API server has. */
  get published(): InstanceReport | undefined {
    return this.#published;
  }

  /** Sees to it that the API server has this report, soon; a later call replaces it. */
  publish(report: InstanceReport, signal: AbortSignal): void {
    if (this.#writing || !this.#uncertain && this.#isPublished(report)) return;
    if (this.#options.clock.monotonic() < this.#notBefore) return;
    this.#writing = true;
    this.#write(report, signal).then(() => {
      this.#published = report;
      this.#text = textOf(report);
      this.#uncertain = false;
      this.#failing = false;
    }, (error: unknown) => {
      this.#uncertain = true;
      this.#notBefore = this.#options.clock.monotonic() + RETRY_MS;
      if (!this.#failing && !isAbort(error)) {
        this.#options.log.warn("report not published", { err: describeError(error) });
      }
      this.#failing = true; // said once; the next tick offers the report again
    }).finally(() => this.#writing = false);
  }

  // Nearly always it is the same text; only else is it looked at what that means.
  #isPublished(report: InstanceReport): boolean {
    if (this.#published === undefined) return false;
    return this.#text === textOf(report) || sameMeaning(this.#published, report);
  }

  async #write(report: InstanceReport, signal: AbortSignal): Promise<void> {
    const { client, identity } = this.#options;
    const metadata = {
      annotations: { [INSTANCE_ANNOTATION]: renderInstanceReport(report) },
      ...(identity.podUid === "" ? {} : { uid: identity.podUid }),
    };
    const ref = { namespace: identity.namespace, name: identity.podName };
    await client.of(pods).patch(ref, { body: { metadata } }, signal);
  }
}

function textOf(report: InstanceReport): string {
  return JSON.stringify({ ...report, observedAt: "" });
}
