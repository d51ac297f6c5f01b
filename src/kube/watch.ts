// Drives watcher.ts: carries out its commands, turns bytes into inputs, keeps the time. Never ends but by
// abort: whatever goes wrong becomes an input.

import { backoffDelay } from "../base/backoff.ts";
import { type Clock, type Deadline, nextTurn, startDeadline } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import { type Logger, newsOf } from "../base/log.ts";
import { ApiError } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import { LineDecoder } from "../base/lines.ts";
import type { KubeObject } from "./object.ts";
import { buildWatch, type Selection } from "./request.ts";
import { describeRef, type ResourceType } from "./resource.ts";
import { classifyError, parseLine, readObject } from "./watch-input.ts";
import { beginWatcher, stepWatcher } from "./watcher.ts";
import type { WatcherCommand, WatcherEvent, WatcherInput, WatcherStep } from "./watcher.ts";

export type WatchOptions<T extends KubeObject> = Selection & {
  client: KubeClient;
  type: ResourceType<T>;
  log: Logger;
  clock: Clock;
  /** Told of everything, in order; nothing more is read before it returns. Must not throw. */
  take: (event: WatcherEvent<T>) => void;
  /** Spec and status may be left to who reads them: events carry them as `rest`. */
  deferred?: boolean;
  onRestart?: (why: string) => void; // when the watch has to be opened again
  onUnreadable?: (what: string) => void; // for everything that could not be read, and why
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
const PAGE_SIZE = 500;
// Timers, PINGs and the Lease get their turn this often, however much there is to read.
const TURN_MS = 10;

/** Tells of every change of the selected objects, beginning with their whole state, until the abort. */
export function watch<T extends KubeObject>(options: WatchOptions<T>, signal: AbortSignal) {
  return new WatchDriver(options, signal).run();
}

class WatchDriver<T extends KubeObject> {
  readonly #options: WatchOptions<T>;
  readonly #signal: AbortSignal;
  readonly #log: Logger;
  readonly #isNew = newsOf();
  #step: WatcherStep<T> = beginWatcher();
  #attempt = 0;
  #troubleAt = -Infinity;
  #retryAfterMs = 0;
  #streamsFrom = -Infinity;
  #why = "";

  constructor(options: WatchOptions<T>, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#log = options.log.with({ watch: describeRef(options.type, options) });
  }

  /** Carries out one command after the other. Whatever goes wrong is what came of it. */
  async run(): Promise<never> {
    this.#advance(this.#step);
    while (true) {
      const { command } = this.#step;
      try {
        if (command.type === "list") await this.#list(command);
        if (command.type === "watch") await this.#follow(command);
      } catch (error) {
        this.#signal.throwIfAborted();
        this.#retryAfterMs = error instanceof ApiError ? error.retryAfterMs ?? 0 : 0;
        this.#tell({ type: "ended", how: classifyError(error), why: describeError(error) });
      }
    }
  }

  async #list({ continueToken, paged }: WatcherCommand & { type: "list" }): Promise<void> {
    const { client, type } = this.#options;
    const options = { ...this.#options, continueToken, limit: paged ? PAGE_SIZE : undefined };
    const { items, ...page } = await client.of(type).list(options, this.#signal);
    const read = items.map((item) => readObject(type, item));
    for (const one of read) if (one.type === "skipped") this.#report(one.why);
    this.#tell({ type: "page", events: read.filter((one) => one.type !== "skipped"), ...page });
  }

  async #follow({ resourceVersion, backoff }: WatcherCommand & { type: "watch" }): Promise<void> {
    const { client, clock, type } = this.#options;
    if (backoff) await this.#backOff();
    if (resourceVersion === undefined && clock.monotonic() < this.#streamsFrom) {
      const why = "streaming lists were refused before";
      return void this.#tell({ type: "ended", how: "refused", why });
    }
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + clock.random()));
    const request = buildWatch(type, this.#options, { resourceVersion, timeoutSeconds });
    const lifeMs = timeoutSeconds * 1000 + CLOSE_MARGIN_MS;
    const deadline = startDeadline(clock, lifeMs, this.#signal);
    try {
      const chunks = await client.openStream(request, deadline.signal);
      await this.#read(chunks, deadline, clock.monotonic() + lifeMs);
    } finally {
      deadline.clear();
    }
  }

  async #read(
    chunks: AsyncGenerator<Uint8Array>,
    deadline: Deadline,
    lastUntil: number,
  ): Promise<void> {
    const { clock, deferred, type } = this.#options;
    const openedAt = clock.monotonic();
    const decoder = new LineDecoder();
    let quietMs = this.#isInitial ? INITIAL_QUIET_LIMIT_MS : Infinity;
    let turnAt = openedAt;
    let why = "the server ended it";
    try {
      deadline.restart(Math.min(quietMs, lastUntil - openedAt));
      for await (const chunk of chunks) {
        let bookmarked = false;
        for (const line of decoder.push(chunk)) {
          this.#signal.throwIfAborted();
          const input = parseLine(type, line, deferred);
          if (!this.#tell(input)) return; // what comes after belongs to a watch that is over
          bookmarked ||= input.type === "bookmark" && !this.#isInitial;
        }
        if (bookmarked) quietMs = QUIET_LIMIT_MS; // only who sends bookmarks can be expected to
        // A timer for every chunk would cost more than its lines: it may be short by a turn.
        if (!bookmarked && clock.monotonic() - turnAt < TURN_MS) continue;
        deadline.restart(Math.min(quietMs, lastUntil - clock.monotonic()));
        await new Promise<void>(nextTurn);
        turnAt = clock.monotonic();
      }
    } catch (error) {
      why = describeError(error);
    }
    this.#signal.throwIfAborted();
    const lastedMs = clock.monotonic() - openedAt;
    // It sends what it likes, but no end of the initial events: it has to be listed.
    const isUseless = this.#isInitial && lastedMs >= INITIAL_QUIET_LIMIT_MS;
    const how = isUseless ? "refused" : lastedMs < SHORT_WATCH_MS ? "short" : "closed";
    this.#tell({ type: "ended", how, why });
  }

  get #isInitial(): boolean {
    return this.#step.state.phase === "streaming";
  }

  /** Takes in what a command has brought. True while there is more to come of it. */
  #tell(input: WatcherInput<T>): boolean {
    if (input.type === "skipped") this.#report(input.why);
    if (input.type === "ended") {
      const { how, why } = input;
      const now = this.#options.clock.monotonic();
      if (how === "refused" && now >= this.#streamsFrom) this.#streamsFrom = now + REFUSAL_MS;
      this.#why = `${how}: ${why}`;
      this.#log.debug("watch restarts", { why: this.#why });
      this.#options.onRestart?.(this.#why);
    }
    return this.#advance(stepWatcher(this.#step.state, input));
  }

  #advance(step: WatcherStep<T>): boolean {
    const { take, type } = this.#options;
    for (const event of step.events) {
      if ("unreadable" in event) {
        this.#report(`${describeRef(type, event.object.metadata)}: ${event.unreadable}`);
      }
      take(event);
    }
    this.#step = step; // only now: what was not taken comes again
    return step.command.type === "read";
  }

  // Everything counts; only the first of its kind is worth a line.
  #report(what: string): void {
    this.#options.onUnreadable?.(what);
    if (this.#isNew(what)) this.#log.warn("cannot read what the API server sent", { what });
  }

  async #backOff(): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonic() - this.#troubleAt > BACKOFF_RESET_MS) this.#attempt = 0;
    const backoffMs = backoffDelay(this.#attempt++, BACKOFF, () => clock.random());
    const delayMs = Math.max(backoffMs, this.#retryAfterMs);
    this.#retryAfterMs = 0;
    // A server that stays away is worth a line every few minutes, not one per watch and attempt.
    if (this.#attempt % 20 === 4) {
      this.#log.warn("watch keeps failing", { why: this.#why, nextTryMs: delayMs });
    }
    await clock.sleep(delayMs, this.#signal);
    this.#troubleAt = clock.monotonic();
  }
}
