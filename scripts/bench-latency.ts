// How much a slow line costs the first synchronisation of 10,000 Pods: a real API server, reached through a
// proxy with and without 20 ms each way. Prints medians and their ratio; exits 1 above 1.3.
//
//   node scripts/bench-latency.ts [RUNS [PODS]]

import process from "node:process";
import { startApiServer } from "../fixtures/apiserver/real-apiserver.ts";
import { TcpProxy } from "../fixtures/apiserver/tcp-proxy.ts";
import { type Pod, pods } from "../src/api/kinds.ts";
import { silentLogger as log } from "../src/base/log.ts";
import { systemClock as clock } from "../src/base/clock.ts";
import type { KubeClient } from "../src/kube/client.ts";
import { StoreWriter } from "../src/kube/store.ts";
import type { WatcherEvent } from "../src/kube/watcher.ts";
import { watch } from "../src/kube/watch.ts";

const LIMIT = 1.3;
const DELAY_MS = 20;
const [runs = 5, count = 10_000] = process.argv.slice(2).map(Number);

/** A Pod of about 6 KB, as a StatefulSet's controller and the kubelet leave it. */
function pod(n: number): Pod & { apiVersion: string; kind: string } {
  const env = Array.from(
    { length: 25 },
    (_, at) => ({ name: `SETTING_${at}`, value: "v".repeat(60) }),
  );
  const container = (name: string) => ({
    name,
    image: "mysql:9.4",
    env,
    terminationMessagePolicy: "File",
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `pod-${n}`, namespace: "default", labels: { app: "mysql", index: `${n}` } },
    spec: { containers: [container("mysqld"), container("agent")], restartPolicy: "Always" },
    status: { phase: "Running", podIP: `10.0.${n >> 8}.${n & 255}` },
  } as unknown as Pod & { apiVersion: string; kind: string };
}

/** Milliseconds until a new client's store holds everything. */
async function sync(client: KubeClient): Promise<number> {
  const writer = new StoreWriter<Pod>();
  const start = clock.monotonic();
  const stop = new AbortController();
  const late = clock.setTimer(120_000, () => stop.abort(new Error("not synchronised in time")));
  const take = (event: WatcherEvent<Pod>): void => {
    writer.handle(event);
    if (writer.synced) stop.abort();
  };
  await watch({ client, type: pods, log, clock, take }, stop.signal).catch((error: unknown) => {
    if (!writer.synced) throw error;
  });
  late();
  if (writer.list().length !== count) throw new Error(`${writer.list().length} Pods`);
  return clock.monotonic() - start;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

const cleanups: (() => Promise<void>)[] = [];
try {
  const server = await startApiServer({ teardown: (run) => cleanups.push(run) }, {
    controllers: false,
  });
  await server.etcd.put("pods", Array.from({ length: count }, (_, n) => pod(n)));
  const lines = await Promise.all([0, DELAY_MS].map(async (delayMs) => {
    const proxy = new TcpProxy({ upstreams: [server.port], delayMs });
    cleanups.unshift(() => proxy.stop());
    await proxy.listen();
    return { delayMs, proxy, took: [] as number[] };
  }));
  // The first round warms both ends up. The two lines take turns at going first.
  for (let run = -1; run < runs; run++) {
    for (const { proxy, took } of run % 2 === 0 ? lines : lines.toReversed()) {
      const client = server.client({ port: proxy.port });
      const ms = await sync(client);
      await client.close();
      if (run >= 0) took.push(ms);
    }
  }
  const [plain, delayed] = lines.map(({ delayMs, took, proxy }) => {
    const megabytes = proxy.count.down / (runs + 1) / 1e6;
    const each = took.map((ms) => ms.toFixed(0)).join(" ");
    process.stdout.write(
      `${String(delayMs).padStart(2)} ms each way: ${
        median(took).toFixed(0)
      } ms for ${count} Pods, ` +
        `${megabytes.toFixed(1)} MB (${each})\n`,
    );
    return median(took);
  });
  const ratio = (delayed ?? NaN) / (plain ?? NaN);
  process.stdout.write(`ratio ${ratio.toFixed(2)}, at most ${LIMIT}\n`);
  process.exitCode = ratio <= LIMIT ? 0 : 1;
} finally {
  for (const cleanup of cleanups) await cleanup();
}
