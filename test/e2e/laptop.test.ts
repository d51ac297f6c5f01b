// The operator as a plain process with nothing but a kubeconfig, on Node and on Deno: it reconciles
// as the Deployment does. Then the whole on Deno: an operator image with agents that run on it.

import { type ChildProcess, spawn } from "node:child_process";
import t, { type Test } from "tap";
import { type Database, manifest, waitUntilRight } from "./database.ts";
import { apply, kubectl, ROOT } from "./kubectl.ts";
import { restrictedNamespace } from "./namespace.ts";
import { operatorIs } from "./operator.ts";
import { kubeconfig } from "./place.ts";
import { waitFor } from "./wait.ts";

const RUNTIMES = [
  { name: "Node", argv: ["node", "src/main.ts"], agentImage: "localhost/mysql-operator:dev" },
  {
    name: "Deno",
    argv: ["deno", "run", "-A", "src/main.ts"],
    agentImage: "localhost/mysql-operator:dev-deno",
  },
] as const;

t.test("without the Deployment", async (t) => {
  await operatorIs(false);
  t.teardown(() => operatorIs(true));
  for (const runtime of RUNTIMES) {
    await t.test(`an operator process on ${runtime.name}, its agents too`, async (t) => {
      const namespace = await restrictedNamespace(t, `laptop-${runtime.name.toLowerCase()}`);
      const database: Database = { namespace, name: "main" };
      const operator = startOperator(t, runtime);
      await apply(manifest(database));
      await waitUntilRight(database, 3, 180_000);
      const image = [
        "-n",
        namespace,
        "get",
        "pod",
        "main-0",
        "-o",
        "jsonpath={.spec.initContainers[0].image}",
      ];
      t.equal(await kubectl(image), runtime.agentImage);
      operator.kill("SIGTERM");
      await waitFor(
        "the operator process to end",
        20_000,
        async () => operator.exitCode !== null || "running",
      );
      t.equal(operator.exitCode, 0, "SIGTERM ends it with 0");
    });
  }
});

function startOperator(t: Test, { argv, agentImage }: typeof RUNTIMES[number]): ChildProcess {
  const [file, ...args] = argv;
  const flags = [
    "operator",
    "--mysql-server-image=localhost/mysql-server",
    `--mysql-agent-image=${agentImage}`,
    "--health-address=127.0.0.1:0",
    "--metrics-address=127.0.0.1:0",
  ];
  const child = spawn(file, [...args, ...flags], {
    cwd: ROOT,
    env: { ...process.env, KUBECONFIG: kubeconfig() },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout?.on("data", (chunk) => output += chunk);
  child.stderr?.on("data", (chunk) => output += chunk);
  t.teardown(() => {
    child.kill("SIGKILL");
    if (!t.passing()) t.comment(output);
  });
  return child;
}
