// Speaks to the local cluster the way its users do: with kubectl, through scripts/cluster.sh.

import { spawn } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export type Result = { readonly status: number; readonly stdout: string; readonly stderr: string };
export type RunOptions = { readonly input?: string; readonly limitMs?: number };

/** Runs a program of this checkout to its end, or kills it at the limit (default 60 s). */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
  const [file = "", ...args] = argv;
  return new Promise((done, fail) => {
    const child = spawn(file, args, { cwd: ROOT, stdio: ["pipe", "pipe", "pipe"] });
    const limit = setTimeout(() => child.kill("SIGKILL"), options.limitMs ?? 60_000);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => stdout += chunk);
    child.stderr.on("data", (chunk) => stderr += chunk);
    child.stdin.on("error", () => {}); // the program ended without reading it: its status tells
    child.on("error", fail);
    child.on("close", (code, signal) => {
      clearTimeout(limit);
      done({
        status: code ?? 128,
        stdout,
        stderr: signal ? `${stderr}\nended by ${signal}` : stderr,
      });
    });
    child.stdin.end(options.input ?? "");
  });
}

/** Runs a subcommand of scripts/cluster.sh. @throws Error with its output when it fails */
export async function cluster(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run([join(ROOT, "scripts/cluster.sh"), ...args], options);
  if (result.status === 0) return result.stdout;
  throw new Error(`cluster.sh ${args.join(" ")}: status ${result.status}: ${result.stderr.trim()}`);
}

/** Runs kubectl. @throws Error with its output when it fails */
export function kubectl(args: readonly string[], options: RunOptions = {}): Promise<string> {
  return cluster(["kubectl", ...args], options);
}

export async function kubectlJson<T>(args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl([...args, "-o", "json"])) as T;
}

/** Applies manifests given as objects. */
export function apply(...objects: readonly object[]): Promise<string> {
  const list = { apiVersion: "v1", kind: "List", items: objects };
  return kubectl(["apply", "-f", "-"], { input: JSON.stringify(list) });
}
