// `bench.sh watch`: how much CPU and memory a client needs to hold 10,000 Pods of a real API server and to follow
// their changes, ours beside client-go's and @kubernetes/client-node's. Server, loader and clients share the
// processors, so CPU time is compared and never wall time.
//
// One run: every client in turn, alone, in a process of its own: until it is synced, and then through a burst of
// changes. Its store must be what the server lists, each time, or the run is an error. The order of the clients
// differs from run to run.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type RealApiServer, startApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { type ClientCommand, ClientProcess } from "./client-process.ts";
import {
  CLIENT_NODE,
  clientCommands,
  DYNAMIC,
  NODE_FLAGS,
  type Options,
  OURS,
  programOf,
  readOptions,
  TYPED,
} from "./clients.ts";
import { StoredPods } from "./etcd.ts";
import { captureLines, fill, serverDigest } from "./load.ts";
import { NAMESPACE } from "./pods.ts";
import { type Bar, clientTable, judge, type Sample, verdictTable } from "./report.ts";

const PARSE = "JSON.parse alone";
const CAPTURED_LINES = 2000;

const BARS: readonly Bar[] = [
  { what: "CPU to sync", of: "cpuS", peer: TYPED, most: 0.30 },
  { what: "CPU to sync", of: "cpuS", peer: DYNAMIC, most: 0.22 },
  { what: "CPU to sync", of: "cpuS", peer: CLIENT_NODE, most: 0.5 },
  { what: "peak RSS", of: "peakMb", peer: CLIENT_NODE, most: 0.4 },
  { what: "CPU per event", of: "eventCpuUs", peer: TYPED, most: 1 / 3 },
  { what: "CPU per event", of: "eventCpuUs", peer: DYNAMIC, most: 1 / 3 },
  { what: "CPU per event", of: "eventCpuUs", peer: CLIENT_NODE, most: 1 / 3 },
  { what: "CPU per event", of: "eventCpuUs", peer: PARSE, most: 1.6 },
];

const started = performance.now();
function progress(text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  process.stderr.write(`${seconds.padStart(4)} s  ${text}\n`);
}

type Running = { client: ClientProcess; version: string; sample: Sample };

/** Starts a client and waits until it is synced. */
async function sync(command: ClientCommand): Promise<Running> {
  const start = performance.now();
  const client = new ClientProcess(command);
  const version = await client.expect("version");
  await client.expect("synced");
  const cpuS = client.cpuSeconds();
  const wallS = (performance.now() - start) / 1000;
  const sample = { client: command.name, cpuS, wallS, peakMb: client.peakMb() };
  progress(`  ${command.name} synced: ${cpuS.toFixed(2)} s CPU, ${sample.peakMb.toFixed(0)} MB`);
  return { client, version, sample };
}

/** Lets a client follow a burst of changes; adds to its sample what an event cost. */
async function follow({ client, sample }: Running, change: () => Promise<void>): Promise<void> {
  const before = client.cpuSeconds();
  // It stands still while they are made; then they come as fast as it can take them.
  client.signal("SIGSTOP");
  const start = performance.now();
  await change();
  progress(`  changes made in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  client.signal("SIGCONT");
  const events = Number(await client.expect("seen"));
  const cpuS = client.cpuSeconds() - before;
  sample.eventCpuUs = cpuS / events * 1e6;
  progress(`  ${client.name} followed ${events} changes: ${cpuS.toFixed(2)} s CPU`);
}

/** A store that is not the server's state makes its figures worthless. */
async function checkStore(client: ClientProcess, expected: string): Promise<void> {
  client.command("digest");
  const digest = await client.expect("digest");
  if (digest !== expected) {
    throw new Error(`${client.name} holds ${digest}, the server ${expected}: the run is void`);
  }
}

/** One run of one client. */
async function run(
  server: RealApiServer,
  command: ClientCommand,
  change: () => Promise<void>,
): Promise<Running> {
  const running = await sync(command);
  const loader = server.client();
  try {
    await checkStore(running.client, await serverDigest(loader));
    await follow(running, change);
    await checkStore(running.client, await serverDigest(loader));
    return running;
  } finally {
    await running.client.end();
    await loader.close();
  }
}

/** Microseconds that JSON.parse alone takes for one of these lines. */
function parseAlone(file: string, count: number): Sample {
  const argv = [...NODE_FLAGS, programOf("json-parse.ts"), file, String(count)];
  return {
    client: PARSE,
    eventCpuUs: Number(execFileSync(process.execPath, argv, { encoding: "utf8" })),
  };
}

/** The lines of a watch in a file, and what they are like. */
async function capture(server: RealApiServer, file: string, count: number): Promise<string> {
  const lines = await captureLines(server, count);
  writeFileSync(file, lines.join("\n") + "\n");
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  const managed = lines.reduce((sum, line) => {
    const { object } = JSON.parse(line) as { object: { metadata: { managedFields?: unknown } } };
    return sum + (JSON.stringify(object.metadata.managedFields)?.length ?? 0);
  }, 0);
  const kb = (bytes / lines.length / 1000).toFixed(1);
  return `${kb} KB of JSON each, ${(managed / bytes * 100).toFixed(0)} % of it managedFields`;
}

type Measured = { samples: Sample[]; versions: Map<string, string> };

/** All runs of all clients. */
async function measure(
  server: RealApiServer,
  commands: readonly ClientCommand[],
  { runs, changes, lines }: Options & { lines: string },
): Promise<Measured> {
  const stored = new StoredPods(server.etcd.url);
  await stored.load(NAMESPACE);
  const samples: Sample[] = [];
  const versions = new Map<string, string>();
  for (let round = 1; round <= runs; round++) {
    progress(`run ${round} of ${runs}`);
    // Without it the server would remember the changes of all runs, in gigabytes.
    await server.killApiServer();
    await server.startApiServer();
    const first = (round - 1) % commands.length;
    for (const command of [...commands.slice(first), ...commands.slice(0, first)]) {
      const change = (): Promise<void> => stored.change(changes, round * changes);
      const { version, sample } = await run(server, command, change);
      versions.set(command.name, version);
      samples.push(sample);
    }
    samples.push(parseAlone(lines, changes));
  }
  await stored.close();
  return { samples, versions };
}

/** Fills the server, measures, prints; whether every bar is met. */
async function bench(server: RealApiServer, options: Options): Promise<boolean> {
  const { pods, changes, runs } = options;
  progress(`creating ${pods} Pods`);
  await fill(server.client(), pods);
  const lines = join(server.dir, "lines");
  const size = await capture(server, lines, Math.min(pods, CAPTURED_LINES));
  const place = { kubeconfig: server.kubeconfig, cache: join(server.dir, "compiled") };
  const commands = clientCommands(options, place);

  // Not counted: fills the caches of compiled code, as building the image does.
  progress("warming up");
  for (const command of commands) await (await sync(command)).client.end();

  const { samples, versions } = await measure(server, commands, { ...options, lines });
  const inOrder = [...commands.map(({ name }) => name), PARSE]
    .flatMap((name) => samples.filter(({ client }) => client === name));
  const verdicts = judge(inOrder, OURS, BARS);
  const machine = cpus();
  process.stdout.write([
    `${new Date().toISOString().slice(0, 10)}, ${machine.length} × ${machine[0]?.model}`,
    `kube-apiserver ${await versionOf(
      server,
    )}, ${pods} Pods of ${size}, ${changes} changes, ${runs} runs`,
    ...[...versions].map(([name, version]) => `${name}: ${version}`),
    "",
    clientTable(inOrder),
    "",
    verdictTable(verdicts),
    "",
  ].join("\n"));
  return verdicts.every(({ met }) => met);
}

async function versionOf(server: RealApiServer): Promise<string> {
  const request = { method: "GET", path: "/version", query: {}, headers: {} } as const;
  const answer = await server.client().raw(request, AbortSignal.timeout(10_000));
  return (answer as { gitVersion: string }).gitVersion;
}

const options = readOptions();
const endings: (() => Promise<void>)[] = [];
try {
  progress("starting etcd and kube-apiserver");
  const teardown = (end: () => Promise<void>): void => void endings.push(end);
  const server = await startApiServer({ teardown }, { controllers: false });
  process.exitCode = await bench(server, options) ? 0 : 1;
} finally {
  for (const end of endings) await end();
}
