import t from "tap";
import {
  beginWatcher,
  type Ending,
  stepWatcher,
  type WatcherCommand,
  type WatcherEvent,
  type WatcherInput,
  type WatcherState,
} from "../../../src/kube/watcher.ts";

const streaming: WatcherState = { phase: "streaming" };
const listing: WatcherState = { phase: "listing", paged: true };
const listingWhole: WatcherState = { phase: "listing", paged: false };
const watching: WatcherState = { phase: "watching", resourceVersion: "7", moved: false };
const at = (text: string): WatcherState => ({
  phase: "watching",
  resourceVersion: text,
  moved: true,
});

const changed = (type: "apply" | "delete", version = "9"): WatcherInput<string> => ({
  type: "changed",
  event: { type, object: "a" },
  resourceVersion: version,
});

const ended = (how: Ending): WatcherInput<string> => ({ type: "ended", how, why: "" });
const bookmark = (initialEventsEnd: boolean, version = "9"): WatcherInput<string> => ({
  type: "bookmark",
  resourceVersion: version,
  initialEventsEnd,
});
const page = (continueToken?: string): WatcherInput<string> => ({
  type: "page",
  events: [{ type: "apply", object: "a" }, { type: "apply", object: "b" }],
  continueToken,
  resourceVersion: "9",
});

const read: WatcherCommand = { type: "read" };
const stream = (backoff: boolean): WatcherCommand => ({
  type: "watch",
  resourceVersion: undefined,
  backoff,
});
const rewatch = (backoff: boolean): WatcherCommand => ({
  type: "watch",
  resourceVersion: "7",
  backoff,
});
const list = (paged: boolean): WatcherCommand => ({
  type: "list",
  continueToken: undefined,
  paged,
});
const init: WatcherEvent<string> = { type: "init" };
const initA: WatcherEvent<string> = { type: "apply", object: "a" };
const initB: WatcherEvent<string> = { type: "apply", object: "b" };

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
    name: "collects initial objects",
    state: streaming,
    input: changed("apply"),
    next: streaming,
    events: [initA],
    command: read,
  },
  {
    name: "takes a deletion among initial objects in",
    state: streaming,
    input: changed("delete"),
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
    next: at("9"),
    events: [{ type: "initDone" }],
    command: read,
  },
  {
    name: "throws half a state away when the stream ends",
    state: streaming,
    input: ended("closed"),
    next: streaming,
    events: [init],
    command: stream(true),
  },
  {
    name: "lists in pages when streaming is refused",
    state: streaming,
    input: ended("refused"),
    next: listing,
    events: [init],
    command: list(true),
  },
  {
    name: "streams again when the server is busy",
    state: streaming,
    input: ended("busy"),
    next: streaming,
    events: [init],
    command: stream(true),
  },
  {
    name: "streams again when the version is gone",
    state: streaming,
    input: ended("gone"),
    next: streaming,
    events: [init],
    command: stream(true),
  },
  {
    name: "streams again after an error in the stream",
    state: streaming,
    input: ended("broken"),
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
    command: { type: "list", continueToken: "more", paged: true },
  },
  {
    name: "watches from the version of the last page",
    state: listing,
    input: page(),
    next: { phase: "watching", resourceVersion: "9", moved: false },
    events: [initA, initB, { type: "initDone" }],
    command: { type: "watch", resourceVersion: "9", backoff: false },
  },
  {
    name: "lists everything at once when a page has expired",
    state: listing,
    input: ended("gone"),
    next: listingWhole,
    events: [init],
    command: list(false),
  },
  {
    name: "begins again when even that is gone",
    state: listingWhole,
    input: ended("gone"),
    next: streaming,
    events: [init],
    command: stream(true),
  },
  {
    name: "begins again when the server is busy in the middle of a list",
    state: listing,
    input: ended("busy"),
    next: streaming,
    events: [init],
    command: stream(true),
  },

  {
    name: "passes changes on and remembers their version",
    state: watching,
    input: changed("apply"),
    next: at("9"),
    events: [{ type: "apply", object: "a" }],
    command: read,
  },
  {
    name: "passes deletions on",
    state: watching,
    input: changed("delete"),
    next: at("9"),
    events: [{ type: "delete", object: "a" }],
    command: read,
  },
  {
    name: "remembers a bookmark's version and shows nothing",
    state: watching,
    input: bookmark(false),
    next: at("9"),
    command: read,
  },
  {
    name: "watches again from the last version when closed",
    state: watching,
    input: ended("closed"),
    next: watching,
    command: rewatch(false),
  },
  {
    name: "backs off when closed at once",
    state: watching,
    input: ended("short"),
    next: watching,
    command: rewatch(true),
  },
  {
    name: "does not back off when closed at once after it had moved on",
    state: at("7"),
    input: ended("short"),
    next: watching,
    command: rewatch(false),
  },
  {
    name: "passes nothing on that is older than the watch",
    state: watching,
    input: changed("apply", "6"),
    next: watching,
    command: read,
  },
  {
    name: "passes on what is as old as the watch: one version may end many leased objects",
    state: watching,
    input: changed("delete", "7"),
    next: watching,
    events: [{ type: "delete", object: "a" }],
    command: read,
  },
  {
    name: "is not taken back by an old bookmark, nor moved by the same one",
    state: watching,
    input: bookmark(false, "7"),
    next: watching,
    command: read,
  },
  {
    name: "knows an order by number and not by text",
    state: watching,
    input: changed("apply", "10"),
    next: at("10"),
    events: [{ type: "apply", object: "a" }],
    command: read,
  },
  {
    name: "takes a version that has no order for a newer one",
    state: watching,
    input: bookmark(false, "007"),
    next: at("007"),
    command: read,
  },
  {
    name: "passes a change without a version on and stays where it is",
    state: watching,
    input: { type: "changed", event: { type: "apply", object: "a" }, resourceVersion: undefined },
    next: watching,
    events: [{ type: "apply", object: "a" }],
    command: read,
  },
  {
    name: "reads over what it does not know",
    state: watching,
    input: { type: "skipped", why: "" },
    next: watching,
    command: read,
  },
  {
    name: "keeps the version when the server is busy",
    state: watching,
    input: ended("busy"),
    next: watching,
    command: rewatch(true),
  },
  {
    name: "begins again when the version is gone",
    state: watching,
    input: ended("gone"),
    next: streaming,
    events: [init],
    command: stream(true),
  },
  {
    name: "begins again when the server cannot go on",
    state: watching,
    input: ended("broken"),
    next: streaming,
    events: [init],
    command: stream(true),
  },
  {
    name: "begins again when the watch is refused",
    state: watching,
    input: ended("refused"),
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

t.test("beginWatcher() begins with a streaming list", async (t) => {
  t.strictSame(beginWatcher(), { state: streaming, events: [init], command: stream(false) });
});
