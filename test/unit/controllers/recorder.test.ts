// What is said, how often and how many times it is tried, with a clock that the test moves and a server
// that notes what it is told.

import t from "tap";
import { silentLogger as log } from "../../../src/base/log.ts";
import { ApiError } from "../../../src/kube/api-error.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import type { Event } from "../../../src/api/kinds.ts";
import type { KubeObject } from "../../../src/kube/object.ts";
import { EventRecorder } from "../../../src/controllers/recorder.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";

const MINUTE = 60_000;
const cluster = (name = "main"): KubeObject => ({
  apiVersion: "mysql.oracle.com/v1alpha1",
  kind: "Cluster",
  metadata: { name, namespace: "db", uid: `uid-${name}`, resourceVersion: "7" },
});
const refusal = (code: number, reason: string) =>
  new ApiError("no", code, { status: { code, reason, details: { name: "x" } } });

type Write = { verb: "create" | "patch"; name: string; message: string; count: number };

function start(t: { teardown(run: () => unknown): void }) {
  const clock = new FakeClock();
  const writes: Write[] = [];
  const created: Event[] = [];
  const state: { failure: (write: Write) => unknown; hang?: Promise<void> } = {
    failure: () => undefined,
  };
  const take = async (write: Write, signal: AbortSignal): Promise<void> => {
    writes.push(write);
    await state.hang;
    signal.throwIfAborted();
    const failure = state.failure(write);
    if (failure !== undefined) throw failure;
  };
  const events = {
    create: async (event: Event, signal: AbortSignal) => {
      const { message, count = 0, metadata: { name } } = event;
      await take({ verb: "create", name, message, count }, signal);
      created.push(event);
      return event;
    },
    patch: async (
      { name }: { name: string },
      { body }: { body: { message: string; count: number } },
      signal: AbortSignal,
    ) => await take({ verb: "patch", name, message: body.message, count: body.count }, signal),
  };
  const client = { of: () => events } as unknown as KubeClient;
  const recorder = new EventRecorder({ client, component: "op", instance: "op-1", clock, log });
  t.teardown(async () => {
    const flushed = recorder.flush(1);
    await clock.advance(1);
    await flushed;
  });
  const say = async (message = "text", reason = "Something", object = cluster()) => {
    recorder.emit(object, { type: "Normal", reason, message });
    await settle();
  };
  return { clock, writes, created, state, recorder, say };
}

t.test("an Event names its object, its reporter and its times", async (t) => {
  const { created, say } = start(t);
  await say("Group created", "Created");
  t.match(created[0], {
    metadata: { name: /^main\.[0-9a-f]+$/, namespace: "db" },
    involvedObject: { kind: "Cluster", namespace: "db", name: "main", uid: "uid-main" },
    ...{ type: "Normal", reason: "Created", message: "Group created", count: 1 },
    source: { component: "op", host: "op-1" },
    ...{ reportingComponent: "op", reportingInstance: "op-1" },
    ...{ firstTimestamp: "2023-11-14T22:13:20Z", lastTimestamp: "2023-11-14T22:13:20Z" },
  });
});

t.test("a repeat counts up, until nothing was said for ten minutes", async (t) => {
  const { clock, writes, say } = start(t);
  await say();
  await clock.advance(9 * MINUTE);
  await say();
  await clock.advance(9 * MINUTE);
  await say();
  t.same(writes.map(({ verb, count }) => [verb, count]), [["create", 1], ["patch", 2], [
    "patch",
    3,
  ]]);
  await clock.advance(10 * MINUTE);
  await say();
  t.match(writes[3], { verb: "create", count: 1 });
  t.not(writes[3]?.name, writes[0]?.name);
});

const OTHERS: { what: string; again: [string, string, KubeObject] }[] = [
  { what: "message", again: ["other", "Something", cluster()] },
  { what: "reason", again: ["text", "Other", cluster()] },
  { what: "object", again: ["text", "Something", cluster("other")] },
];

for (const { what, again } of OTHERS) {
  t.test(`another ${what} is another Event`, async (t) => {
    const { writes, say } = start(t);
    await say();
    await say(...again);
    t.same(writes.map(({ verb }) => verb), ["create", "create"]);
  });
}

t.test("the tenth message of one reason within ten minutes stands for all that follow", async (t) => {
  const { writes, say } = start(t);
  for (let i = 1; i <= 12; i++) await say(`attempt ${i} failed`);
  t.equal(writes[8]?.message, "attempt 9 failed");
  t.match(writes[9], {
    verb: "create",
    message: "(combined from similar events): attempt 10 failed",
    count: 1,
  });
  t.match(writes[11], {
    verb: "patch",
    name: writes[9]?.name,
    message: "(combined from similar events): attempt 12 failed",
    count: 3,
  });
  await say("another thing", "Other");
  t.match(writes[12], { message: "another thing" }, "other reasons are told as ever");
});

t.test("ten thousand Events about one object are 25 writes, then one every five minutes", async (t) => {
  const { clock, writes, recorder, say } = start(t);
  for (let i = 0; i < 10_000; i++) await recorderEmits(recorder, i);
  await settle();
  t.ok(writes.length <= 25, `${writes.length}`);
  const before = writes.length;
  for (let minute = 0; minute < 60; minute++) {
    await clock.advance(MINUTE);
    await say(`about minute ${minute}`);
  }
  t.ok(writes.length - before <= 25 + 12, `${writes.length - before}`);
  await say("unheard", "Something", cluster("quiet"));
  t.match(writes.at(-1), { message: "unheard" }, "other objects are told as ever");
});

async function recorderEmits(recorder: EventRecorder, i: number): Promise<void> {
  const reason = `Reason${i % 50}`;
  recorder.emit(cluster(), { type: "Warning", reason, message: `text ${i % 7}` });
  if (i % 100 === 0) await settle();
}

t.test("a server that does not answer holds nobody up, and memory is bounded", async (t) => {
  const { clock, writes, state, recorder, say } = start(t);
  state.failure = () => new Error("connection refused");
  for (let i = 0; i < 5000; i++) {
    recorder.emit(cluster(`c${i}`), { type: "Normal", reason: "Something", message: "text" });
  }
  await settle();
  t.equal(writes.length, 1, "one at a time");
  await clock.advance(30_000);
  t.equal(writes.length, 5, "the first wait is random, then every ten seconds");
  state.failure = () => undefined;
  await clock.advance(10_000);
  t.equal(
    new Set(writes.map(({ name }) => name)).size,
    257,
    "one in work, 256 queued, the rest lost",
  );
  await say();
  t.match(writes.at(-1), { verb: "create", count: 1 });
});

t.test("only the last thousand objects are remembered", async (t) => {
  const { writes, recorder, say } = start(t);
  await say();
  for (let i = 0; i < 1023; i++) await say("text", "Something", cluster(`c${i}`));
  await say();
  t.match(writes.at(-1), { verb: "patch", count: 2 });
  for (let i = 0; i < 1024; i++) {
    recorder.emit(cluster(`d${i}`), { type: "Normal", reason: "Something", message: "text" });
  }
  await settle();
  await say();
  t.match(writes.at(-1), { verb: "create", count: 1 });
});

t.test("after two minutes without an answer an Event is lost, the next is tried", async (t) => {
  const { clock, writes, state, say } = start(t);
  state.failure = ({ message }) =>
    message === "first" ? new Error("connection refused") : undefined;
  await say("first");
  await say("second");
  await clock.advance(2 * MINUTE);
  t.same(writes.map(({ message }) => message), [...Array(12).fill("first"), "second"]);
});

t.test("what was said again while it waited is one write with its whole count", async (t) => {
  const { writes, state, say } = start(t);
  const hang = Promise.withResolvers<void>();
  state.hang = hang.promise;
  for (let i = 0; i < 5; i++) await say();
  hang.resolve();
  await settle();
  t.same(writes.map(({ verb, count }) => [verb, count]), [["create", 1], ["patch", 5]]);
});

t.test("what is said just when everything has been sent is sent too", async (t) => {
  for (let turns = 0; turns < 20; turns++) {
    const { writes, recorder } = start(t);
    recorder.emit(cluster(), { type: "Normal", reason: "First", message: "text" });
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    recorder.emit(cluster(), { type: "Normal", reason: "Second", message: "text" });
    await settle();
    t.equal(writes.length, 2, `${turns} turns later`);
  }
});

t.test("a refusal is the end of that Event", async (t) => {
  const { clock, writes, state, say } = start(t);
  state.failure = () => refusal(403, "Forbidden");
  await say();
  await clock.advance(2 * MINUTE);
  t.equal(writes.length, 1);
});

t.test("an Event that has expired is made anew with its count", async (t) => {
  const { writes, state, say } = start(t);
  await say();
  state.failure = ({ verb }) => verb === "patch" ? refusal(404, "NotFound") : undefined;
  await say();
  t.match(writes.at(-1), { verb: "create", count: 2, name: writes[0]?.name });
});

t.test("an Event whose answer was lost is counted up, not made again", async (t) => {
  const { clock, writes, state, say } = start(t);
  state.failure = ({ verb }) =>
    verb === "create" && writes.length === 1
      ? new Error("cut off")
      : verb === "create"
      ? refusal(409, "AlreadyExists")
      : undefined;
  await say();
  await clock.advance(1);
  await say();
  t.same(writes.map(({ verb, count }) => [verb, count]), [
    ["create", 1],
    ["create", 1],
    ["patch", 2],
  ]);
});

t.test("flush() waits for what is queued, not longer than it is told", async (t) => {
  const { clock, writes, state, recorder, say } = start(t);
  await say("first");
  await recorder.flush(1000);
  t.equal(writes.length, 1);
  state.failure = () => new Error("connection refused");
  await say("second");
  let flushed = false;
  const flushing = recorder.flush(2000).then(() => flushed = true);
  await clock.advance(1999);
  t.notOk(flushed);
  await clock.advance(1);
  await flushing;
});

for (const cut of [".", "-"]) {
  t.test(`names and messages have the length that the server takes, cut at a ${cut}`, async (t) => {
    const { created, say } = start(t);
    await say("ü".repeat(2000), "Long", cluster(`${"a".repeat(239)}${cut}${"b".repeat(13)}`));
    const { metadata: { name } = { name: "" }, message = "" } = created[0] ?? {};
    t.ok(name.length <= 253, `${name.length}`);
    t.match(name, /^a+[.][0-9a-f]+$/);
    t.ok(Buffer.byteLength(message) <= 1024);
    t.match(message, /^ü+…$/);
  });
}
