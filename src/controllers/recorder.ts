// Events (core/v1) for people. Recording is never waited for and never fails: a full queue and a refusing
// server lose Events, nothing else. What is said is decided as client-go's correlator does: repeats count
// up, many different messages about one thing become one, and an object that is talked about all the time
// has its Events written ever more seldom.

import { type Event, events, type ObjectReference } from "../api/kinds.ts";
import { type Clock, formatTime } from "../base/clock.ts";
import { isAbort } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import { ApiError, isAlreadyExists, isNotFound } from "../kube/api-error.ts";
import type { KubeClient } from "../kube/client.ts";
import type { KubeObject } from "../kube/object.ts";

export type EventContent = Pick<Event, "type" | "reason" | "message">;

export type RecorderOptions = {
  client: KubeClient;
  component: string; // which program reports, e.g. mysql-operator
  instance: string; // which copy of it, e.g. the Pod's name
  clock: Clock;
  log: Logger;
};

const LONGEST_QUEUE = 256;
const MOST_OBJECTS = 1024;
const QUIET_MS = 600_000; // after this long without a word about it, a thing is news again
const MOST_MESSAGES = 9; // this many different messages are told one by one, all others together
const COMBINED = "(combined from similar events): ";
// Per object: 25 Events at once, then one every five minutes.
const SPAM = { burst: 25, everyMs: 300_000 };
const LONGEST_MESSAGE_BYTES = 1024;
const LONGEST_NAME = 253;
const ATTEMPTS = 12; // two minutes of a server that does not answer
const RETRY_MS = 10_000;

/** What was said about one thing (an object, a type, a reason): an Event for each message. */
type Topic = { said: Map<string, Event>; lastAt: number };
type Subject = { topics: Map<string, Topic>; tokens: TokenBucket };

export class EventRecorder {
  readonly #options: RecorderOptions;
  readonly #stop = new AbortController();
  /** By object; the one that was longest not talked about first. */
  readonly #subjects = new Map<string, Subject>();
  /** To be sent. One that is said again while it waits is sent once, with its new count. */
  readonly #queue = new Set<Event>();
  readonly #created = new WeakSet<Event>(); // those that the server has
  #sending: Promise<void> | undefined;
  #serial: number;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#serial = Math.floor(options.clock.random() * 0x1000);
  }

  /** Says something about an object. */
  emit(object: KubeObject, content: EventContent): void {
    const { clock, log } = this.#options;
    const { topics, tokens } = this.#subject(object);
    const event = this.#said(topics, object, content);
    if (this.#queue.has(event)) return;
    if (!tokens.take(clock.monotonic()) || this.#queue.size >= LONGEST_QUEUE) {
      log.debug("event dropped", { reason: content.reason, object: object.metadata.name });
      return;
    }
    this.#queue.add(event);
    this.#sending ??= this.#send();
  }

  /** Gives what is queued this long to be sent; the rest is dropped. */
  async flush(timeoutMs: number): Promise<void> {
    const cancel = this.#options.clock.setTimer(timeoutMs, () => this.#stop.abort());
    await this.#sending;
    cancel();
  }

  #subject({ kind, metadata: { uid, namespace, name } }: KubeObject): Subject {
    const key = [kind, namespace, name, uid].join("\0");
    const tokens = new TokenBucket(SPAM, this.#options.clock.monotonic());
    const subject = this.#subjects.get(key) ?? { topics: new Map(), tokens };
    this.#subjects.delete(key);
    this.#subjects.set(key, subject);
    const [oldest = ""] = this.#subjects.keys();
    if (this.#subjects.size > MOST_OBJECTS) this.#subjects.delete(oldest);
    return subject;
  }

  // The Event that says this, a known one or a new one, with its count gone up.
  #said(topics: Map<string, Topic>, object: KubeObject, content: EventContent): Event {
    const now = this.#options.clock.now();
    const id = `${content.type} ${content.reason}`;
    const known = topics.get(id);
    const said = known && now - known.lastAt < QUIET_MS ? known.said : new Map<string, Event>();
    topics.set(id, { said, lastAt: now });
    const isOneOfMany = said.size >= MOST_MESSAGES && !said.has(content.message);
    const key = isOneOfMany ? COMBINED : content.message;
    const event = said.get(key) ?? this.#render(object, content, now);
    said.set(key, event);
    event.message = shortened(isOneOfMany ? COMBINED + content.message : content.message);
    event.count = (event.count ?? 0) + 1;
    event.lastTimestamp = formatTime(now);
    return event;
  }

  async #send(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    for (const event of this.#queue) {
      // Taken out before it is sent: what is said again meanwhile is queued again.
      this.#queue.delete(event);
      for (let attempt = 1; attempt <= ATTEMPTS && !signal.aborted; attempt++) {
        if (await this.#write(event)) break;
        // The first at any time, so that not everybody comes back at once.
        const waitMs = attempt === 1 ? RETRY_MS * clock.random() : RETRY_MS;
        await clock.sleep(waitMs, signal).catch(() => {}); // the loop sees the abort
      }
    }
    this.#sending = undefined; // here, in the same turn as the look at an empty queue
  }

  /** True when there is nothing more to try. */
  async #write(event: Event): Promise<boolean> {
    const { client, log } = this.#options;
    const { metadata, reason, message, count, lastTimestamp } = event;
    const body = { message, count, lastTimestamp };
    const isThere = this.#created.has(event);
    try {
      if (isThere) await client.of(events).patch(metadata, { body }, this.#stop.signal);
      else await client.of(events).create(event, this.#stop.signal);
      this.#created.add(event);
      return true;
    } catch (error) {
      if (isThere && isNotFound(error)) {
        this.#created.delete(event); // expired: made anew
        return await this.#write(event);
      }
      if (isAlreadyExists(error)) this.#created.add(event); // an answer that was lost
      const refused = error instanceof ApiError || isAbort(error);
      if (refused) log.debug("event refused", { event: metadata.name, reason, err: error });
      return refused;
    }
  }

  #render(object: KubeObject, content: EventContent, now: number): Event {
    const { component, instance } = this.#options;
    const { apiVersion, kind, metadata: { namespace, name, uid, resourceVersion } } = object;
    // Unique among recorders: the time, then a number that begins anywhere.
    const suffix = `.${Math.trunc(now).toString(16)}${(this.#serial++ & 0xfff).toString(16)}`;
    const stem = name.slice(0, LONGEST_NAME - suffix.length).replace(/[.-]+$/, "");
    const involved = { apiVersion, kind, namespace, name, uid, resourceVersion };
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: stem + suffix, namespace: namespace ?? "default" },
      involvedObject: involved as ObjectReference, // what is undefined is not sent
      ...content,
      firstTimestamp: formatTime(now),
      source: { component, host: instance },
      reportingComponent: component,
      reportingInstance: instance,
    };
  }
}

function shortened(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= LONGEST_MESSAGE_BYTES) return message;
  // A character that is cut in two becomes U+FFFD.
  return bytes.subarray(0, LONGEST_MESSAGE_BYTES - 3).toString().replace(/\uFFFD$/, "") + "…";
}
