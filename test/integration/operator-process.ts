// Operators as processes of their own, for what only a process can do: end, and stand still.

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { waitFor } from "../e2e/wait.ts";

const LIMIT_MS = 60_000;

export type OperatorProcess = {
  readonly child: ChildProcess;
  /** Everything it has logged, one JSON object per line. */
  readonly log: () => string;
  /** Its exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** The ports that it says it listens on. */
  ports(): Promise<{ healthPort: number; metricsPort: number }>;
};

/** Starts src/main.ts as an operator on a runtime (default: this one's); ends with the test. */
export function spawnOperator(
  t: { teardown(run: () => unknown): void },
  { kubeconfig, hostname = "replica", runtime = [process.execPath], args = [] }: {
    kubeconfig: string;
    hostname?: string;
    runtime?: readonly string[];
    args?: readonly string[];
  },
): OperatorProcess {
  const [command = "", ...runtimeArgs] = runtime;
  const flags = [
    `--kubeconfig=${kubeconfig}`,
    `--hostname=${hostname}`,
    "--leader-election-namespace=mysql-operator",
    "--health-address=127.0.0.1:0",
    "--metrics-address=127.0.0.1:0",
    ...args,
  ];
  const child = spawn(command, [...runtimeArgs, "src/main.ts", "operator", ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], OPERATOR_IMAGE: "x/y:1" },
  });
  let log = "";
  child.stderr.on("data", (chunk) => log += chunk);
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  t.teardown(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const ports = async () => {
    let line: string | undefined;
    await waitFor("the operator listens", LIMIT_MS, async () => {
      line = log.split("\n").find((text) => text.includes('"msg":"serving"'));
      return line !== undefined || log;
    });
    return JSON.parse(line ?? "{}") as { healthPort: number; metricsPort: number };
  };
  return { child, log: () => log, ended, ports };
}
