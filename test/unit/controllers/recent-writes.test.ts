// A store that lags behind our own writes is overlaid with their answers, and believed again afterwards.

import t from "tap";
import { RecentWrites } from "../../../src/controllers/recent-writes.ts";
import type { KubeObject } from "../../../src/kube/object.ts";

const at = (resourceVersion: string, uid = "u"): KubeObject => ({
  apiVersion: "v1",
  kind: "X",
  metadata: { name: "a", uid, resourceVersion },
});

t.test("latest() gives our own result while the store has the version before it", async (t) => {
  const recent = new RecentWrites();
  const [first, second, third] = [at("1"), at("2"), at("3")];
  t.equal(recent.latest(first), first, "nothing was written");
  recent.note(first, second);
  t.equal(recent.latest(at("1")), second);
  recent.note(second, third);
  t.equal(recent.latest(at("1")), third, "also when it lags behind two writes");
  t.equal(recent.latest(at("2")), third);
});

t.test("latest() believes a store that has moved on, whatever it holds", async (t) => {
  const recent = new RecentWrites();
  recent.note(at("1"), at("2"));
  const other = at("9");
  t.equal(recent.latest(other), other);
  const back = at("1");
  t.equal(recent.latest(back), back, "and forgets what it wrote");
});

t.test("latest() tells objects of one name apart", async (t) => {
  const recent = new RecentWrites();
  recent.note(at("1"), at("2"));
  const another = at("1", "another");
  t.equal(recent.latest(another), another);
});
