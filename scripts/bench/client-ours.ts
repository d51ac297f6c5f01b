// One of the clients that `bench.sh watch` compares: this project's own, from the watch into a StoreWriter, as
// the operator runs it; with a fourth argument everything is parsed at once instead of when it is read.

import process from "node:process";
import { loadConnection } from "../../src/access/connection.ts";
import { type Pod, pods } from "../../src/api/kinds.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { silentLogger as log } from "../../src/base/log.ts";
import { connect } from "../../src/kube/client.ts";
import { StoreWriter } from "../../src/kube/store.ts";
import type { WatcherEvent } from "../../src/kube/watcher.ts";
import { watch } from "../../src/kube/watch.ts";
import { counter, driverArguments, obey, say } from "./driver.ts";

const { kubeconfig, namespace, marker } = driverArguments();
const deferred = process.argv.length < 6;
say(`version src/kube, Node.js ${process.version} ${process.execArgv.join(" ")}`);

const writer = new StoreWriter<Pod>();
const count = counter(marker);
obey(() => writer.list());

const access = { kubeconfig, env: {}, log, clock };
const connection = await loadConnection(access);
const client = connect(connection, { userAgent: "bench", log, clock });
const forever = new AbortController().signal;
const take = (event: WatcherEvent<Pod>): void => {
  const changes = writer.handle(event);
  if (event.type === "initDone") say("synced");
  else for (const { after } of changes) if (after) count(after);
};
await watch({ client, type: pods, namespace, log, clock, deferred, take }, forever);
