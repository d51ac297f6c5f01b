// What plays on the scripted API server are made of: watch events, refusals, common steps, a clock that
// costs no time, and a store that follows a watch.

import type { Reply, Step } from "../../fixtures/apiserver/scripted-apiserver.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { silentLogger as log } from "../../src/base/log.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { type ConfigMap, configMaps } from "../../src/api/kinds.ts";
import { StoreWriter } from "../../src/kube/store.ts";
import type { ResourceType } from "../../src/kube/resource.ts";
import type { WatcherEvent } from "../../src/kube/watcher.ts";
import { watch } from "../../src/kube/watch.ts";

export const limit = () => AbortSignal.timeout(20_000);
export const PATH = "/api/v1/namespaces/db/configmaps";
export const WATCH = `GET ${PATH}`;
export const namespace = "db";

export const map = (name: string, resourceVersion: string): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace, resourceVersion, uid: `uid-${name}` },
});
export const added = (name: string, rv: string) => ({ type: "ADDED", object: map(name, rv) });
export const modified = (name: string, rv: string) => ({ type: "MODIFIED", object: map(name, rv) });
export const deleted = (name: string, rv: string) => ({ type: "DELETED", object: map(name, rv) });
export const bookmark = (rv: string, end?: string) => ({
  type: "BOOKMARK",
  object: {
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: {
      resourceVersion: rv,
      ...(end ? { annotations: { "k8s.io/initial-events-end": end } } : {}),
    },
  },
});
export const status = (code: number, reason: string, more: object = {}) => ({
  kind: "Status",
  apiVersion: "v1",
  status: "Failure",
  code,
  reason,
  message: `${reason} it is`,
  ...more,
});
export const failure = (code: number, reason: string) => ({
  type: "ERROR",
  object: status(code, reason),
});

/** A stream that says this and stays open. */
export const answer = (...events: unknown[]) => (reply: Reply) => {
  reply.head(200);
  reply.events(...events);
};
/** A stream that says this and ends. */
export const answerAndEnd = (...events: unknown[]) => (reply: Reply) => {
  answer(...events)(reply);
  reply.end();
};
export const refuse =
  (code: number, reason: string, headers: Record<string, string> = {}) => (reply: Reply) =>
    reply.json(code, status(code, reason), headers);
/** A page of a list; with `more`, there is another one. */
export const page =
  (version: string, items: unknown[], more?: string, kind = "ConfigMapList") => (reply: Reply) =>
    reply.json(200, {
      kind,
      metadata: { resourceVersion: version, ...(more ? { continue: more } : {}) },
      items,
    });
/** A list is asked for, with exactly this. */
export const asks = (t: Tap, query: Record<string, string>) => (seen: { query: URLSearchParams }) =>
  t.same(Object.fromEntries(seen.query), query);

/** Waiting costs no time, and is noted. */
export function eagerClock(): Clock & { slept: number[] } {
  const slept: number[] = [];
  return {
    ...systemClock,
    slept,
    random: () => 0,
    sleep: (ms, signal) => {
      slept.push(ms);
      return systemClock.sleep(0, signal);
    },
  };
}

/** A streaming list is asked for. */
export const fromNothing = (t: Tap) => ({ query }: { query: URLSearchParams }) => {
  t.equal(query.get("sendInitialEvents"), "true");
  t.equal(query.get("resourceVersion"), null);
  t.equal(query.get("allowWatchBookmarks"), "true");
};
/** A watch that goes on from a version. */
export const from = (t: Tap, rv: string) => ({ query }: { query: URLSearchParams }) => {
  t.equal(query.get("resourceVersion"), rv);
  t.equal(query.get("sendInitialEvents"), null);
  const seconds = Number(query.get("timeoutSeconds"));
  t.ok(seconds >= 300 && seconds <= 600);
};
/** What a step needs of a test. */
type Tap = {
  equal(got: unknown, want: unknown): unknown;
  same(got: unknown, want: unknown): unknown;
  ok(got: unknown): unknown;
};

export const initial = (t: Tap, then?: (reply: Reply) => void): Step => ({
  expect: WATCH,
  check: fromNothing(t),
  reply: (reply) => {
    reply.head(200);
    reply.events(added("a", "5"), added("b", "3"), bookmark("9", "true"));
    then?.(reply);
  },
});

/** Follows until `wanted` is what the store holds; returns what was seen on the way. */
export async function followUntil(
  client: KubeClient,
  wanted: string,
  clock: Clock,
  how: {
    onState?: (state: string) => unknown;
    type?: ResourceType<ConfigMap>;
    labelSelector?: string;
    fieldSelector?: string;
  } = {},
) {
  const { onState = () => {}, type = configMaps, ...selectors } = how;
  const stop = new AbortController();
  const writer = new StoreWriter<ConfigMap>();
  const seen: string[] = [];
  let found = false;
  const restarts: string[] = [];
  const guard = limit();
  const late = () => stop.abort(new Error(`the store never held ${wanted} but ${names(writer)}`));
  guard.addEventListener("abort", late);
  const unreadable: string[] = [];
  const options = {
    client,
    type,
    ...selectors,
    namespace,
    log,
    clock,
    onRestart: (why: string) => restarts.push(why),
    onUnreadable: (what: string) => unreadable.push(what),
    take: (event: WatcherEvent<ConfigMap>) => {
      seen.push(event.type);
      writer.handle(event);
      onState(names(writer));
      found = writer.synced && event.type !== "init" && names(writer) === wanted;
      if (found) stop.abort();
    },
  };
  await watch(options, stop.signal).catch((error: unknown) => {
    if (!found) throw error;
  }).finally(() => guard.removeEventListener("abort", late));
  return { seen, restarts, unreadable, writer };
}

export const names = (writer: StoreWriter<ConfigMap>) =>
  writer.list().map(({ metadata }) => `${metadata.name}${metadata.resourceVersion}`).sort()
    .join();
