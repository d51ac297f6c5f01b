// Many hours of a client's life in a minute: watches that are opened again and again and credentials that
// change, against a server in a process of its own; and what the client holds each time everything rests.

import { getEventListeners } from "node:events";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { makeAuthority, makeCertificate } from "../../fixtures/apiserver/certificates.ts";
import { freePort, Program } from "../../fixtures/apiserver/programs.ts";
import type { Counts } from "../../fixtures/apiserver/restless-apiserver.ts";
import { loadConnection } from "../../src/access/connection.ts";
import { type ConfigMap, configMaps } from "../../src/api/kinds.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { silentLogger as log } from "../../src/base/log.ts";
import { connect, type KubeClient } from "../../src/kube/client.ts";
import { StoreWriter } from "../../src/kube/store.ts";
import { watch } from "../../src/kube/watch.ts";
import type { WatcherEvent } from "../../src/kube/watcher.ts";

const WATCHES = 8;
const LIMIT_MS = 120_000;

/** What the process holds while its watches are open and nothing else happens. Bytes and counts. */
export type Sample = {
  restarts: number;
  reloads: number;
  heap: number;
  rss: number;
  /** Sockets, timers and the like that keep the process alive. */
  handles: number;
  /** Listeners on the one signal of all watches and requests. */
  listeners: number;
  /** Streams and connections that the server sees. */
  streams: number;
  sessions: number;
};

export type SoakOptions = {
  /** Restarts before the first sample. */
  warmUp: number;
  /** Restarts and reloads before each further sample. */
  restarts: number;
  reloads: number;
  samples: number;
  onSample?: (sample: Sample) => void;
};

/** Waiting before another try costs nothing. */
const eager: Clock = { ...systemClock, sleep: (_ms, signal) => systemClock.sleep(0, signal) };

/** Runs it. */
export async function soak(options: SoakOptions): Promise<Sample[]> {
  const stop = new AbortController();
  const world = await startWorld(stop.signal);
  const watches = Array.from({ length: WATCHES }, () => follow(world.client, stop.signal));
  try {
    const samples: Sample[] = [];
    let reloads = 0;
    for (let round = 0; round < options.samples; round++) {
      const restarts = round === 0 ? options.warmUp : options.restarts;
      reloads += await world.wear(restarts, options.reloads);
      const sample = await rest(world, { signal: stop.signal, reloads });
      options.onSample?.(sample);
      samples.push(sample);
    }
    return samples;
  } finally {
    stop.abort();
    await Promise.all(watches);
    await world.stop();
  }
}

async function follow(client: KubeClient, signal: AbortSignal): Promise<void> {
  const writer = new StoreWriter<ConfigMap>();
  const take = (event: WatcherEvent<ConfigMap>) => void writer.handle(event);
  const options = { client, type: configMaps, namespace: "default", log, clock: eager, take };
  await watch(options, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

type World = Awaited<ReturnType<typeof startWorld>>;

/** @param signal of every request: it outlives them all, as a process's own does */
async function startWorld(signal: AbortSignal) {
  const dir = mkdtempSync(join(tmpdir(), "soak-"));
  makeAuthority(dir);
  makeCertificate(dir, "server", { cn: "server" });
  const port = await freePort();
  const [authority, tokenFile] = [join(dir, "ca.crt"), join(dir, "token")];
  // Always the same Node, whatever runs this: it is the client that is looked at.
  const [node, program] = ["node_modules/.bin/node", "fixtures/apiserver/restless-apiserver.ts"]
    .map((path) => fileURLToPath(new URL(`../../${path}`, import.meta.url)));
  const argv = [node, program, port, join(dir, "server.crt"), join(dir, "server.key"), tokenFile];
  const server = new Program("server", argv.map(String), join(dir, "log"));
  const kubeconfig = join(dir, "kubeconfig");
  writeFileSync(kubeconfig, render({ port, authority, tokenFile }), { mode: 0o600 });
  const client = connect(await loadConnection({ kubeconfig, env: {}, log, clock: eager }), {
    userAgent: "soak",
    log,
    clock: eager,
  });
  const tell = (method: "GET" | "POST", path: string) =>
    client.raw({ method, path, query: {}, headers: {} }, signal) as Promise<Counts>;
  const counts = () => tell("GET", "/counts");
  for (
    const limit = AbortSignal.timeout(LIMIT_MS);
    !await counts().then(() => true, () => false);
  ) {
    if (limit.aborted || !server.running) throw new Error(`no server:\n${server.lastOutput}`);
    await systemClock.sleep(50, limit);
  }
  /** Another token, and every tenth time another authority on new connections. */
  const reload = async (n: number) => {
    if (n % 10 === 0) appendFileSync(authority, `# ${n}\n`);
    await tell("POST", n % 10 === 0 ? "/reconnect" : "/rotate");
    await client.of(configMaps).get({ namespace: "default", name: "map-1" }, signal);
  };
  return {
    client,
    tell,
    counts,
    /** Lets so many watches end, with credentials that change meanwhile. Returns how many changed. */
    async wear(restarts: number, reloads: number): Promise<number> {
      const { begun } = await counts();
      for (let n = 0; n < reloads; n++) await reload(n);
      for (
        const limit = AbortSignal.timeout(LIMIT_MS);
        (await counts()).begun < begun + restarts;
      ) {
        await systemClock.sleep(20, limit);
      }
      return reloads;
    },
    async stop() {
      await client.close();
      await server.kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function render(to: { port: number; authority: string; tokenFile: string }): string {
  const { port, authority, tokenFile } = to;
  const cluster = { server: `https://127.0.0.1:${port}`, "certificate-authority": authority };
  return JSON.stringify({
    "current-context": "soak",
    clusters: [{ name: "soak", cluster }],
    users: [{ name: "soak", user: { tokenFile } }],
    contexts: [{ name: "soak", context: { cluster: "soak", user: "soak" } }],
  });
}

/** Lets every watch come to rest, looks, and lets them go on. */
async function rest(world: World, at: { signal: AbortSignal; reloads: number }): Promise<Sample> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  await world.tell("POST", "/hold");
  let counts = await world.counts();
  while (counts.open !== WATCHES) {
    await systemClock.sleep(20, limit);
    counts = await world.counts();
  }
  const heap = await collected();
  const sample = {
    restarts: counts.begun,
    reloads: at.reloads,
    heap,
    rss: process.memoryUsage.rss(),
    handles: process.getActiveResourcesInfo().length,
    listeners: getEventListeners(at.signal, "abort").length,
    streams: counts.open,
    sessions: counts.sessions,
  };
  await world.tell("POST", "/go");
  return sample;
}

/** Bytes of the heap that are in use after everything else was collected. */
async function collected(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (how: object) => void;
  // What finalizers and weak references let go takes further turns.
  for (let turn = 0; turn < 4; turn++) {
    // Also what V8 keeps in case it is needed again, as compiled code: that grows for a long time.
    gc({ type: "major", execution: "sync", flavor: "last-resort" });
    await systemClock.sleep(10, AbortSignal.timeout(LIMIT_MS));
  }
  return process.memoryUsage().heapUsed;
}

const MIB = 1 << 20;

/** How much more the last sample may hold than the first, which is taken when everything is warm. */
const SLACK: Record<Exclude<keyof Sample, "restarts" | "reloads">, number> = {
  // Every sample is taken in the same state: these are the same or something was left behind.
  listeners: 0,
  streams: 0,
  // Watches that all lose their connection at once may open a second one, which ends a minute later;
  // each is a socket and a timer or two.
  sessions: 2,
  handles: 6,
  // V8 goes on learning types and compiling for some thousand restarts, Node.js 22's most of all: a few
  // 100 KiB. Over 100,000 restarts this is 10 bytes each: less than the smallest thing that could be kept.
  heap: MIB,
  // The allocator's business; it would not hide megabytes that are lost outside the heap.
  rss: 64 * MIB,
};

/** What is not flat between the first sample and the last, as sentences. */
export function growth(samples: readonly Sample[]): string[] {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last) return ["there are no samples"];
  return (Object.keys(SLACK) as (keyof typeof SLACK)[])
    .filter((what) => last[what] - first[what] > SLACK[what])
    .map((what) => `${what} grew from ${first[what]} to ${last[what]}`);
}
