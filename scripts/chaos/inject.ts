// Makes the faults of schedule.ts happen on the local cluster. Each returns what ends it.

import { setTimeout as pause } from "node:timers/promises";
import { freezeApiServer } from "../../test/e2e/api-server.ts";
import { type Database, getPods } from "../../test/e2e/database.ts";
import { fillDisk, freezeDisk } from "../../test/e2e/disk.ts";
import {
  deletePod,
  killAgent,
  killServer,
  loseVolume,
  signalServer,
} from "../../test/e2e/faults.ts";
import { cluster, kubectl } from "../../test/e2e/kubectl.ts";
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
    case "API server frozen":
      return await freezeApiServer();
    case "full disk":
      return await fillDisk(database, pod);
    case "frozen disk":
      return await freezeDisk(database, pod);
    case "operator deleted":
      await operatorIs(false);
      return () => operatorIs(true);
    default:
      throw new Error(`no such fault: ${fault.kind}`);
  }
}
