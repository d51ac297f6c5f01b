// How a watch gets its whole state, against a server that does what a real one will not do on demand. Every
// script fails the test when a request comes that it does not expect, or when a step is left over.

import t from "tap";
import { playScript, type Step } from "../../fixtures/apiserver/scripted-apiserver.ts";
import { systemClock } from "../../src/base/clock.ts";
import { configMaps } from "../../src/api/kinds.ts";
import { metadataOnly } from "../../src/kube/resource.ts";
import {
  added,
  answer,
  answerAndEnd,
  asks,
  bookmark,
  deleted,
  eagerClock,
  failure,
  followUntil,
  from,
  fromNothing,
  initial,
  map,
  modified,
  names,
  page,
  refuse,
  status,
  WATCH,
} from "./scripted-support.ts";

type Check = NonNullable<Step["check"]>;
const refusesStreams: Step = { expect: WATCH, reply: refuse(422, "Invalid") };

t.test("a streaming list ends with the marked bookmark only", async (t) => {
  const server = await playScript(t, [{
    expect: WATCH,
    check: fromNothing(t),
    reply: answer(
      added("a", "5"),
      bookmark("6"),
      bookmark("7", "false"),
      modified("a", "8"),
      added("b", "2"),
      deleted("b", "9"),
      bookmark("9", "true"),
      modified("a", "10"),
    ),
  }]);
  const { seen } = await followUntil(server.client(), "a10", systemClock);
  t.same(seen, ["init", "apply", "apply", "apply", "delete", "initDone", "apply"]);
});

t.test("initial objects come in any order, and their versions are no place to go on from", async (t) => {
  const server = await playScript(t, [
    {
      expect: WATCH,
      check: fromNothing(t),
      reply: answerAndEnd(added("a", "99"), added("b", "3")),
    },
    {
      expect: WATCH,
      check: fromNothing(t),
      reply: answerAndEnd(added("b", "3"), added("a", "99"), bookmark("99", "true")),
    },
    { expect: WATCH, check: from(t, "99"), reply: answer(modified("b", "100")) },
  ]);
  const { seen } = await followUntil(server.client(), "a99,b100", eagerClock());
  t.same(seen, ["init", "apply", "apply", "init", "apply", "apply", "initDone", "apply"]);
});

t.test("a server without bookmarks in its streams is listed, once it is silent", async (t) => {
  // The real limit is half a minute: here the clock's timers run a hundred times as fast.
  const fast = { setTimer: (ms: number, run: () => void) => systemClock.setTimer(ms / 100, run) };
  const clock = { ...eagerClock(), ...fast, monotonic: () => systemClock.monotonic() * 100 };
  const server = await playScript(t, [
    { expect: WATCH, check: fromNothing(t), reply: answer(added("a", "5")) },
    { expect: WATCH, check: asks(t, { limit: "500" }), reply: page("20", [map("a", "6")]) },
    { expect: WATCH, check: from(t, "20"), reply: answer(modified("a", "21")) },
  ]);
  const { restarts } = await followUntil(server.client({ clock: systemClock }), "a21", clock);
  t.match(restarts, [/^refused: no answer within 30000 ms/]);
});

for (const [code, reason] of [[400, "BadRequest"], [422, "Invalid"]] as const) {
  t.test(`a server that refuses streaming lists with ${code} is listed in pages`, async (t) => {
    const server = await playScript(t, [
      { expect: WATCH, check: fromNothing(t), reply: refuse(code, reason) },
      { expect: WATCH, check: asks(t, { limit: "500" }), reply: page("20", [map("a", "5")], "p2") },
      {
        expect: WATCH,
        check: asks(t, { limit: "500", continue: "p2" }),
        reply: page("20", [], "p3"),
      },
      {
        expect: WATCH,
        check: asks(t, { limit: "500", continue: "p3" }),
        reply: page("20", [map("b", "6")]),
      },
      {
        expect: WATCH,
        check: from(t, "20"),
        reply: answer(modified("b", "21"), failure(410, "Gone")),
      },
      // Once refused is enough: the next list does not ask for a stream first.
      { expect: WATCH, check: asks(t, { limit: "500" }), reply: page("30", [map("c", "25")]) },
    ]);
    const states: string[] = [];
    const onState = (state: string) => states.push(state);
    await followUntil(server.client(), "c25", eagerClock(), { onState });
    t.ok(states.includes("a5,b21"));
    t.notOk(states.includes("a5"), "no reader sees half a list");
  });
}

t.test("pages that have expired are asked for at once, without a phantom of the first try", async (t) => {
  const clock = eagerClock();
  const server = await playScript(t, [
    refusesStreams,
    { expect: WATCH, reply: page("20", [map("phantom", "5")], "p2") },
    { expect: WATCH, reply: refuse(410, "Expired") },
    { expect: WATCH, check: asks(t, {}), reply: page("20", [map("a", "6")]) },
  ]);
  const { seen } = await followUntil(server.client(), "a6", clock);
  t.same(seen, ["init", "init", "apply", "init", "apply", "initDone"]);
  t.same(clock.slept, []);
});

t.test("a list that is gone as a whole, too, is begun again, but not in a loop", async (t) => {
  const clock = eagerClock();
  const gone: Step = { expect: WATCH, reply: refuse(410, "Expired") };
  const server = await playScript(t, [
    refusesStreams,
    ...[gone, gone, gone, gone],
    { expect: WATCH, check: asks(t, { limit: "500" }), reply: page("20", [map("a", "6")]) },
  ]);
  await followUntil(server.client(), "a6", clock);
  t.same(clock.slept, [500, 1000], "one pause for each pair");
});

t.test("an answer that is no list is no empty list", async (t) => {
  const clock = eagerClock();
  const server = await playScript(t, [
    refusesStreams,
    { expect: WATCH, reply: page("20", [], undefined, "Table") },
    { expect: WATCH, reply: (reply) => reply.json(200, { kind: "ConfigMapList" }) },
    { expect: WATCH, reply: page("20", [map("a", "6")]) },
  ]);
  await followUntil(server.client(), "a6", clock);
  t.same(clock.slept.filter((ms) => ms >= 500), [500, 1000]);
});

for (
  const row of [
    { name: "in the middle of a stream", then: [failure(410, "Expired")], steps: [] },
    { name: "at the start of a watch", then: [], steps: [refuse(410, "Gone")] },
    { name: "as the first event of a watch", then: [], steps: [answer(failure(410, "Expired"))] },
  ]
) {
  t.test(`410 ${row.name} leads to one new list, and what it lacks is gone`, async (t) => {
    const clock = eagerClock();
    const server = await playScript(t, [
      initial(t, (reply) => {
        reply.events(modified("a", "10"), ...row.then);
        if (row.then.length === 0) reply.end();
      }),
      ...row.steps.map((reply): Step => ({ expect: WATCH, check: from(t, "10"), reply })),
      {
        expect: WATCH,
        check: fromNothing(t),
        reply: answer(added("c", "50"), bookmark("60", "true")),
      },
    ]);
    const { seen, writer } = await followUntil(server.client(), "c50", clock);
    t.same(seen.filter((type) => type === "init").length, 2);
    t.same(names(writer), "c50");
    t.equal(clock.slept.length, 1, "with a pause before it");
  });
}

t.test("a version from the future leads to a new list", async (t) => {
  const more = {
    details: { retryAfterSeconds: 1, causes: [{ reason: "ResourceVersionTooLarge" }] },
  };
  const server = await playScript(t, [
    initial(t, (reply) => reply.end()),
    {
      expect: WATCH,
      check: from(t, "9"),
      reply: (reply) => reply.json(504, status(504, "Timeout", more)),
    },
    { expect: WATCH, check: fromNothing(t), reply: answer(added("a", "4"), bookmark("5", "true")) },
  ]);
  await followUntil(server.client(), "a4", eagerClock());
});

t.test("a kind that is no longer there keeps its last state until it is back", async (t) => {
  const states: string[] = [];
  const server = await playScript(t, [
    initial(t, (reply) => reply.end()),
    { expect: WATCH, check: from(t, "9"), reply: refuse(404, "NotFound") },
    { expect: WATCH, check: fromNothing(t), reply: refuse(404, "NotFound") },
    {
      expect: WATCH,
      check: fromNothing(t),
      reply: answer(added("a", "50"), bookmark("60", "true")),
    },
  ]);
  const onState = (state: string) => states.push(state);
  await followUntil(server.client(), "a50", eagerClock(), { onState });
  t.same([...new Set(states)], ["", "a5,b3", "a50"]);
});

t.test("selectors go with every request", async (t) => {
  const selectors = { labelSelector: "app=db,tier!=x", fieldSelector: "metadata.name=a" };
  const selects: Check = ({ query }) => t.match(Object.fromEntries(query), selectors);
  const server = await playScript(t, [
    { expect: WATCH, check: selects, reply: refuse(422, "Invalid") },
    { expect: WATCH, check: selects, reply: page("20", [], "p2") },
    { expect: WATCH, check: selects, reply: page("20", [map("a", "6")]) },
    { expect: WATCH, check: selects, reply: answer(modified("a", "21")) },
  ]);
  await followUntil(server.client(), "a21", eagerClock(), selectors);
});

t.test("a watch of metadata only asks for nothing else, and takes nothing else", async (t) => {
  const AS = "application/json;as=PartialObjectMetadata";
  const accepts = (accept: string): Check => ({ headers }) => t.equal(headers.accept, accept);
  const partial = (name: string, version: string) => ({
    ...map(name, version),
    apiVersion: "meta.k8s.io/v1",
    kind: "PartialObjectMetadata",
  });
  const one = accepts(`${AS};g=meta.k8s.io;v=v1`);
  const list = accepts(`${AS}List;g=meta.k8s.io;v=v1`);
  const server = await playScript(t, [
    { expect: WATCH, check: one, reply: answer(added("a", "5"), bookmark("9", "true")) },
    { expect: WATCH, check: one, reply: refuse(422, "Invalid") },
    { expect: WATCH, check: list, reply: page("20", [map("a", "5")]) },
    {
      expect: WATCH,
      check: list,
      reply: page("20", [partial("a", "5")], undefined, "PartialObjectMetadataList"),
    },
    { expect: WATCH, check: one, reply: answer({ type: "MODIFIED", object: partial("a", "21") }) },
  ]);
  const { writer } = await followUntil(server.client(), "a21", eagerClock(), {
    type: metadataOnly(configMaps),
  });
  t.equal(writer.get("db/a")?.kind, "ConfigMap");
});
