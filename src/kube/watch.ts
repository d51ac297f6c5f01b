// Drives watcher.ts: carries out its commands, turns bytes into inputs, keeps the time. Never ends but by
// abort: whatever goes wrong becomes an input.

import { backoffDelay } from "../base/backoff.ts";
import type { Clock } from "../base/clock.ts";
import { abortReason, describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { ApiError } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import { LineDecoder } from "./lines.ts";
import { buildWatch, type Selection } from "./request.ts";
import { describeRef, type ResourceType } from "./resource.ts";
import type { KubeObject } from "./object.ts";
import { classifyError, dropManagedFields, parseLine } from "./watch-input.ts";
import {
  type ResourceVersion,
  stepWatcher,
  type WatcherCommand,
  type WatcherEvent,
  type WatcherInput,
  type WatcherState,
  type WatcherStep,
} from "./watcher.ts";

export type WatchOptions = Selection & {
  log: Logger;
  clock: Clock;
  /** Called when the watch has to be opened again, with why. */
  onRestart?: (why: string) => void;
};

const BACKOFF = { baseMs: 500, maxMs: 15_000, jitter: 0.5 };
// Only after this long without trouble does the next trouble count as the first again: a server that
// answers and then fails at once must not be asked at full speed.
const BACKOFF_RESET_MS = 120_000;
// The server closes a watch by itself; random, so that many watches do not come back together.
const WATCH_SECONDS = { least: 300, most: 600 };
const CLOSE_MARGIN_MS = 15_000;
// Bookmarks come every minute, and every second while the initial events are outstanding.
const QUIET_LIMIT_MS = 100_000;
const INITIAL_QUIET_LIMIT_MS = 30_000;
const SHORT_WATCH_MS = 1000;

/** Every change of the selected objects, beginning with their whole state. */
export async function* watch<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<WatcherEvent<T>> {
  const driver = new WatchDriver(client, type, options);
  let state: WatcherState = { phase: "empty" };
  let input: WatcherInput<T> = { type: "start" };
  try {
    while (true) {
      const step: WatcherStep<T> = stepWatcher(state, input);
      state = step.state;
      yield* step.events;
      input = await driver.perform(step.command, signal);
    }
  } finally {
    await driver.close();
  }
}

type Stream<T> = {
  inputs: AsyncGenerator<WatcherInput<T>>;
  close: (reason: Error) => void;
  openedAt: number;
  /** Set when an input was read: the watch was of use. */
  used: boolean;
};

class WatchDriver<T extends KubeObject> {
  readonly #client: KubeClient;
  readonly #type: ResourceType<T>;
  readonly #selection: Selection;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onRestart: (why: string) => void;
  #stream: Stream<T> | undefined;
  #attempt = 0;
  #troubleAt = -Infinity;
  #retryAfterMs = 0;

  constructor(client: KubeClient, type: ResourceType<T>, options: WatchOptions) {
    const { log, clock, onRestart, ...selection } = options;
    const { namespace } = selection;
    this.#client = client;
    this.#type = type;
    this.#selection = selection;
    this.#clock = clock;
    this.#onRestart = onRestart ?? (() => {});
    this.#log = log.with({
      watch: describeRef(type, namespace === undefined ? {} : { namespace }),
    });
  }

  /** Does what the machine asked for. Rejects only when the signal is aborted. */
  async perform(command: WatcherCommand, signal: AbortSignal): Promise<WatcherInput<T>> {
    try {
      if (command.type === "read") return await this.#read();
      await this.close();
      if (command.backoff) await this.#backOff(signal);
      if (command.type === "list") return await this.#list(command, signal);
      return await this.#open(command.resourceVersion, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      this.#retryAfterMs = error instanceof ApiError ? error.retryAfterMs ?? 0 : 0;
      // A stream that breaks while it is read is a closed one: nothing was lost but the connection.
      const input: WatcherInput<T> = command.type === "read" && this.#stream
        ? this.#closed(this.#stream)
        : { type: "failed", failure: classifyError(error) };
      return this.#restarting(input, describeError(error));
    }
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.close(abortReason("the watch was closed"));
    await stream?.inputs.return(undefined).catch(() => {}); // it is being thrown away
  }

  async #list(
    command: WatcherCommand & { type: "list" },
    signal: AbortSignal,
  ): Promise<WatcherInput<T>> {
    const { continueToken, paged } = command;
    const page = { continueToken, ...(paged ? {} : { limit: 0 }) };
    const { items, ...rest } = await this.#client.listPage(
      this.#type,
      this.#selection,
      page,
      signal,
    );
    const resourceVersion = rest.resourceVersion as ResourceVersion;
    return { type: "page", ...rest, items: items.map(dropManagedFields), resourceVersion };
  }

  async #open(
    resourceVersion: ResourceVersion | undefined,
    signal: AbortSignal,
  ): Promise<WatcherInput<T>> {
    const clock = this.#clock;
    const { least, most } = WATCH_SECONDS;
    const timeoutSeconds = Math.round(least + clock.random() * (most - least));
    const from = { resourceVersion, timeoutSeconds };
    const request = buildWatch(this.#type, this.#selection, from);
    const controller = new AbortController();
    const close = (reason: Error): void => controller.abort(reason);
    const follow = (): void => close(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener("abort", follow, { once: true });
    const end = (): void => signal.removeEventListener("abort", follow);
    try {
      const chunks = await this.#client.openStream(request, controller.signal);
      const guard = new QuietGuard(clock, timeoutSeconds, close);
      if (resourceVersion === undefined) guard.expectWithin(INITIAL_QUIET_LIMIT_MS);
      const inputs = readInputs<T>(chunks, guard, end);
      this.#stream = { inputs, close, openedAt: clock.monotonic(), used: false };
      return { type: "opened" };
    } catch (error) {
      end();
      throw error;
    }
  }

  async #read(): Promise<WatcherInput<T>> {
    const stream = this.#stream;
    if (!stream) return { type: "closed", short: true };
    const next = await stream.inputs.next();
    if (next.done) return this.#closed(stream);
    stream.used = true;
    const input = next.value;
    return input.type === "failed" ? this.#restarting(input, "an error in the stream") : input;
  }

  #closed(stream: Stream<T>): WatcherInput<T> {
    const lastedMs = this.#clock.monotonic() - stream.openedAt;
    return { type: "closed", short: !stream.used && lastedMs < SHORT_WATCH_MS };
  }

  #restarting(input: WatcherInput<T>, cause: string): WatcherInput<T> {
    const why = `${input.type === "failed" ? input.failure : input.type}: ${cause}`;
    this.#log.debug("watch restarts", { why });
    this.#onRestart(why);
    return input;
  }

  async #backOff(signal: AbortSignal): Promise<void> {
    const clock = this.#clock;
    if (clock.monotonic() - this.#troubleAt > BACKOFF_RESET_MS) this.#attempt = 0;
    const backoffMs = backoffDelay(this.#attempt++, BACKOFF, () => clock.random());
    const delayMs = Math.max(backoffMs, this.#retryAfterMs);
    this.#retryAfterMs = 0;
    // A server that stays away is worth one line, not one per watch and attempt.
    if (this.#attempt === 4) this.#log.warn("watch keeps failing", { nextTryMs: delayMs });
    await clock.sleep(delayMs, signal);
    this.#troubleAt = clock.monotonic();
  }
}

// Ends a stream that has been quiet for too long, or open for longer than the server was asked for.
class QuietGuard {
  readonly #clock: Clock;
  readonly #close: (reason: Error) => void;
  readonly #cancelEnd: () => void;
  #cancelQuiet = (): void => {};
  #limitMs: number | undefined;

  constructor(clock: Clock, timeoutSeconds: number, close: (reason: Error) => void) {
    this.#clock = clock;
    this.#close = close;
    const late = new Error("the server did not close the watch in time");
    this.#cancelEnd = clock.setTimer(timeoutSeconds * 1000 + CLOSE_MARGIN_MS, () => close(late));
  }

  /** From now on something has to come within limitMs, again and again. */
  expectWithin(limitMs: number): void {
    this.#limitMs = limitMs;
    this.heard();
  }

  heard(): void {
    const limitMs = this.#limitMs;
    if (limitMs === undefined) return;
    this.#cancelQuiet();
    const silent = (): void => this.#close(new Error(`the watch was silent for ${limitMs} ms`));
    this.#cancelQuiet = this.#clock.setTimer(limitMs, silent);
  }

  stop(): void {
    this.#cancelQuiet();
    this.#cancelEnd();
  }
}

async function* readInputs<T extends KubeObject>(
  chunks: AsyncGenerator<Uint8Array>,
  guard: QuietGuard,
  end: () => void,
): AsyncGenerator<WatcherInput<T>> {
  const decoder = new LineDecoder();
  try {
    for await (const chunk of chunks) {
      guard.heard();
      for (const line of decoder.push(chunk)) {
        const input = parseLine<T>(line);
        // Only a server that sends bookmarks can be expected to say something every minute.
        if (input?.type === "bookmark") guard.expectWithin(QUIET_LIMIT_MS);
        if (input) yield input;
      }
    }
  } finally {
    guard.stop();
    end();
  }
}
