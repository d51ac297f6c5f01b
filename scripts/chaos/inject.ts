// Makes the faults of schedule.ts happen on the local cluster. Each returns what ends it.

import { setTimeout as pause } from "node:timers/promises";
import process from "node:process";
import { readPaths } from "../../fixtures/kubernetes/paths.ts";
import { Processes } from "../../fixtures/kubernetes/processes.ts";
import { type Database, getPods } from "../../test/e2e/database.ts";
import {
  deletePod,
  killAgent,
  killServer,
  loseVolume,
  nodeOf,
  signalServer,
} from "../../test/e2e/faults.ts";
import { cluster, kubectl, kubectlJson } from "../../test/e2e/kubectl.ts";
import { operatorIs } from "../../test/e2e/operator.ts";
import type { Fault } from "./schedule.ts";

/** The node by which the write checker reaches Services: its power and its cables are left alone. */
const WAY_IN = "node1";
const NODES = ["node1", "node2", "node3"];

/** Makes the fault, lets it last, ends it. A target that is not there at the moment is no error. */
export async function inject(database: Database, fault: Fault): Promise<void> {
  const end = await begin(database, fault);
  await pause(fault.holdMs);
  await end();
}

async function begin(database: Database, fault: Fault): Promise<() => Promise<unknown>> {
  const pod = `${database.name}-${fault.target}`;
  const over = async () => {};
  switch (fault.kind) {
    case "kill mysqld":
      await killServer(database, pod);
      return over;
    case "kill agent":
      await killAgent(database, pod);
      return over;
    case "delete Pod":
      await deletePod(database, pod);
      return over;
    case "delete Pod by force":
      await kubectl([
        "-n",
        database.namespace,
        "delete",
        "pod",
        pod,
        "--force",
        "--grace-period=0",
      ]);
      return over;
    case "delete Pod with its volume":
      await loseVolume(database, pod);
      return over;
    case "freeze mysqld (SIGSTOP)":
      await signalServer(database, pod, "STOP");
      return () => signalServer(database, pod, "CONT");
    case "all mysqld at once": {
      const names = (await getPods(database)).map(({ metadata }) => metadata.name);
      await Promise.all(names.map((name) => killServer(database, name)));
      return over;
    }
    default:
      return await beginAround(database, fault, pod);
  }
}

/** Faults of what is around the servers: machines, network, disks, control plane. */
async function beginAround(
  database: Database,
  fault: Fault,
  pod: string,
): Promise<() => Promise<unknown>> {
  // Of the nodes that may be hit, so that every seed hits the same ones.
  const node = NODES[1 + fault.target % 2] ?? "";
  const other = NODES.find((each) => each !== node && each !== WAY_IN) ?? "";
  switch (fault.kind) {
    case "node without power":
      await cluster(["stop-node", node]);
      return () => cluster(["start-node", node], { limitMs: 120_000 });
    case "cut off from another node":
      await cluster(["cut", node, other]);
      return () => cluster(["heal"]);
    case "cut off from another node, one way":
      await cluster(["cut", node, other, "--one-way"]);
      return () => cluster(["heal"]);
    case "cut off from the API server":
      await cluster(["cut", node, "api"]);
      return () => cluster(["heal"]);
    case "API server frozen": {
      const pid = new Processes(readPaths().run).pid("apiserver");
      if (pid === undefined) throw new Error("the API server does not run");
      process.kill(pid, "SIGSTOP");
      return async () => process.kill(pid, "SIGCONT");
    }
    case "full disk":
      return await fillDisk(await volumeOf(database, pod));
    case "frozen disk": {
      const { home, path } = await volumeOf(database, pod);
      await cluster(["on", home, "fsfreeze", "-f", path]);
      return () => cluster(["on", home, "fsfreeze", "-u", path]);
    }
    case "operator deleted":
      await operatorIs(false);
      return () => operatorIs(true);
    default:
      throw new Error(`no such fault: ${fault.kind}`);
  }
}

type Volume = { readonly home: string; readonly path: string };

async function fillDisk({ home, path }: Volume): Promise<() => Promise<unknown>> {
  const script = 'fallocate -l "$(df --output=avail -B1 "$1" | tail -n 1)" "$1/filler" || true; ' +
    'dd if=/dev/zero of="$1/filler2" bs=64k 2>/dev/null || true';
  await cluster(["on", home, "/bin/sh", "-c", script, "sh", path]);
  return () => cluster(["on", home, "rm", "-f", `${path}/filler`, `${path}/filler2`]);
}

/** Where the Pod's volume is mounted on its node. */
async function volumeOf(database: Database, pod: string): Promise<Volume> {
  type Claim = { spec: { volumeName: string } };
  const claim = ["-n", database.namespace, "get", "pvc", `data-${pod}`];
  const { spec: { volumeName } } = await kubectlJson<Claim>(claim);
  return { home: await nodeOf(database, pod), path: `/volumes/${volumeName}` };
}
