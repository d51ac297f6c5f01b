// The second half of demo.sh, when there is a cluster that runs the operator: applies the example, shows how
// its members come up, and says what one can do with it. Arguments: the command that is kubectl.

import { spawn, spawnSync } from "node:child_process";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Cluster } from "../src/api/cluster.ts";

const KUBECTL = process.argv.slice(2);
const OURS = KUBECTL[0] !== "kubectl";
// A cluster of another name has to be named in every command that is shown.
const NAMED = process.env["PREFIX"] ? `PREFIX=${process.env["PREFIX"]} ` : "";
const SPOKEN = OURS ? `${NAMED}./${KUBECTL.join(" ")}` : "kubectl";
const NAMESPACE = "demo";
const NAME = "main";
const EXAMPLE = "deploy/examples/cluster.yaml";
const LIMIT_MS = 300_000;

const started = Number(process.env["STARTED"] || 0) * 1000 || Date.now();
function say(text: string): void {
  const seconds = Math.floor((Date.now() - started) / 1000);
  process.stderr.write(`${String(seconds).padStart(4)} s  ${text}\n`);
}

/** Runs kubectl to its end. @throws Error with its output when it fails */
function kubectl(args: readonly string[], input = ""): string {
  const [file = "", ...first] = KUBECTL;
  const result = spawnSync(file, [...first, ...args], { input, encoding: "utf8", timeout: 60_000 });
  if (result.status === 0) return result.stdout;
  throw new Error(
    `kubectl ${args.join(" ")} failed: ${result.stderr || result.error?.message || ""}`,
  );
}

/** Every state of the Cluster from now on, as `kubectl get --watch` prints them. */
async function* states(signal: AbortSignal): AsyncGenerator<Cluster> {
  const [file = "", ...first] = KUBECTL;
  const args = ["-n", NAMESPACE, "get", "mysqlclusters", NAME, "--watch", "-o", "json"];
  const child = spawn(file, [...first, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    signal,
    killSignal: "SIGKILL",
  });
  child.on("error", () => {}); // the abort at the end; anything else shows as an end of the output
  let text = "";
  for await (const line of createInterface({ input: child.stdout })) {
    text += line;
    if (line !== "}") continue;
    yield JSON.parse(text) as Cluster;
    text = "";
  }
}

function describe(cluster: Cluster): string {
  const instances = (cluster.status?.instances ?? []).map((instance) =>
    `${instance.name} ${instance.state}${instance.role ? ` (${instance.role})` : ""}`
  );
  return instances.join("   ") || "the operator makes the objects";
}

/** Shows each change until the Cluster is Ready; resolves to the milliseconds that took. */
async function untilReady(applied: number): Promise<number> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  const done = new AbortController();
  let shown = "";
  for await (const cluster of states(AbortSignal.any([limit, done.signal]))) {
    const since = performance.now() - applied;
    const text = describe(cluster);
    if (text !== shown) say(`${(since / 1000).toFixed(1).padStart(6)} s  ${text}`);
    shown = text;
    const ready = cluster.status?.conditions?.find((condition) => condition.type === "Ready");
    if (ready?.status === "True") {
      done.abort();
      return since;
    }
  }
  throw new Error(`the Cluster was not Ready within ${LIMIT_MS / 1000} s; last seen: ${shown}.
Look at: ${SPOKEN} -n ${NAMESPACE} describe mysqlcluster ${NAME}`);
}

const namespace = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: NAMESPACE, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
};

const QUERY = "SELECT member_host, member_state, member_role " +
  "FROM performance_schema.replication_group_members";
const CLIENT = ["-c", "mysql", "--", "mysql"];
const PRIMARY = ["-h", `${NAME}-primary`, "-u", "root"];

/** The query through the primary Service; the password goes in on standard input, never as an argument. */
function askPrimary(): string {
  const secret = ["-n", NAMESPACE, "get", "secret", `${NAME}-root-password`];
  const encoded = kubectl([...secret, "-o", "jsonpath={.data.password}"]);
  const password = Buffer.from(encoded, "base64").toString("utf8");
  const exec = ["-n", NAMESPACE, "exec", "-i", `${NAME}-0`, ...CLIENT];
  const args = [...exec, "--defaults-file=/dev/stdin", ...PRIMARY, "-t", "-e", QUERY];
  return kubectl(args, `[client]\npassword="${password}"\n`);
}

/** What to type, and what comes of it. */
function tell(readyMs: number): string {
  const password = `${SPOKEN} -n ${NAMESPACE} get secret ${NAME}-root-password ` +
    `-o go-template='{{.data.password | base64decode}}{{"\\n"}}'`;
  const client = [SPOKEN, "-n", NAMESPACE, "exec", "-it", `${NAME}-0`, ...CLIENT, ...PRIMARY, "-p"];
  const victim = OURS
    ? `${NAMED}./scripts/cluster.sh stop-node node1    # pulls the plug; start-node brings it back`
    : `${SPOKEN} -n ${NAMESPACE} delete pod ${NAME}-0`;
  return `
apply -> Ready=True: ${(readyMs / 1000).toFixed(1)} s

$ ${SPOKEN} -n ${NAMESPACE} get mysqlclusters
${kubectl(["-n", NAMESPACE, "get", "mysqlclusters"])}
$ mysql> ${QUERY};
${askPrimary()}
Connect to the primary, wherever it is; the first line prints the password that the second one asks for
  ${password}
  ${client.join(" ")}

See a failover: watch in one terminal, and in another one end a member
  ${SPOKEN} -n ${NAMESPACE} get mysqlclusters --watch
  ${victim}
${
    OURS
      ? ""
      : `\nRemove it all: kubectl delete namespace ${NAMESPACE} && kubectl delete -k deploy\n`
  }`;
}

kubectl(["apply", "-f", "-"], JSON.stringify(namespace));
say(`kubectl -n ${NAMESPACE} apply -f ${EXAMPLE}`);
kubectl(["-n", NAMESPACE, "apply", "-f", EXAMPLE]);
const readyMs = await untilReady(performance.now());
process.stdout.write(tell(readyMs));
