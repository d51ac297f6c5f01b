// When the outside saw what: every change of role labels and of the primary Service as kubectl's watch tells it, with
// the time of this machine, which is the nodes' too.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CLUSTER_LABEL, ROLE_LABEL } from "../../src/api/labels.ts";
import type { Database } from "../../test/e2e/database.ts";
import { kubectl, ROOT } from "../../test/e2e/kubectl.ts";
import type { Change } from "./roles-right.ts";

const POD = `{{.metadata.name}} {{index .metadata.labels "${ROLE_LABEL}"}}{{"\\n"}}`;
const SERVICE = `Service {{index .spec.selector "statefulset.kubernetes.io/pod-name"}}{{"\\n"}}`;

/** Watches until ended; changes are noted in the order in which they are seen. */
export class RolesSeen {
  readonly changes: Change[] = [];
  readonly #children: ChildProcess[];

  constructor({ namespace, name }: Database) {
    const watch = (what: readonly string[], template: string): ChildProcess => {
      const args = ["-n", namespace, "get", ...what, "--watch", "-o", `go-template=${template}`];
      const stdio = ["ignore", "pipe", "inherit"] as const;
      const file = join(ROOT, "scripts/cluster.sh");
      const child = spawn(file, ["kubectl", ...args], { stdio: [...stdio] });
      createInterface({ input: child.stdout }).on("line", (line) => this.#note(line));
      return child;
    };
    this.#children = [
      watch(["pods", "-l", `${CLUSTER_LABEL}=${name}`], POD),
      watch(["service", `${name}-primary`], SERVICE),
    ];
  }

  async end(): Promise<void> {
    await Promise.all(this.#children.map(async (child) => {
      const ended = once(child, "exit");
      if (child.exitCode === null && child.kill()) await ended;
    }));
  }

  #note(line: string): void {
    const [of = "", value = ""] = line.trim().split(" ");
    this.changes.push({ at: Date.now(), of, value });
  }
}

/**
 * When the group elected this Pod's server for the last time, by that server's own log; milliseconds since 1970.
 * @throws Error when the log does not say so
 */
export async function electedAt({ namespace }: Database, pod: string): Promise<number> {
  const log = await kubectl(["-n", namespace, "logs", pod, "-c", "mysql", "--since=120s"]);
  const line = log.split("\n").findLast((line) =>
    line.includes(`A new primary with address ${pod}.`)
  );
  const at = Date.parse(line?.split(" ")[0] ?? "");
  if (Number.isNaN(at)) throw new Error(`${pod} does not say when it was elected`);
  return at;
}
