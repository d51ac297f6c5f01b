// How many Pods stand behind the primary Service, by every change of its EndpointSlices.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Database } from "../../test/e2e/database.ts";
import { ROOT } from "../../test/e2e/kubectl.ts";

/** Watches until the teardown; the function returns how often there was more than one ready address. */
export function watchPrimaryService(
  t: { teardown(end: () => Promise<void>): void },
  { namespace, name }: Database,
): () => { twoBehind: number } {
  const ready = "{.endpoints[?(@.conditions.ready==true)].addresses[*]}";
  const selector = ["-l", `kubernetes.io/service-name=${name}-primary`];
  const watch = ["get", "endpointslices", ...selector, "-w", "-o", `jsonpath=${ready}{"\\n"}`];
  let [twoBehind, ended]: [number, boolean] = [0, false];
  let child: ChildProcess;
  const start = () => {
    const argv = ["kubectl", "-n", namespace, ...watch];
    child = spawn(join(ROOT, "scripts/cluster.sh"), argv, { stdio: ["ignore", "pipe", "ignore"] });
    let rest = "";
    child.stdout?.on("data", (chunk) => {
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop() ?? "";
      twoBehind += lines.filter((line) => line.trim().split(/\s+/).length > 1).length;
    });
    // A watch ends with the API server's connection.
    child.on("exit", () => ended || setTimeout(start, 1000));
  };
  start();
  t.teardown(async () => {
    ended = true;
    const gone = once(child, "exit");
    if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await gone;
  });
  return () => ({ twoBehind });
}
