// Events (core/v1) for people: a message about an object, counted up when it repeats. Recording is never
// waited for and never fails: a full queue and a refusing server lose Events, nothing else.

import { type Clock, formatTime } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { ApiError, isNotFound } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import { events } from "./resource.ts";
import type { Event, KubeObject } from "./object.ts";

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
  #serial: number;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#serial = Math.floor(options.clock.random() * 0x1000);
  }

  /** Says something about an object; the same thing again within ten minutes only counts up. */
  emit(object: KubeObject, content: EventContent): void {
    const { clock, log } = this.#options;
    const now = clock.now();
    const { uid, name } = object.metadata;
    const key = [uid, name, content.type, content.reason, content.message].join("\0");
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
      log.debug("event dropped", { reason: content.reason, object: name });
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
    const { signal } = this.#stop;
    // Taken out before it is sent: what is said again meanwhile is queued again with its new count.
    for (let key = this.#queue.shift(); key !== undefined; key = this.#queue.shift()) {
      for (let attempt = 1; attempt <= ATTEMPTS && !signal.aborted; attempt++) {
        const entry = this.#entries.get(key);
        if (!entry || await this.#write(entry)) break;
        await this.#options.clock.sleep(RETRY_MS, signal).catch(() => {}); // the loop sees the abort
      }
    }
  }

  /** True when there is nothing more to try. */
  async #write({ event, count, lastAt }: Entry): Promise<boolean> {
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
      const refused = error instanceof ApiError;
      if (refused) log.debug("event refused", { event: name, reason: event.reason, err: error });
      return refused;
    }
  }

  #render(object: KubeObject, content: EventContent, now: number): Event {
    const { component, instance } = this.#options;
    const { name, uid, resourceVersion, namespace = "default" } = object.metadata;
    // Unique among recorders: the time, then a number that begins anywhere.
    const suffix = `${Math.trunc(now).toString(16)}${(this.#serial++ & 0xfff).toString(16)}`;
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
