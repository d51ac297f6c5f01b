// A store that lags behind our own writes is overlaid with their answers, and believed again afterwards.

import t from "tap";
import { RecentWrites } from "../../../src/controllers/recent-writes.ts";
import type { KubeObject } from "../../../src/kube/object.ts";
import { FakeClock } from "../base/fake-clock.ts";

const at = (resourceVersion: string, uid = "u"): KubeObject => ({
  apiVersion: "v1",
  kind: "X",
  metadata: { name: "a", uid, resourceVersion },
});

t.test("latest() gives our own result while the store has an older version", async (t) => {
  const recent = new RecentWrites(new FakeClock());
  const [first, second, third] = [at("8"), at("9"), at("10")];
  t.equal(recent.latest(first), first, "nothing was written");
  recent.note(second);
  t.equal(recent.latest(at("8")), second);
  recent.note(third);
  t.equal(recent.latest(at("8")), third, "also when it lags behind two writes");
  t.equal(recent.latest(at("9")), third);
});

t.test("latest() is not misled by somebody else's change from before our write", async (t) => {
  const recent = new RecentWrites(new FakeClock());
  const ours = at("7");
  recent.note(ours); // decided on 5, while somebody wrote 6
  t.equal(recent.latest(at("6")), ours);
  t.equal(recent.latest(at("6")), ours, "and remembers what it wrote");
});

t.test("latest() believes a store that has caught up or moved on, and forgets", async (t) => {
  for (const version of ["2", "9"]) {
    const recent = new RecentWrites(new FakeClock());
    recent.note(at("2"));
    const stored = at(version);
    t.equal(recent.latest(stored), stored);
    const back = at("1");
    t.equal(recent.latest(back), back);
  }
});

t.test("latest() believes a store whose versions have no order", async (t) => {
  const recent = new RecentWrites(new FakeClock());
  recent.note(at("b"));
  const stored = at("a");
  t.equal(recent.latest(stored), stored);
});

t.test("latest() believes a server that begins with lower versions again, after a minute", async (t) => {
  const clock = new FakeClock();
  const recent = new RecentWrites(clock);
  recent.note(at("1000"));
  const stored = at("3");
  await clock.advance(59_000);
  t.not(recent.latest(stored), stored);
  await clock.advance(1_000);
  t.equal(recent.latest(stored), stored);
});

t.test("latest() tells objects of one name apart", async (t) => {
  const recent = new RecentWrites(new FakeClock());
  recent.note(at("2"));
  const another = at("1", "another");
  t.equal(recent.latest(another), another);
});
