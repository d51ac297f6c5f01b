import t from "tap";
import { TokenBucket } from "../../../src/base/token-bucket.ts";

t.test("take() gives the burst at once, then one after each interval", async (t) => {
  const bucket = new TokenBucket({ burst: 3, everyMs: 100 }, 1000);
  t.same([1, 2, 3, 4].map(() => bucket.take(1000)), [true, true, true, false]);
  t.notOk(bucket.take(1099));
  t.ok(bucket.take(1100));
  t.notOk(bucket.take(1150), "the half that has come is kept, not lost");
  t.ok(bucket.take(1200));
});

t.test("take() never has more than the burst", async (t) => {
  const bucket = new TokenBucket({ burst: 2, everyMs: 100 }, 0);
  t.same([1, 2, 3].map(() => bucket.take(1_000_000)), [true, true, false]);
});

t.test("reserveMs() spaces out what comes after the burst", async (t) => {
  const bucket = new TokenBucket({ burst: 2, everyMs: 100 }, 0);
  t.same([1, 2, 3, 4].map(() => bucket.reserveMs(0)), [0, 0, 100, 200]);
  t.equal(bucket.reserveMs(150), 150);
  t.equal(bucket.reserveMs(1_000_000), 0);
});
