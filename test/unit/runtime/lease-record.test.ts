import t from "tap";
import {
  type LeaseView,
  mayHold,
  observeLease,
  renderHeld,
  renderReleased,
} from "../../../src/runtime/lease.ts";

const record = {
  holderIdentity: "other",
  leaseDurationSeconds: 15,
  acquireTime: "t0",
  renewTime: "t1",
  leaseTransitions: 3,
};
const lease = (spec: object, resourceVersion = "1") => ({
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: { name: "l", namespace: "db", resourceVersion },
  spec,
});
const view = (more: object): LeaseView => ({
  lease: lease({ ...record, ...more }),
  unchangedSince: 1000,
});

const rows: { name: string; view: LeaseView; now: number; want: boolean }[] = [
  { name: "what is ours", view: view({ holderIdentity: "me" }), now: 1000, want: true },
  { name: "what was given up at once", view: view({ holderIdentity: "" }), now: 1000, want: true },
  {
    name: "what nobody ever had",
    view: { lease: lease({}), unchangedSince: 1000 },
    now: 1000,
    want: true,
  },
  { name: "not a holder's just seen", view: view({}), now: 1000, want: false },
  {
    name: "not before it was unchanged for its duration",
    view: view({}),
    now: 15_999,
    want: false,
  },
  { name: "what was", view: view({}), now: 16_000, want: true },
  {
    name: "not before the holder's own duration, whatever ours is",
    view: view({ leaseDurationSeconds: 60 }),
    now: 60_999,
    want: false,
  },
  {
    name: "not for how old the holder's clock says it is",
    view: view({ renewTime: "1999-01-01T00:00:00.000000Z" }),
    now: 2000,
    want: false,
  },
];

for (const row of rows) {
  t.test(`mayHold() ${row.name}`, async (t) => t.equal(mayHold(row.view, "me", row.now), row.want));
}

t.test("observeLease() counts from when a record last changed", async (t) => {
  const first = observeLease(undefined, lease(record), 100);
  t.equal(first.unchangedSince, 100);
  const same = observeLease(first, lease({ ...record }, "2"), 900);
  t.equal(same.unchangedSince, 100, "a label is no sign of life");
  t.equal(same.lease.metadata.resourceVersion, "2", "but the next write needs the version");
  for (
    const change of [
      { renewTime: "t2" },
      { holderIdentity: "third" },
      { leaseTransitions: 4 },
      { leaseDurationSeconds: 1 },
      { preferredHolder: "fourth" },
    ]
  ) {
    const { unchangedSince } = observeLease(first, lease({ ...record, ...change }), 900);
    t.equal(unchangedSince, 900, JSON.stringify(change));
  }
});

const how = { identity: "me", time: "t9", durationMs: 15_000 };

t.test("renderHeld() takes over and renews", async (t) => {
  t.same(renderHeld(record, how), {
    holderIdentity: "me",
    leaseDurationSeconds: 15,
    acquireTime: "t9",
    renewTime: "t9",
    leaseTransitions: 4,
  });
  t.same(renderHeld({ ...record, holderIdentity: "me" }, how), {
    ...record,
    holderIdentity: "me",
    renewTime: "t9",
  });
  t.equal(renderHeld({}, how).leaseTransitions, 0, "the first holder is no transition");
  t.equal(renderHeld({ holderIdentity: "me" }, how).leaseTransitions, 0);
});

t.test("renderHeld() and renderReleased() keep fields they do not know", async (t) => {
  const strange = { ...record, strategy: "OldestEmulationVersion" };
  t.match(renderHeld(strange, how), { strategy: "OldestEmulationVersion" });
  t.match(renderReleased(strange, "t9"), {
    strategy: "OldestEmulationVersion",
    holderIdentity: "",
    leaseDurationSeconds: 1,
    leaseTransitions: 3,
  });
});
