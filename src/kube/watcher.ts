// Pure: how a watch begins, goes on and recovers. watch.ts carries the commands out and reports what came
// of them; every policy about lists, resource versions and restarts is a transition here:
//
//   empty ──start──▶ streaming (list and watch in one)  ──initial events end──▶ watching
//   streaming ──refused──▶ listing (pages) ──last page──▶ watching
//   watching ──closed──▶ watching from the last version, without a new list
//   watching ──gone──▶ streaming again (the version is no longer kept)
//
// Versions are opaque. While streaming, none is remembered: initial events come in any order.

import { assertNever } from "../base/errors.ts";

export type ResourceVersion = string & { readonly __opaque: "ResourceVersion" };

export type WatcherState =
  | { phase: "empty" }
  | { phase: "streaming" }
  | { phase: "listing"; paged: boolean }
  | { phase: "watching"; resourceVersion: ResourceVersion };

export type WatcherInput<T> =
  | { type: "start" }
  | {
    type: "page";
    items: T[];
    continueToken: string | undefined;
    resourceVersion: ResourceVersion;
  }
  | { type: "opened" }
  | {
    type: "changed";
    change: "ADDED" | "MODIFIED" | "DELETED";
    object: T;
    resourceVersion: ResourceVersion;
  }
  | { type: "bookmark"; resourceVersion: ResourceVersion; initialEventsEnd: boolean }
  // Ended, by either side, cleanly or not. `short`: at once and without one event.
  | { type: "closed"; short: boolean }
  // gone: the version or page is no longer kept. busy: ask the same again later. refused: do not ask
  // this again. broken: the server can no longer tell the changes; only a new list helps.
  | { type: "failed"; failure: "gone" | "busy" | "refused" | "broken" };

/** What a store is told. Between init and initDone, only initApply and delete: a whole new state. */
export type WatcherEvent<T> =
  | { type: "init" }
  | { type: "initApply"; object: T }
  | { type: "initDone" }
  | { type: "apply"; object: T }
  | { type: "delete"; object: T };

export type WatcherCommand =
  | { type: "list"; continueToken: string | undefined; paged: boolean; backoff: boolean }
  // Without a version: a streaming list.
  | { type: "watch"; resourceVersion: ResourceVersion | undefined; backoff: boolean }
  | { type: "read" };

export type WatcherStep<T> = {
  state: WatcherState;
  events: WatcherEvent<T>[];
  command: WatcherCommand;
};

/** One transition. Inputs that do not fit the phase (a late answer) only lead to reading on. */
export function stepWatcher<T>(state: WatcherState, input: WatcherInput<T>): WatcherStep<T> {
  switch (state.phase) {
    case "empty":
      return stream(false);
    case "streaming":
      return stepStreaming(state, input);
    case "listing":
      return stepListing(state, input);
    case "watching":
      return stepWatching(state, input);
    default:
      return assertNever(state);
  }
}

function stepStreaming<T>(state: WatcherState, input: WatcherInput<T>): WatcherStep<T> {
  switch (input.type) {
    case "changed":
      return read(state, [
        input.change === "DELETED"
          ? { type: "delete", object: input.object }
          : { type: "initApply", object: input.object },
      ]);
    case "bookmark":
      return input.initialEventsEnd
        ? read({ phase: "watching", resourceVersion: input.resourceVersion }, [{
          type: "initDone",
        }])
        : read(state, []);
    case "closed":
      return stream(true); // half a state is no state: begin again
    case "failed":
      return input.failure === "refused" ? list({ backoff: false, paged: true }) : stream(true);
    default:
      return read(state, []);
  }
}

function stepListing<T>(
  state: WatcherState & { phase: "listing" },
  input: WatcherInput<T>,
): WatcherStep<T> {
  switch (input.type) {
    case "page": {
      const items = input.items.map((object): WatcherEvent<T> => ({ type: "initApply", object }));
      if (input.continueToken !== undefined) {
        const { continueToken } = input;
        return {
          state,
          events: items,
          command: { type: "list", continueToken, paged: true, backoff: false },
        };
      }
      const { resourceVersion } = input;
      return {
        state: { phase: "watching", resourceVersion },
        events: [...items, { type: "initDone" }],
        command: { type: "watch", resourceVersion, backoff: false },
      };
    }
    case "failed":
      // Pages expire while they are fetched: the second try asks for everything at once.
      return input.failure === "gone" && state.paged
        ? list({ backoff: false, paged: false })
        : list({ backoff: true, paged: true });
    case "closed":
      return list({ backoff: true, paged: true });
    default:
      return read(state, []);
  }
}

function stepWatching<T>(
  state: WatcherState & { phase: "watching" },
  input: WatcherInput<T>,
): WatcherStep<T> {
  const again = (backoff: boolean): WatcherStep<T> => ({
    state,
    events: [],
    command: { type: "watch", resourceVersion: state.resourceVersion, backoff },
  });
  switch (input.type) {
    case "changed":
      return read({ phase: "watching", resourceVersion: input.resourceVersion }, [
        { type: input.change === "DELETED" ? "delete" : "apply", object: input.object },
      ]);
    case "bookmark":
      return read({ phase: "watching", resourceVersion: input.resourceVersion }, []);
    case "closed":
      return again(input.short); // a peer that closes at once must not be asked in a loop
    case "failed":
      // After gone the server has just answered, but a server that compacts all the time must not
      // be made to list in a loop either.
      return input.failure === "busy" ? again(true) : stream(true);
    default:
      return read(state, []);
  }
}

function read<T>(state: WatcherState, events: WatcherEvent<T>[]): WatcherStep<T> {
  return { state, events, command: { type: "read" } };
}

function stream<T>(backoff: boolean): WatcherStep<T> {
  return {
    state: { phase: "streaming" },
    events: [{ type: "init" }],
    command: { type: "watch", resourceVersion: undefined, backoff },
  };
}

function list<T>({ backoff, paged }: { backoff: boolean; paged: boolean }): WatcherStep<T> {
  return {
    state: { phase: "listing", paged },
    events: [{ type: "init" }],
    command: { type: "list", continueToken: undefined, paged, backoff },
  };
}
