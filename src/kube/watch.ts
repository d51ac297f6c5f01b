// Drives watcher.ts: carries out its commands, turns bytes into inputs, keeps the time. Never ends but by
// abort: whatever goes wrong becomes an input.

import { backoffDelay } from "../base/backoff.ts";
import { type Clock, type Deadline, nextTurn, startDeadline } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { ApiError } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import { LineDecoder } from "./lines.ts";
import type { KubeObject } from "./object.ts";
import { buildWatch, type Selection } from "./request.ts";
import { describeRef, type ResourceType } from "./resource.ts";
import type { ResourceVersion } from "./version.ts";
import { classifyError, parseLine, readObject } from "./watch-input.ts";
import {
  beginWatcher,
  type ObjectEvent,
  stepWatcher,
  type WatcherCommand,
  type WatcherEvent,
  type WatcherInput,
  type WatcherStep,
} from "./watcher.ts";

export type WatchOptions = Selection & {
  log: Logger;
  clock: Clock;
  /** Spec and status may be left to who reads them: events carry them as `rest`. */
  deferred?: boolean;
  /** Called when the watch has to be opened again, with why. */
  onRestart?: (why: string) => void;
  /** Called for everything that could not be read, with what it is and why. */
  onUnreadable?: (what: string) => void;
};

const BACKOFF = { baseMs: 500, maxMs: 15_000, jitter: 0.5 };
// Only after this long without trouble does the next trouble count as the first again: a server that
// answers and then fails at once must not be asked at full speed.
const BACKOFF_RESET_MS = 120_000;
// A server that refused a streaming list is not asked for one with every new list.
const REFUSAL_MS = 600_000;
// The server closes a watch by itself after this or up to twice as long, so that many watches do not come
// back together.
const WATCH_SECONDS = 300;
const CLOSE_MARGIN_MS = 15_000;
// Bookmarks come every minute, and every second while the initial events are outstanding.
const QUIET_LIMIT_MS = 100_000;
const INITIAL_QUIET_LIMIT_MS = 30_000;
const SHORT_WATCH_MS = 1000;
// Timers, PINGs and the Lease get their turn this often, however much there is to read.
const TURN_MS = 10;
const MOST_REPORTS = 1000;

/** Every change of the selected objects, beginning with their whole state. */
export async function* watch<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<WatcherEvent<T>> {
  const driver = new WatchDriver(client, type, options);
  let step: WatcherStep<T> = beginWatcher();
  yield* step.events;
  while (true) {
    following: for await (const inputs of driver.carryOut(step.command, signal)) {
      for (const input of inputs) {
        signal.throwIfAborted();
        driver.note(input);
        step = stepWatcher(step.state, input);
        for (const event of step.events) yield event;
        if (step.command.type !== "read") break following; // what comes after belongs to a watch that is over
      }
    }
    signal.throwIfAborted();
  }
}

class WatchDriver<T extends KubeObject> {
  readonly #client: KubeClient;
  readonly #type: ResourceType<T>;
  readonly #options: WatchOptions;
  readonly #log: Logger;
  readonly #reported = new Set<string>();
  #attempt = 0;
  #troubleAt = -Infinity;
  #retryAfterMs = 0;
  #streamsFrom = -Infinity;
  #why = "";

  constructor(client: KubeClient, type: ResourceType<T>, options: WatchOptions) {
    this.#client = client;
    this.#type = type;
    this.#options = options;
    this.#log = options.log.with({ watch: describeRef(type, options) });
  }

  /** Does what the machine asked for, and says what comes of it until that is over. Never fails. */
  async *carryOut(command: WatcherCommand, signal: AbortSignal): AsyncGenerator<WatcherInput<T>[]> {
    try {
      if (command.type === "list") yield await this.#list(command, signal);
      if (command.type === "watch") yield* await this.#follow(command, signal);
    } catch (error) {
      this.#retryAfterMs = error instanceof ApiError ? error.retryAfterMs ?? 0 : 0;
      yield [{ type: "ended", how: classifyError(error), why: describeError(error) }];
    }
  }

  async #list(
    { continueToken, paged }: WatcherCommand & { type: "list" },
    signal: AbortSignal,
  ): Promise<WatcherInput<T>[]> {
    const how = { continueToken, ...(paged ? {} : { limit: 0 }) };
    const page = await this.#client.listPage(this.#type, this.#options, how, signal);
    const read = page.items.map((item) => readObject(this.#type, item));
    const events = read.filter((one) => one.type !== "skipped");
    const resourceVersion = page.resourceVersion as ResourceVersion;
    return [
      ...read.filter((one) => one.type === "skipped"),
      { type: "page", events, continueToken: page.continueToken, resourceVersion },
    ];
  }

  /** Opens a watch. */
  async #follow(
    { resourceVersion, backoff }: WatcherCommand & { type: "watch" },
    signal: AbortSignal,
  ): Promise<AsyncGenerator<WatcherInput<T>[]> | WatcherInput<T>[][]> {
    const { clock } = this.#options;
    const isInitial = resourceVersion === undefined;
    if (backoff) await this.#backOff(signal);
    if (isInitial && clock.monotonic() < this.#streamsFrom) {
      return [[{ type: "ended", how: "refused", why: "streaming lists were refused before" }]];
    }
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + clock.random()));
    const request = buildWatch(this.#type, this.#options, { resourceVersion, timeoutSeconds });
    const lifeMs = timeoutSeconds * 1000 + CLOSE_MARGIN_MS;
    const deadline = startDeadline(clock, lifeMs, signal);
    try {
      const chunks = await this.#client.openStream(request, deadline.signal);
      return this.#read(chunks, deadline, { lifeMs, isInitial });
    } catch (error) {
      deadline.clear();
      throw error;
    }
  }

  /** From a watch's opening to its end: what each chunk says, then how it ended. */
  async *#read(
    chunks: AsyncGenerator<Uint8Array>,
    deadline: Deadline,
    { lifeMs, isInitial }: { lifeMs: number; isInitial: boolean },
  ): AsyncGenerator<WatcherInput<T>[]> {
    const now = (): number => this.#options.clock.monotonic();
    const openedAt = now();
    const decoder = new LineDecoder();
    let quietMs = isInitial ? INITIAL_QUIET_LIMIT_MS : Infinity;
    let turnAt = openedAt;
    let why = "the server ended it";
    try {
      deadline.restart(Math.min(quietMs, lifeMs));
      for await (const chunk of chunks) {
        const inputs = decoder.push(chunk)
          .map((line) => parseLine(this.#type, line, this.#options.deferred));
        for (const input of inputs) {
          if (input.type !== "bookmark" || (isInitial && !input.initialEventsEnd)) continue;
          isInitial = false;
          quietMs = QUIET_LIMIT_MS; // only a server that sends bookmarks can be expected to
        }
        deadline.restart(Math.min(quietMs, openedAt + lifeMs - now()));
        if (inputs.length > 0) yield inputs;
        if (now() - turnAt < TURN_MS) continue;
        await new Promise<void>(nextTurn);
        turnAt = now();
      }
    } catch (error) {
      why = describeError(error);
    } finally {
      deadline.clear();
    }
    const lastedMs = now() - openedAt;
    // It sends what it likes, but no end of the initial events: it has to be listed.
    const isUseless = isInitial && lastedMs >= INITIAL_QUIET_LIMIT_MS;
    const how = isUseless ? "refused" : lastedMs < SHORT_WATCH_MS ? "short" : "closed";
    yield [{ type: "ended", how, why }];
  }

  /** Remembers and reports what concerns the watch itself. */
  note(input: WatcherInput<T>): void {
    if (input.type === "skipped") this.#report(input.why);
    if (input.type === "changed") this.#noteEvent(input.event);
    if (input.type === "page") input.events.forEach((event) => this.#noteEvent(event));
    if (input.type !== "ended") return;
    const { how, why } = input;
    const now = this.#options.clock.monotonic();
    if (how === "refused" && now >= this.#streamsFrom) this.#streamsFrom = now + REFUSAL_MS;
    this.#why = `${how}: ${why}`;
    this.#log.debug("watch restarts", { why: this.#why });
    this.#options.onRestart?.(this.#why);
  }

  #noteEvent({ object, unreadable }: ObjectEvent<T>): void {
    if (unreadable) this.#report(`${describeRef(this.#type, object.metadata)}: ${unreadable}`);
  }

  // Everything counts; only the first of its kind is worth a line.
  #report(unreadable: string): void {
    this.#options.onUnreadable?.(unreadable);
    if (this.#reported.has(unreadable) || this.#reported.size >= MOST_REPORTS) return;
    this.#reported.add(unreadable);
    this.#log.warn("cannot read what the API server sent", { what: unreadable });
  }

  async #backOff(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonic() - this.#troubleAt > BACKOFF_RESET_MS) this.#attempt = 0;
    const backoffMs = backoffDelay(this.#attempt++, BACKOFF, () => clock.random());
    const delayMs = Math.max(backoffMs, this.#retryAfterMs);
    this.#retryAfterMs = 0;
    // A server that stays away is worth a line every few minutes, not one per watch and attempt.
    if (this.#attempt % 20 === 4) {
      this.#log.warn("watch keeps failing", { why: this.#why, nextTryMs: delayMs });
    }
    await clock.sleep(delayMs, signal);
    this.#troubleAt = clock.monotonic();
  }
}
