// Pure: how a watch begins, goes on and recovers. watch.ts carries the commands out and reports what came
// of them; every policy about lists, resource versions and restarts is a transition here:
//
//   streaming (list and watch in one) ──initial events end──▶ watching
//   streaming ──refused──▶ listing (pages) ──last page──▶ watching
//   watching ──closed──▶ watching from the last version, without a new list
//   watching ──gone──▶ streaming again (the version is no longer kept)
//
// While streaming, no version is remembered: initial events come in any order.

import type { ListPage } from "./objects.ts";
import { versionOrder } from "./resource.ts";

/** What a store is told. What comes between init and initDone makes up a whole new state. */
export type WatcherEvent<T> = { type: "init" } | { type: "initDone" } | ObjectEvent<T>;

export type ObjectEvent<T> = {
  type: "apply" | "delete";
  object: T;
  /** What the object lacks, as JSON: only where a watch was asked to defer it. Who keeps it copies it. */
  rest?: Buffer | undefined;
  /** Why the object is no more than its metadata, as far as they are sound. */
  unreadable?: string;
};

// moved: since this watch was opened.
type Watching = { phase: "watching"; resourceVersion: string; moved: boolean };
export type WatcherState = { phase: "streaming" } | { phase: "listing"; paged: boolean } | Watching;

/**
 * closed: by either side, cleanly or not. short: closed at once. gone: the version or page is no longer
 * kept. busy: ask the same again later. refused: do not ask this again. broken: the server can no longer
 * tell the changes; only a new list helps.
 */
export type Ending = "closed" | "short" | "gone" | "busy" | "refused" | "broken";

export type WatcherInput<T> =
  | { type: "page"; events: ObjectEvent<T>[] } & Omit<ListPage<T>, "items">
  | { type: "changed"; event: ObjectEvent<T>; resourceVersion: string | undefined }
  | { type: "bookmark"; resourceVersion: string; initialEventsEnd: boolean }
  // Of an unknown type, or about nothing that has a name.
  | { type: "skipped"; why: string }
  | { type: "ended"; how: Ending; why: string };

export type WatcherCommand =
  | { type: "list"; continueToken: string | undefined; paged: boolean }
  // Without a version: a streaming list.
  | { type: "watch"; resourceVersion: string | undefined; backoff: boolean }
  | { type: "read" };

export type WatcherStep<T> = {
  state: WatcherState;
  events: WatcherEvent<T>[];
  command: WatcherCommand;
};

/** The beginning of a whole new state; half of one that was there before is thrown away. */
export function beginWatcher<T>(backoff = false): WatcherStep<T> {
  const command = { type: "watch", resourceVersion: undefined, backoff } as const;
  return { state: { phase: "streaming" }, events: [{ type: "init" }], command };
}

/** One transition. */
export function stepWatcher<T>(state: WatcherState, input: WatcherInput<T>): WatcherStep<T> {
  switch (input.type) {
    case "page": {
      const { events, continueToken, resourceVersion } = input;
      if (continueToken !== undefined) {
        return { state, events, command: { type: "list", continueToken, paged: true } };
      }
      return watchAgain(watching(resourceVersion), false, [...events, { type: "initDone" }]);
    }
    case "changed":
      // Told a second time. Equal is not older: etcd ends many leased keys with one version.
      if (order(input.resourceVersion, state) < 0) return read(state);
      return read(advance(state, input.resourceVersion), input.event);
    case "bookmark":
      if (state.phase !== "streaming") return read(advance(state, input.resourceVersion));
      return input.initialEventsEnd
        ? read(watching(input.resourceVersion), { type: "initDone" })
        : read(state);
    case "skipped":
      return read(state);
    case "ended":
      return recover(state, input.how);
  }
}

function recover<T>(state: WatcherState, how: Ending): WatcherStep<T> {
  if (state.phase === "watching" && (how === "closed" || how === "short" || how === "busy")) {
    // A peer that closes at once, and has said nothing new, must not be asked in a loop.
    return watchAgain(state, how === "busy" || (how === "short" && !state.moved));
  }
  if (state.phase === "streaming" && how === "refused") return list(true);
  // Pages expire while they are fetched: the second try asks for everything at once.
  if (state.phase === "listing" && how === "gone" && state.paged) return list(false);
  // Slowly also after gone: a server that compacts all the time must not be made to list in a loop.
  return beginWatcher(true);
}

function list<T>(paged: boolean): WatcherStep<T> {
  const command = { type: "list", continueToken: undefined, paged } as const;
  return { state: { phase: "listing", paged }, events: [{ type: "init" }], command };
}

const watching = (at: string): Watching => ({
  phase: "watching",
  resourceVersion: at,
  moved: true,
});

/** Of a version and the watch's own. Before there is one nothing is known to be old. */
function order(version: string | undefined, state: WatcherState): number {
  return state.phase === "watching" ? versionOrder(version, state.resourceVersion) : 0;
}

function advance(state: WatcherState, to: string | undefined): WatcherState {
  return to !== undefined && order(to, state) > 0 ? watching(to) : state;
}

function read<T>(state: WatcherState, ...events: WatcherEvent<T>[]): WatcherStep<T> {
  return { state, events, command: { type: "read" } };
}

function watchAgain<T>(
  state: Watching,
  backoff: boolean,
  events: WatcherEvent<T>[] = [],
): WatcherStep<T> {
  const command = { type: "watch", resourceVersion: state.resourceVersion, backoff } as const;
  return { state: { ...state, moved: false }, events, command };
}
