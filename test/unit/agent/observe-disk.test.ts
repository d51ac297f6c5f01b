// The disk as its observer tells it: full, frozen, refusing, well again, and without ever waiting for it.

import { setImmediate as turn } from "node:timers/promises";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import {
  DiskObserver,
  type DiskPorts,
  FULL_BYTES,
  STALL_MS,
  volumePorts,
} from "../../../src/agent/observe-disk.ts";
import { FakeClock } from "../base/fake-clock.ts";

/** An observer of a disk that a test changes, with the time passing between looks. */
function observed() {
  const clock = new FakeClock();
  const disk: { free: number; write: () => Promise<void> } = {
    free: FULL_BYTES,
    write: () => Promise.resolve(),
  };
  const ports: DiskPorts = {
    freeBytes: () => Promise.resolve(disk.free),
    write: () => disk.write(),
  };
  const observer = new DiskObserver(ports, clock);
  const later = async (ms: number) => {
    await clock.advance(ms);
    observer.look();
    await turn();
    return observer.look();
  };
  return { disk, later, observer };
}

t.test("a disk with room that takes writes is no trouble", async (t) => {
  const { later } = observed();
  t.equal(await later(0), undefined);
  t.equal(await later(5_000), undefined);
});

t.test("less room than the least is full, since it was first seen, until there is room", async (t) => {
  const { disk, later } = observed();
  await later(0);
  disk.free = FULL_BYTES - 1;
  const full = await later(5_000);
  t.match(full, { type: "full" });
  t.same(await later(5_000), full, "the same trouble");
  disk.free = FULL_BYTES;
  t.equal(await later(5_000), undefined);
});

t.test("a write that does not return is a stalled disk after its limit, until it returns", async (t) => {
  const { disk, later } = observed();
  let thaw = () => {};
  disk.write = () => new Promise((resolve) => thaw = resolve);
  t.equal(await later(0), undefined);
  t.equal(await later(STALL_MS - 1), undefined, "not yet");
  const stalled = await later(1);
  t.match(stalled, { type: "stalled" });
  t.equal((await later(1000))?.since, stalled?.since, "since it began");
  thaw();
  await turn();
  t.equal(await later(0), undefined);
});

t.test("a disk that refuses says why", async (t) => {
  const { disk, later } = observed();
  disk.write = () => Promise.reject(new Error("EROFS: read-only file system"));
  const refused = await later(0);
  t.match(refused, { type: "stalled", detail: /EROFS/ });
  t.same(await later(5_000), refused, "since it was first seen");
  disk.write = () => Promise.resolve();
  t.equal(await later(5_000), undefined);
});

t.test("a real volume", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "volume-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const ports = volumePorts(folder);
  t.ok(await ports.freeBytes() > FULL_BYTES);
  await ports.write();
  await ports.write();
  t.same(readdirSync(folder), ["agent-probe"]);
  await t.rejects(volumePorts(join(folder, "gone")).write(), { code: "ENOENT" });
});
