import t from "tap";
import {
  type ResourceVersion,
  stepWatcher,
  type WatcherCommand,
  type WatcherEvent,
  type WatcherInput,
  type WatcherState,
} from "../../../src/kube/watcher.ts";

const rv = (text: string) => text as ResourceVersion;
const empty: WatcherState = { phase: "empty" };
const streaming: WatcherState = { phase: "streaming" };
const listing: WatcherState = { phase: "listing", paged: true };
const listingWhole: WatcherState = { phase: "listing", paged: false };
const watching: WatcherState = { phase: "watching", resourceVersion: rv("7") };

const changed = (change: "ADDED" | "MODIFIED" | "DELETED"): WatcherInput<string> => ({
  type: "changed",
  change,
  object: "a",
  resourceVersion: rv("9"),
});
const failed = (failure: "gone" | "busy" | "refused" | "broken"): WatcherInput<string> => ({
  type: "failed",
  failure,
});
const bookmark = (initialEventsEnd: boolean): WatcherInput<string> => ({
  type: "bookmark",
  resourceVersion: rv("9"),
  initialEventsEnd,
});
const page = (continueToken?: string): WatcherInput<string> => ({
  type: "page",
  items: ["a", "b"],
  continueToken,
  resourceVersion: rv("9"),
});

const read: WatcherCommand = { type: "read" };
const stream = (backoff: boolean): WatcherCommand => ({
  type: "watch",
  resourceVersion: undefined,
  backoff,
});
const rewatch = (backoff: boolean): WatcherCommand => ({
  type: "watch",
  resourceVersion: rv("7"),
  backoff,
});
const list = (paged: boolean, backoff: boolean): WatcherCommand => ({
  type: "list",
  continueToken: undefined,
  paged,
  backoff,
});
const init: WatcherEvent<string> = { type: "init" };
const initA: WatcherEvent<string> = { type: "initApply", object: "a" };
const initB: WatcherEvent<string> = { type: "initApply", object: "b" };

type Row = {
  name: string;
  state: WatcherState;
  input: WatcherInput<string>;
  next: WatcherState;
  events?: WatcherEvent<string>[];
  command: WatcherCommand;
};

const ROWS: Row[] = [
  {
    name: "begins with a streaming list",
    state: empty,
    input: { type: "start" },
    next: streaming,
    events: [init],
    command: stream(false),
  },

  {
    name: "reads once the streaming list is open",
    state: streaming,
    input: { type: "opened" },
    next: streaming,
    command: read,
  },
  {
    name: "collects initial objects",
    state: streaming,
    input: changed("ADDED"),
    next: streaming,
    events: [initA],
    command: read,
  },
  {
    name: "collects a change among initial objects",
    state: streaming,
    input: changed("MODIFIED"),
    next: streaming,
    events: [initA],
    command: read,
  },
  {
    name: "takes a deletion among initial objects in",
    state: streaming,
    input: changed("DELETED"),
    next: streaming,
    events: [{ type: "delete", object: "a" }],
    command: read,
  },
  {
    name: "is not synced by an ordinary bookmark",
    state: streaming,
    input: bookmark(false),
    next: streaming,
    command: read,
  },
  {
    name: "is synced by the bookmark that ends the initial events",
    state: streaming,
    input: bookmark(true),
    next: { phase: "watching", resourceVersion: rv("9") },
    events: [{ type: "initDone" }],
    command: read,
  },
  {
    name: "throws half a state away when the stream ends",
    state: streaming,
    input: { type: "closed", short: false },
    next: streaming,
    events: [init],
    command: stream(true),
  },
  {
    name: "lists in pages when streaming is refused",
    state: streaming,
    input: failed("refused"),
    next: listing,
    events: [init],
    command: list(true, false),
  },
  {
    name: "streams again when the server is busy",
    state: streaming,
    input: failed("busy"),
    next: streaming,
    events: [init],
    command: stream(true),
  },
  {
    name: "streams again when the version is gone",
    state: streaming,
    input: failed("gone"),
    next: streaming,
    events: [init],
    command: stream(true),
  },
  {
    name: "streams again after an error in the stream",
    state: streaming,
    input: failed("broken"),
    next: streaming,
    events: [init],
    command: stream(true),
  },

  {
    name: "fetches the next page",
    state: listing,
    input: page("more"),
    next: listing,
    events: [initA, initB],
    command: { type: "list", continueToken: "more", paged: true, backoff: false },
  },
  {
    name: "watches from the version of the last page",
    state: listing,
    input: page(),
    next: { phase: "watching", resourceVersion: rv("9") },
    events: [initA, initB, { type: "initDone" }],
    command: { type: "watch", resourceVersion: rv("9"), backoff: false },
  },
  {
    name: "lists everything at once when a page has expired",
    state: listing,
    input: failed("gone"),
    next: listingWhole,
    events: [init],
    command: list(false, false),
  },
  {
    name: "backs off when even that is gone",
    state: listingWhole,
    input: failed("gone"),
    next: listing,
    events: [init],
    command: list(true, true),
  },
  {
    name: "lists again when the server is busy",
    state: listing,
    input: failed("busy"),
    next: listing,
    events: [init],
    command: list(true, true),
  },

  {
    name: "passes changes on and remembers their version",
    state: watching,
    input: changed("MODIFIED"),
    next: { phase: "watching", resourceVersion: rv("9") },
    events: [{ type: "apply", object: "a" }],
    command: read,
  },
  {
    name: "passes deletions on",
    state: watching,
    input: changed("DELETED"),
    next: { phase: "watching", resourceVersion: rv("9") },
    events: [{ type: "delete", object: "a" }],
    command: read,
  },
  {
    name: "remembers a bookmark's version and shows nothing",
    state: watching,
    input: bookmark(false),
    next: { phase: "watching", resourceVersion: rv("9") },
    command: read,
  },
  {
    name: "reads when the watch is open",
    state: watching,
    input: { type: "opened" },
    next: watching,
    command: read,
  },
  {
    name: "watches again from the last version when closed",
    state: watching,
    input: { type: "closed", short: false },
    next: watching,
    command: rewatch(false),
  },
  {
    name: "backs off when closed at once",
    state: watching,
    input: { type: "closed", short: true },
    next: watching,
    command: rewatch(true),
  },
  {
    name: "keeps the version when the server is busy",
    state: watching,
    input: failed("busy"),
    next: watching,
    command: rewatch(true),
  },
  {
    name: "begins again when the version is gone",
    state: watching,
    input: failed("gone"),
    next: streaming,
    events: [init],
    command: stream(true),
  },
  {
    name: "begins again when the server cannot go on",
    state: watching,
    input: failed("broken"),
    next: streaming,
    events: [init],
    command: stream(true),
  },
  {
    name: "begins again when the watch is refused",
    state: watching,
    input: failed("refused"),
    next: streaming,
    events: [init],
    command: stream(true),
  },
];

for (const row of ROWS) {
  t.test(`stepWatcher() ${row.name}`, async (t) => {
    t.strictSame(stepWatcher(row.state, row.input), {
      state: row.next,
      events: row.events ?? [],
      command: row.command,
    });
  });
}
