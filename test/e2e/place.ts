// Where the local cluster of the end-to-end tests keeps its administrator's kubeconfig.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./kubectl.ts";

/** Path of the kubeconfig, as `scripts/cluster.sh kubeconfig` prints it. */
export function kubeconfig(): string {
  const result = spawnSync(join(ROOT, "scripts/cluster.sh"), ["kubeconfig"], { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`cluster.sh kubeconfig: ${result.stderr}`);
  return result.stdout.trim();
}
