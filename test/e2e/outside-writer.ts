// The writer of fixtures/writer outside of all nodes, in the control plane's network: it goes on, and keeps what was
// acknowledged, when every node has lost its power. Services are reached through the first node.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { DNS_ADDRESS } from "../../fixtures/kubernetes/plan.ts";
import type { Database } from "./database.ts";
import { kubectlJson, ROOT, run } from "./kubectl.ts";
import { oncePerClient, type Report, type Writer } from "./writer.ts";

const NETWORK = `--net=/run/netns/${process.env["PREFIX"] ?? "mo"}-cp`;

/** Starts writing through the primary Service and waits for the first acknowledged row of each client. */
export async function startWriterOutside(
  t: { teardown(end: () => Promise<void>): void },
  database: Database,
  { clients, number, pauseMs = 5, members = [] }: {
    clients: number;
    number: number;
    pauseMs?: number;
    /** Pods that are watched as well (fixtures/writer/witness.ts). */
    members?: readonly string[];
  },
): Promise<Writer> {
  const folder = mkdtempSync(join(tmpdir(), "writer-"));
  const password = join(folder, "password");
  writeFileSync(password, await rootPassword(database), { mode: 0o600 });
  const address = await primaryAddress(database);
  const program = [process.execPath, join(ROOT, "fixtures/writer/main.ts")];
  const { namespace, name } = database;
  const names = members.map((pod) => `${pod}.${name}.${namespace}.svc.cluster.local`);
  const watched = names.length > 0 ? [DNS_ADDRESS, names.join()] : [];
  const args = [clients, number, password, pauseMs, ...watched].map(String);
  const child = spawn("nsenter", [NETWORK, ...program, address, ...args], { stdio: "inherit" });
  t.teardown(async () => {
    const ended = once(child, "exit");
    if (child.exitCode === null && child.kill("SIGKILL")) await ended;
    rmSync(folder, { recursive: true });
  });
  return await oncePerClient({ clients }, ask);
}

/** The password of root; a secret. */
export async function rootPassword({ namespace, name }: Database): Promise<string> {
  type Secret = { data: { password: string } };
  const secret = ["-n", namespace, "get", "secret", `${name}-root-password`];
  return atob((await kubectlJson<Secret>(secret)).data.password);
}

async function primaryAddress({ namespace, name }: Database): Promise<string> {
  type Service = { spec: { clusterIP: string } };
  const service = ["-n", namespace, "get", "service", `${name}-primary`];
  return (await kubectlJson<Service>(service)).spec.clusterIP;
}

async function ask(path: string): Promise<Report> {
  const script = `fetch("http://127.0.0.1:8080/${path}").then(async (answer) =>
    process.stdout.write(await answer.text()))`;
  const { status, stdout, stderr } = await run([
    "nsenter",
    NETWORK,
    process.execPath,
    "-e",
    script,
  ]);
  if (status !== 0) throw new Error(`the writer does not answer: ${stderr}`);
  return JSON.parse(stdout);
}
