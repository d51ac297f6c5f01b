import t from "tap";
import {
  formatMicroTime,
  formatTime,
  parseTime,
  startDeadline,
  systemClock,
} from "../../../src/base/clock.ts";
import { isAbort } from "../../../src/base/errors.ts";
import { FakeClock } from "./fake-clock.ts";

t.test("times are RFC 3339", async (t) => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  t.equal(formatTime(at), "2026-01-02T03:04:05Z");
  t.equal(formatMicroTime(at), "2026-01-02T03:04:05.678000Z");
  t.equal(parseTime("2026-01-02T03:04:05.678000Z"), at);
  t.equal(parseTime("soon"), undefined);
  t.equal(parseTime(undefined), undefined);
});

t.test("sleep() rejects at once with the reason of an abort", async (t) => {
  const controller = new AbortController();
  const sleeping = systemClock.sleep(3_600_000, controller.signal);
  controller.abort();
  await t.rejects(sleeping, { name: "AbortError" });
  await t.rejects(systemClock.sleep(1, AbortSignal.abort(new Error("no"))), { message: "no" });
});

t.test("setTimer() can be cancelled and takes times beyond 31 bits", async (t) => {
  let fired = false;
  const cancel = systemClock.setTimer(2 ** 40, () => {
    fired = true;
  });
  await systemClock.sleep(5, new AbortController().signal);
  cancel();
  t.notOk(fired);
});

t.test("startDeadline() aborts after its time and leaves nothing behind", async (t) => {
  const clock = new FakeClock();
  const parent = new AbortController();
  const late = startDeadline(clock, 1000, parent.signal);
  await clock.advance(999);
  t.notOk(late.signal.aborted);
  await clock.advance(1);
  t.ok(late.signal.aborted && late.expired);
  t.equal((late.signal.reason as Error).name, "TimeoutError");

  const followed = startDeadline(clock, 1000, parent.signal);
  parent.abort();
  t.ok(followed.signal.aborted && !followed.expired && isAbort(followed.signal.reason));
  followed.clear();
  t.equal(clock.pending, 0);

  const moved = startDeadline(clock, 1000, new AbortController().signal);
  await clock.advance(900);
  moved.restart(500);
  await clock.advance(499);
  t.notOk(moved.signal.aborted);
  await clock.advance(1);
  t.match(moved.signal.reason, { message: "no answer within 500 ms" });
  t.equal(clock.pending, 0);
});
