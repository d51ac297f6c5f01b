// Faults of the disks: each volume is an XFS of its own (fixtures/kubernetes), which can be filled and frozen.

import type { Database } from "./database.ts";
import { nodeOf } from "./faults.ts";
import { cluster, kubectlJson } from "./kubectl.ts";
import { waitFor } from "./wait.ts";

/** Ends the fault. */
export type End = () => Promise<unknown>;

/** Leaves a Pod's volume without a free block. */
export async function fillDisk(database: Database, pod: string): Promise<End> {
  const { home, path } = await volumeOf(database, pod);
  const script = 'fallocate -l "$(df --output=avail -B1 "$1" | tail -n 1)" "$1/filler" || true; ' +
    'dd if=/dev/zero of="$1/filler2" bs=64k 2>/dev/null || true';
  await cluster(["on", home, "/bin/sh", "-c", script, "sh", path]);
  const empty = ["on", home, "rm", "-f", `${path}/filler`, `${path}/filler2`];
  // Another fault may have switched the node off; what is on the disk stays.
  return () =>
    waitFor(`room on ${path} again`, 120_000, async () => {
      await cluster(empty);
      return true;
    });
}

/** Lets no write to a Pod's volume return. */
export async function freezeDisk(database: Database, pod: string): Promise<End> {
  const { home, path } = await volumeOf(database, pod);
  await cluster(["on", home, "fsfreeze", "-f", path]);
  return () => cluster(["on", home, "fsfreeze", "-u", path]);
}

/** Where the Pod's volume is mounted on its node. */
async function volumeOf(database: Database, pod: string): Promise<{ home: string; path: string }> {
  type Claim = { spec: { volumeName: string } };
  const claim = ["-n", database.namespace, "get", "pvc", `data-${pod}`];
  const { spec: { volumeName } } = await kubectlJson<Claim>(claim);
  return { home: await nodeOf(database, pod), path: `/volumes/${volumeName}` };
}
