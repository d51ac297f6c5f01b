// What the contract tests of the client share: objects, limits, and a store that follows a watch.

import { systemClock as clock } from "../../src/base/clock.ts";
import { silentLogger as log } from "../../src/base/log.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { type ConfigMap, namespaces } from "../../src/api/kinds.ts";
import type { ResourceType } from "../../src/kube/resource.ts";
import { type Store, type StoreChange, StoreWriter } from "../../src/kube/store.ts";
import type { KubeObject } from "../../src/kube/object.ts";
import { watch, type WatchOptions } from "../../src/kube/watch.ts";
import type { WatcherEvent } from "../../src/kube/watcher.ts";

export const limit = () => AbortSignal.timeout(60_000);

/** A ConfigMap in the namespace `default`, or in another one. */
export function map(name: string, data: Record<string, string> = {}, inside?: string): ConfigMap {
  const metadata = { name, namespace: inside ?? "default" };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data };
}

export async function newNamespace(client: KubeClient, name: string): Promise<string> {
  await client.of(namespaces).create(
    { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    limit(),
  );
  return name;
}

/** Follows a watch until `enough` says so of an event. */
export async function watchUntil<T extends KubeObject>(
  options: Omit<WatchOptions<T>, "take">,
  enough: (event: WatcherEvent<T>) => boolean,
): Promise<void> {
  const [stop, late] = [new AbortController(), limit()];
  const take = (event: WatcherEvent<T>) => enough(event) && stop.abort();
  await watch({ ...options, take }, AbortSignal.any([stop.signal, late])).catch((error) => {
    if (!stop.signal.aborted) throw error;
  });
}

type Test = { teardown(run: () => Promise<void>): void };

/** A store that follows a watch, and a way to wait for what it holds. */
export function follow<T extends KubeObject>(
  t: Test,
  client: KubeClient,
  type: ResourceType<T>,
  namespace: string,
) {
  const stop = new AbortController();
  const writer = new StoreWriter<T>();
  const restarts: string[] = [];
  const changes: StoreChange<T>[] = [];
  let inits = 0;
  let check = (): void => {};
  const first = Promise.withResolvers<string>();
  const onRestart = (why: string) => {
    restarts.push(why);
    first.resolve(why);
  };
  const take = (event: WatcherEvent<T>) => {
    if (event.type === "init") inits++;
    changes.push(...writer.handle(event));
    check();
  };
  const options = { client, type, namespace, log, clock, onRestart, take };
  const ended = watch(options, stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  const until = (holds: (store: Store<T>) => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const signal = limit();
      const late = () => reject(new Error("the store never held what was expected"));
      signal.addEventListener("abort", late);
      check = () => {
        if (!holds(writer)) return;
        signal.removeEventListener("abort", late);
        resolve();
      };
      check();
    });
  t.teardown(async () => {
    stop.abort();
    await ended;
  });
  return {
    store: writer,
    restarts,
    /** What readers of the store were told. */
    changes,
    /** Why the watch had to be opened again for the first time. */
    restarted: first.promise,
    until,
    inits: () => inits,
    stop: () => stop.abort(),
    ended,
  };
}
