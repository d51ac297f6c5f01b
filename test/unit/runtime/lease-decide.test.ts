import t from "tap";
import {
  decideLease,
  type LeaseView,
  observeLease,
  renderHeld,
  renderReleased,
} from "../../../src/runtime/lease-decide.ts";

const record = {
  holderIdentity: "other",
  leaseDurationSeconds: 15,
  acquireTime: "t0",
  renewTime: "t1",
  leaseTransitions: 3,
};
const view = (more: Partial<LeaseView["record"]>, unchangedSince = 1000): LeaseView => ({
  record: { ...record, ...more },
  unchangedSince,
});

for (
  const row of [
    {
      name: "renews what is ours",
      view: view({ holderIdentity: "me" }),
      now: 1_000_000,
      want: { type: "renew" },
    },
    {
      name: "takes what was given up at once",
      view: view({ holderIdentity: "" }),
      now: 1000,
      want: { type: "take", from: "" },
    },
    {
      name: "takes what nobody ever had",
      view: { record: {}, unchangedSince: 1000 },
      now: 1000,
      want: { type: "take", from: "" },
    },
    {
      name: "waits for a holder just seen",
      view: view({}),
      now: 1000,
      want: { type: "wait", holder: "other", ms: 15_000 },
    },
    {
      name: "waits until the record has been unchanged for its duration",
      view: view({}),
      now: 15_999,
      want: { type: "wait", holder: "other", ms: 1 },
    },
    {
      name: "takes over when it has",
      view: view({}),
      now: 16_000,
      want: { type: "take", from: "other" },
    },
    {
      name: "goes by the holder's duration, not ours",
      view: view({ leaseDurationSeconds: 60 }),
      now: 16_000,
      want: { type: "wait", holder: "other", ms: 45_000 },
    },
    {
      name: "ignores how old the holder's clock says it is",
      view: view({ renewTime: "1999-01-01T00:00:00.000000Z" }),
      now: 2000,
      want: { type: "wait", holder: "other", ms: 14_000 },
    },
  ]
) {
  t.test(`decideLease() ${row.name}`, async (t) =>
    t.strictSame(decideLease(row.view, "me", row.now), row.want));
}

t.test("observeLease() counts from when a record last changed", async (t) => {
  const first = observeLease(undefined, record, 100);
  t.equal(first.unchangedSince, 100);
  t.equal(observeLease(first, { ...record }, 900).unchangedSince, 100);
  for (
    const change of [{ renewTime: "t2" }, { holderIdentity: "third" }, { leaseTransitions: 4 }, {
      leaseDurationSeconds: 1,
    }]
  ) {
    t.equal(
      observeLease(first, { ...record, ...change }, 900).unchangedSince,
      900,
      JSON.stringify(change),
    );
  }
});

const how = { time: "t9", leaseDurationMs: 15_000 };

t.test("renderHeld() takes over and renews", async (t) => {
  t.same(renderHeld(record, "me", how), {
    holderIdentity: "me",
    leaseDurationSeconds: 15,
    acquireTime: "t9",
    renewTime: "t9",
    leaseTransitions: 4,
  });
  t.same(renderHeld({ ...record, holderIdentity: "me" }, "me", how), {
    ...record,
    holderIdentity: "me",
    renewTime: "t9",
  });
  t.same(renderHeld({}, "me", how).leaseTransitions, 1);
});

t.test("renderHeld() and renderReleased() keep fields they do not know", async (t) => {
  const strange = { ...record, strategy: "OldestEmulationVersion" };
  t.match(renderHeld(strange, "me", how), { strategy: "OldestEmulationVersion" });
  t.match(renderReleased(strange, "t9"), {
    strategy: "OldestEmulationVersion",
    holderIdentity: "",
    leaseDurationSeconds: 1,
    leaseTransitions: 3,
  });
});
