import t from "tap";
import { type Made, Renewable } from "../../../src/access/renewable.ts";
import { createLogger } from "../../../src/base/log.ts";
import { FakeClock } from "../base/fake-clock.ts";

type Value = { name: string };

function setUp(restMs?: number) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const log = createLogger({ level: "debug", format: "text", write, clock });
  const made: boolean[] = [];
  const next: { make: () => Promise<Made<Value>> } = {
    make: () => Promise.resolve({ value: { name: "one" }, validMs: 1000 }),
  };
  const source = new Renewable<Value>(
    (refused) => {
      made.push(refused);
      return next.make();
    },
    { clock, log },
    restMs,
  );
  const gives = (name: string, validMs = 1000) => {
    next.make = () => Promise.resolve({ value: { name }, validMs });
  };
  const fails = (why: string) => {
    next.make = () => Promise.reject(new Error(why));
  };
  return { clock, lines, made, source, gives, fails };
}

t.test("Renewable makes one value for all who ask, and again when it is old", async (t) => {
  const { clock, made, source, gives } = setUp();
  const all = await Promise.all(Array.from({ length: 50 }, () => source.current()));
  t.equal(new Set(all).size, 1);
  gives("two");
  await clock.advance(999);
  t.equal((await source.current()).name, "one");
  await clock.advance(1);
  t.equal((await source.current()).name, "two");
  t.same(made, [false, false]);
});

t.test("Renewable keeps the old value when a new one cannot be made, and says so once", async (t) => {
  const { clock, lines, made, source, gives, fails } = setUp();
  const old = await source.current();
  fails("no file");
  await clock.advance(1000);
  t.equal(await source.current(), old);
  t.equal(await source.current(), old);
  t.equal(made.length, 2, "not tried again for every request");
  t.equal(await source.renew(old), old);
  await clock.advance(10_000);
  t.equal(await source.current(), old);
  t.equal(lines.length, 1);
  t.match(lines[0], /credentials not renewed err="no file"/);
  gives("two");
  await clock.advance(10_000);
  t.equal((await source.current()).name, "two");
  fails("no file");
  await clock.advance(10_000);
  await source.current();
  t.equal(lines.length, 2, "after a success it is news again");
});

t.test("Renewable fails while there has never been a value", async (t) => {
  const { source, fails, gives } = setUp();
  fails("no file");
  await t.rejects(source.current(), /no file/);
  await t.rejects(source.current(), /no file/);
  gives("one");
  t.equal((await source.current()).name, "one");
});

t.test("Renewable makes a successor of a refused value, once", async (t) => {
  const { clock, made, source, gives } = setUp(500);
  const old = await source.current();
  gives("two");
  await clock.advance(499);
  t.equal(await source.renew(old), old, "not of one that is brand-new");
  await clock.advance(1);
  const all = await Promise.all(Array.from({ length: 50 }, () => source.renew(old)));
  t.same([...new Set(all)].map(({ name }) => name), ["two"]);
  await clock.advance(500);
  t.equal((await source.renew(old)).name, "two", "who was refused long ago gets what there is");
  t.same(made, [false, true]);
});
