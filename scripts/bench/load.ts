// Fills a real API server with the Pods of `bench.sh watch` and says what it holds.

import type { RealApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { namespaces, pods, serviceAccounts } from "../../src/api/kinds.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { LineDecoder } from "../../src/base/lines.ts";
import { buildWatch } from "../../src/kube/request.ts";
import { digest } from "./driver.ts";
import { aPod, NAMESPACE } from "./pods.ts";

const PARALLEL = 64;
const LIMIT_MS = 600_000;

const limit = (): AbortSignal => AbortSignal.timeout(LIMIT_MS);

/** Runs `work(n)` for every n below `count`, PARALLEL of them at a time. */
async function inParallel(count: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

/** Creates `count` Pods. */
export async function fill(client: KubeClient, count: number): Promise<void> {
  const name = NAMESPACE;
  await client.of(namespaces).create(
    { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    limit(),
  );
  // Nobody else makes it where no controller runs, and admission asks for it.
  const metadata = { name: "default", namespace: NAMESPACE };
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata };
  await client.of(serviceAccounts).create(account, limit());
  await inParallel(count, (n) => client.of(pods).create(aPod(n), limit()));
}

/** What a client's `digest` has to be. */
export async function serverDigest(client: KubeClient): Promise<string> {
  const { items } = await client.of(pods).list({ namespace: NAMESPACE }, limit());
  return digest(items);
}

/** The first `count` lines of a watch from the beginning: what every client has to parse. */
export async function captureLines(server: RealApiServer, count: number): Promise<string[]> {
  const from = { resourceVersion: undefined, timeoutSeconds: 300 };
  const request = buildWatch(pods, { namespace: NAMESPACE }, from);
  const decoder = new LineDecoder();
  const lines: string[] = [];
  for await (const chunk of await server.client().openStream(request, limit())) {
    lines.push(...decoder.push(chunk).map((line) => line.toString()));
    if (lines.length >= count) break;
  }
  return lines.slice(0, count);
}
