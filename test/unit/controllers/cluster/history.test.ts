import t from "tap";
import type { InstanceStatus } from "../../../../src/api/cluster.ts";
import { historyOf, KEPT_CHANGES } from "../../../../src/controllers/cluster/history.ts";
import { NOW } from "./builders.ts";

const AT = "2026-01-02T03:04:05Z";
const one = (
  state: InstanceStatus["state"],
  more: Partial<InstanceStatus> = {},
): InstanceStatus => ({
  name: "main-0",
  ordinal: 0,
  state,
  ...more,
});

t.test("historyOf() has changes of state and role, and nothing else", (t) => {
  const before = { instances: [one("Online", { role: "primary" })] };
  t.same(historyOf(before, [one("Online", { role: "primary", message: "new" })], NOW), []);
  t.match(historyOf(before, [one("Online", { role: "secondary" })], NOW), [
    { at: AT, name: "main-0", from: "Online primary", to: "Online secondary" },
  ]);
  t.match(historyOf(before, [one("Down", { message: "killed" })], NOW), [
    { from: "Online primary", to: "Down", message: "killed" },
  ]);
  t.match(historyOf(undefined, [one("Starting")], NOW), [{ to: "Starting" }]);
  t.end();
});

t.test("historyOf() keeps the last ones, oldest first", (t) => {
  const history = Array.from({ length: KEPT_CHANGES }, (_, n) => ({
    at: AT,
    name: "main-1",
    to: `${n}`,
  }));
  const kept = historyOf({ history, instances: [one("Down")] }, [one("Starting")], NOW);
  t.equal(kept.length, KEPT_CHANGES);
  t.match([kept[0], kept.at(-1)], [{ to: "1" }, { from: "Down", to: "Starting" }]);
  t.end();
});
