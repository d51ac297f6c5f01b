// Events (core/v1) for people: a message about an object, counted up when it repeats. Recording is never
// waited for and never fails: a full queue and a refusing server lose Events, nothing else.

import { type Clock, formatTime } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { ApiError, isNotFound } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import { events } from "./resource.ts";
import type { Event, KubeObject } from "./types.ts";

export type EventContent = { type: "Normal" | "Warning"; reason: string; message: string };

export interface RecorderOptions {
  client: KubeClient;
  /** Which program reports, e.g. mysql-operator. */
  component: string;
  /** Which copy of it, e.g. the Pod's name. */
  instance: string;
  clock: Clock;
  log: Logger;
}

const LONGEST_QUEUE = 256;
const MOST_REMEMBERED = 1024;
// After this long a repeat is news again.
const REPEAT_WINDOW_MS = 600_000;
const ATTEMPTS = 3;
const RETRY_MS = 2000;

type Entry = { event: Event; count: number; lastAt: number };

export class EventRecorder {
  readonly #options: RecorderOptions;
  readonly #stop = new AbortController();
  readonly #queue: string[] = [];
  /** What was said lately, by what makes two Events the same one; the oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #created = new Set<string>();
  #sending: Promise<void> | undefined;
  #serial = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Says something about an object; the same thing again within ten minutes only counts up. */
  emit(object: KubeObject, content: EventContent): void {
    const { clock, log } = this.#options;
    const now = clock.now();
    const key = [
      object.metadata.uid,
      object.metadata.name,
      content.type,
      content.reason,
      content.message,
    ].join("\0");
    const known = this.#entries.get(key);
    const repeated = known !== undefined && now - known.lastAt < REPEAT_WINDOW_MS;
    const entry: Entry = repeated
      ? { event: known.event, count: known.count + 1, lastAt: now }
      : { event: this.#render(object, content, now), count: 1, lastAt: now };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#forgetOldest();
    if (this.#queue.includes(key)) return; // its count is sent with it
    if (this.#queue.length >= LONGEST_QUEUE) {
      log.debug("event dropped", { reason: content.reason, object: object.metadata.name });
      return;
    }
    this.#queue.push(key);
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Gives what is queued this long to be sent; the rest is dropped. */
  async flush(timeoutMs: number): Promise<void> {
    const cancel = this.#options.clock.setTimer(timeoutMs, () => this.#stop.abort());
    await this.#sending;
    cancel();
  }

  async #send(): Promise<void> {
    for (let key = this.#queue[0]; key !== undefined; key = this.#queue[0]) {
      const entry = this.#entries.get(key);
      for (let attempt = 1; entry && attempt <= ATTEMPTS && !this.#stop.signal.aborted; attempt++) {
        if (await this.#write(key, entry)) break;
        await this.#options.clock.sleep(RETRY_MS, this.#stop.signal).catch(() => {}); // the loop sees the abort
      }
      this.#queue.shift();
    }
  }

  /** True when there is nothing more to try. */
  async #write(key: string, { event, count, lastAt }: Entry): Promise<boolean> {
    const { client, log } = this.#options;
    const { namespace = "default", name } = event.metadata;
    const body = { count, lastTimestamp: formatTime(lastAt) };
    try {
      if (this.#created.has(name)) {
        await client.patch(events, { namespace, name }, { body }, this.#stop.signal);
      } else {
        await client.create(events, { ...event, ...body }, this.#stop.signal);
        this.#created.add(name);
      }
      return true;
    } catch (error) {
      if (isNotFound(error) && this.#created.delete(name)) return false; // expired: make it anew
      if (error instanceof ApiError) {
        log.debug("event refused", { event: name, key: event.reason, err: error });
      }
      return error instanceof ApiError || key === undefined;
    }
  }

  #render(object: KubeObject, content: EventContent, now: number): Event {
    const { component, instance } = this.#options;
    const { name, uid, resourceVersion, namespace = "default" } = object.metadata;
    // Unique among restarts and recorders without randomness: time, then a serial number.
    const suffix = `${Math.trunc(now).toString(16)}${
      (this.#serial++ % 4096).toString(16).padStart(3, "0")
    }`;
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: `${name}.${suffix}`, namespace },
      involvedObject: {
        apiVersion: object.apiVersion,
        kind: object.kind,
        name,
        ...(object.metadata.namespace === undefined ? {} : { namespace }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      ...content,
      firstTimestamp: formatTime(now),
      source: { component, host: instance },
      reportingComponent: component,
      reportingInstance: instance,
    };
  }

  #forgetOldest(): void {
    if (this.#entries.size <= MOST_REMEMBERED) return;
    const [oldest] = this.#entries;
    if (!oldest) return;
    this.#entries.delete(oldest[0]);
    this.#created.delete(oldest[1].event.metadata.name);
  }
}
