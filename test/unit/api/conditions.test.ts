import t from "tap";
import {
  CONDITION_TYPES,
  findCondition,
  isTrue,
  MAX_MESSAGE_LENGTH,
  type NewCondition,
  REASONS,
  setCondition,
  WAIT_REASONS,
} from "../../../src/api/conditions.ts";

const T1 = Date.UTC(2026, 0, 2, 3, 4, 5);
const T2 = T1 + 60_000;
const notReady: NewCondition = { type: "Ready", status: "False", reason: "Creating", message: "a" };

t.test("setCondition() keeps the transition time until the status changes", async (t) => {
  const first = setCondition([], notReady, T1);
  t.strictSame(first, [{ ...notReady, lastTransitionTime: "2026-01-02T03:04:05Z" }]);
  const second = setCondition(first, { ...notReady, reason: "Joining", message: "b" }, T2);
  t.match(second, [{
    reason: "Joining",
    message: "b",
    lastTransitionTime: "2026-01-02T03:04:05Z",
  }]);
  const third = setCondition(
    second,
    { ...notReady, status: "True", reason: "AllMembersOnline" },
    T2,
  );
  t.match(third, [{ status: "True", lastTransitionTime: "2026-01-02T03:05:05Z" }]);
  t.equal(first.length, 1, "the given list is untouched");
});

t.test("setCondition() keeps the others, in the order of CONDITION_TYPES", async (t) => {
  const degraded: NewCondition = {
    type: "Degraded",
    status: "False",
    reason: "AsExpected",
    message: "",
  };
  const both = setCondition(setCondition([], degraded, T1), notReady, T1);
  t.strictSame(both.map(({ type }) => type), ["Ready", "Degraded"]);
  t.notOk(isTrue(both, "Ready"));
  t.equal(findCondition(both, "Available"), undefined);
  t.notOk(isTrue(undefined, "Ready"));
});

t.test("setCondition() drops what the caller no longer says and cuts what is too long", async (t) => {
  const first = setCondition([], { ...notReady, observedGeneration: 3 }, T1);
  t.equal(setCondition(first, notReady, T1)[0]?.observedGeneration, undefined);
  const long = setCondition([], { ...notReady, message: "x".repeat(40_000) }, T1)[0]?.message;
  t.equal(long?.length, MAX_MESSAGE_LENGTH);
});

t.test("types and reasons are CamelCase words with a meaning", async (t) => {
  for (const [name, meaning] of Object.entries({ ...CONDITION_TYPES, ...REASONS })) {
    t.match(name, /^[A-Z][A-Za-z]+$/);
    t.match(meaning, /^[a-z].{15,}[^.]$/, name);
  }
  t.ok(Object.keys(WAIT_REASONS).every((reason) => reason in REASONS));
});
