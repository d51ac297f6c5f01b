// The API server of the local cluster: frozen, or ended and started again as it was.

import { readFileSync } from "node:fs";
import process from "node:process";
import { inNamespace } from "../../fixtures/kubernetes/network.ts";
import { readPaths } from "../../fixtures/kubernetes/paths.ts";
import { Processes } from "../../fixtures/kubernetes/processes.ts";
import type { End } from "./disk.ts";
import { kubectl } from "./kubectl.ts";
import { waitFor } from "./wait.ts";

const NAME = "apiserver";

/** It holds its connections and answers nothing. */
export function freezeApiServer(): Promise<End> {
  const { pid } = found();
  process.kill(pid, "SIGSTOP");
  return Promise.resolve(() => Promise.resolve(process.kill(pid, "SIGCONT")));
}

/** SIGKILL: connections to it are refused until it is started again. */
export async function killApiServer(): Promise<End> {
  const { pid, paths, processes } = found();
  const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  await processes.kill(NAME);
  return async () => {
    processes.start(NAME, [...inNamespace(`${paths.prefix}-cp`), ...argv]);
    await waitFor(
      "the API server",
      60_000,
      async () => {
        const said = await kubectl(["get", "--raw", "/readyz"]);
        return said === "ok" || said;
      },
    );
  };
}

function found() {
  const paths = readPaths();
  const processes = new Processes(paths.run);
  const pid = processes.pid(NAME);
  if (pid === undefined) throw new Error("the API server does not run");
  return { paths, pid, processes };
}
