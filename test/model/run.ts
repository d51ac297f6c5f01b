// One run of the model: the real watch and the real store against peers, all from one seed. Follows every
// change that the store reports, and compares at the end.

import { silentLogger as log } from "../../src/base/log.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { watch } from "../../src/kube/watch.ts";
import type { WatcherEvent } from "../../src/kube/watcher.ts";
import { type ConfigMap, configMaps } from "../../src/api/kinds.ts";
import { Chance, ModelClock } from "./chance.ts";
import { Follower } from "./follower.ts";
import { Peer } from "./peer.ts";
import { ModelServer } from "./server.ts";
import type { World } from "./world.ts";

/** What was wrong with a run, one sentence each. */
export async function runModel(seed: number): Promise<string[]> {
  const chance = new Chance(seed);
  const faults = new Set<string>();
  const clock = new ModelClock(chance);
  const server = new ModelServer(chance);
  const stop = new AbortController();
  const namespaces = chance.is(0.3) ? ["a", "b"] : [undefined];
  const pickedOnly = chance.is(0.4);
  const idle = new Set<object>();
  let ticksLeft = 20 + chance.below(120);
  // Some runs are ended somewhere in the middle, to see that nothing stays behind.
  const endsAt = chance.is(0.05) ? chance.below(ticksLeft) : undefined;
  const world: World = {
    chance,
    clock,
    server,
    get calm() {
      return ticksLeft <= 0;
    },
    tick() {
      if (ticksLeft-- > 0 && chance.is(0.5)) server.change();
      if (ticksLeft === endsAt) stop.abort();
      if (ticksLeft === -10_000) {
        faults.add("no end in sight");
        stop.abort();
      }
    },
    idle(who) {
      if (idle.add(who).size === namespaces.length) stop.abort();
    },
    blame: (what) => void faults.add(what),
  };
  const follower = new Follower(server, namespaces, world.blame);
  const peers = await Promise.all(namespaces.map(async (namespace) => {
    const peer = new Peer(world, { namespace, pickedOnly });
    const selection = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(pickedOnly ? { labelSelector: "picked" } : {}),
    };
    const client = peer as unknown as KubeClient;
    const take = (event: WatcherEvent<ConfigMap>) => follower.take(event, namespace);
    const options = { client, type: configMaps, ...selection, log, clock, take };
    await watch(options, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) faults.add(`the watch ended: ${error}`);
    });
    return peer;
  }));
  if (peers.some(({ open }) => open > 0)) faults.add("a stream was left open");
  if (clock.pending > 0) faults.add(`${clock.pending} timers were left`);
  if (endsAt === undefined) follower.compare({ namespace: undefined, pickedOnly });
  return [...faults];
}
