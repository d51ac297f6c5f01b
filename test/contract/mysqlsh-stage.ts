// A stage for replaying transcripts: real servers under the recorded port numbers (mapped to free ones),
// the stand-in as the only actor, and the comparison of exit code, stdout and stderr. The order of
// replays is the order of the recording; tests bring the servers into the state that the transcript's
// note describes.
import { type ChildProcess, execFile, type ExecFileException } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import {
  type Mysqld,
  type MysqldOptions,
  purgeBinaryLogs,
  startMysqld,
} from "../../fixtures/mysqld/mod.ts";
import { readTranscript, type Transcript } from "../../fixtures/transcripts/transcript.ts";
import { normalise } from "./mysqlsh-normalise.ts";

/** The stand-in's entry file. */
export const PROGRAM = join(
  dirname(fileURLToPath(import.meta.url)),
  "../../fixtures/mysqlsh/main.ts",
);
const RUN_LIMIT_MS = 150_000;
const STATE_LIMIT_MS = 60_000;

export interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  stdin?: string;
  env?: Record<string, string>;
  /** SIGKILL after so many bytes of output, after so many ms, or when this has come true. */
  killAfterBytes?: number;
  limitMs?: number;
  killWhen?: Promise<void>;
}

export interface ReplayOptions extends RunOptions {
  /** The recording was cut off: compare its whole lines with as many of ours. */
  prefix?: boolean;
  /** Only exit code, errors and results are compared; says why. */
  differs?: string;
}

/** The recording ran with the X protocol on, which status reports for an unmanaged member. */
export const X_PROTOCOL = {
  "mysqlx": "ON",
  "mysqlx-port": "41040",
  "mysqlx-bind-address": "127.0.0.1",
  "mysqlx-socket": "mysqlx.sock",
};

/** Servers, the option file of the recording, and what was replayed so far. */
export class Stage {
  readonly replayed: string[] = [];
  readonly #servers = new Map<number, Mysqld>();
  readonly #offset: number;
  readonly #folder: string;

  constructor(offset: number, folder: string) {
    this.#offset = offset;
    this.#folder = folder;
  }

  /** The server that was recorded under this port. */
  server(port: number): Mysqld {
    const server = this.#servers.get(port);
    if (server === undefined) {
      throw new Error(`no server ${port} on this stage`);
    }
    return server;
  }

  /** Starts a fresh server under a recorded port; an older one of that port is destroyed. */
  async start(
    port: number,
    options: Partial<MysqldOptions> = {},
  ): Promise<Mysqld> {
    await this.#servers.get(port)?.destroy();
    const server = await startMysqld({
      port: this.#port(port),
      serverId: port - 1100,
      ...options,
    });
    this.#servers.set(port, server);
    return server;
  }

  /** Runs the stand-in with recorded arguments; resolves with the output in recorded ports. */
  async run(args: string[], options: RunOptions = {}): Promise<Outcome> {
    const mapped = args.map((word) => this.#forward(word).replace("/t/pw.cnf", this.#optionFile()));
    let child: ChildProcess | undefined;
    const ended = new Promise<Outcome>((resolve) => {
      child = execFile(
        process.execPath,
        [PROGRAM, ...mapped],
        {
          env: { PATH: process.env.PATH ?? "", ...options.env },
          timeout: options.limitMs ?? RUN_LIMIT_MS,
          maxBuffer: options.killAfterBytes ?? 1 << 20,
          killSignal: "SIGKILL",
        },
        (error, stdout, stderr) => resolve({ exitCode: exitCodeOf(error), stdout, stderr }),
      );
      child.stdin!.on("error", () => {});
      child.stdin!.end(options.stdin ?? "");
    });
    const [result] = await Promise.all([
      ended,
      options.killWhen?.then(() => child?.kill("SIGKILL")),
    ]);
    return {
      exitCode: result.exitCode,
      stdout: this.#backward(result.stdout),
      stderr: this.#backward(result.stderr),
    };
  }

  /** A command against a recorded port, with the recording's usual options; must exit with 0. */
  async shell(port: number, ...command: string[]): Promise<void> {
    const usual = [
      "--defaults-extra-file=/t/pw.cnf",
      "--no-wizard",
      "--json=raw",
    ];
    const outcome = await this.run([
      ...usual,
      `root@127.0.0.1:${port}`,
      "--",
      ...command,
    ]);
    if (outcome.exitCode === 0) return;
    throw new Error(
      `${command.join(" ")}: exit ${outcome.exitCode}\n${outcome.stdout}${outcome.stderr}`,
    );
  }

  /** Runs a transcript's command and compares. */
  async replay(
    t: Test,
    name: string,
    options: ReplayOptions = {},
  ): Promise<void> {
    const transcript = readTranscript(name);
    this.replayed.push(name);
    const outcome = await this.run(transcript.args, {
      stdin: transcript.stdin,
      ...options,
    });
    await t.test(
      options.differs ? `${name} (${options.differs})` : name,
      (t) => {
        compare(t, transcript, { actual: outcome, options });
        t.end();
      },
    );
  }

  /** Fresh servers as members of a cluster `c1`, the first one primary. */
  async formCluster(ports: number[]): Promise<void> {
    await Promise.all(ports.map((port) => this.start(port)));
    await this.shell(ports[0]!, "dba", "create-cluster", "c1");
    for (const port of ports.slice(1)) {
      const join = [
        "add-instance",
        `127.0.0.1:${port}`,
        "--recoveryMethod=incremental",
      ];
      await this.shell(ports[0]!, "cluster", ...join);
    }
  }

  /** From the next start on this server does not start Group Replication by itself. */
  async manualStart(port: number): Promise<void> {
    await this.server(port).query(
      "SET PERSIST group_replication_start_on_boot = OFF",
    );
  }

  /** In place of a server that is down: takes connections and resets them; the result ends that. */
  async resets(port: number): Promise<() => Promise<void>> {
    const server = createServer((socket) => socket.resetAndDestroy());
    server.listen(this.#port(port), "127.0.0.1");
    await once(server, "listening");
    return async () => {
      server.close();
      await once(server, "close");
    };
  }

  /** Makes these servers forget their binary logs up to now. */
  async purge(ports: number[]): Promise<void> {
    for (const port of ports) {
      await purgeBinaryLogs((sql) => this.server(port).query(sql));
    }
  }

  /** Waits until the server sees that many members (at least, or by `total` in all) that match. */
  async eventually(
    port: number,
    condition: string,
    count = 1,
    total = ">= 1",
  ): Promise<void> {
    const sql = `SELECT SUM(${condition}) n, COUNT(*) ${total} whole ` +
      "FROM performance_schema.replication_group_members";
    await this.#until(`${condition} at ${port}`, async () => {
      const [row] = await this.server(port).query(sql);
      return Number(row?.n) >= count && row?.whole === 1;
    });
  }

  /** Waits until the server logs in to other members with this account. */
  async eventuallyUses(port: number, account: string): Promise<void> {
    const table = "performance_schema.replication_connection_configuration";
    const row = `CHANNEL_NAME = 'group_replication_recovery' AND USER = '${account}'`;
    await this.eventuallySome(port, `${table} WHERE ${row}`);
  }

  /** Waits until the server's own copy of the metadata names it: a server killed before forgets that. */
  async eventuallyRegistered(port: number): Promise<void> {
    const table = "mysql_innodb_cluster_metadata.instances";
    await this.eventuallySome(port, `${table} WHERE mysql_server_uuid = @@server_uuid`);
  }

  /** Waits until the workers of the server's Group Replication applier run. */
  async eventuallyApplies(port: number): Promise<void> {
    const table = "performance_schema.replication_applier_status_by_worker";
    const row = "CHANNEL_NAME = 'group_replication_applier' AND SERVICE_STATE = 'ON'";
    await this.eventuallySome(port, `${table} WHERE ${row}`);
  }

  /** Waits until the server finds some of these rows (what follows a FROM). */
  async eventuallySome(port: number, rows: string): Promise<void> {
    await this.#until(`${rows} at ${port}`, async () => {
      const [row] = await this.server(port).query(`SELECT COUNT(*) n FROM ${rows}`);
      return Number(row?.n) > 0;
    });
  }

  /** A server may drop a connection while its state changes: an error only counts at the limit. */
  async #until(what: string, check: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + STATE_LIMIT_MS;
    let cause: unknown;
    while (!(await check().catch((error) => (cause = error, false)))) {
      if (performance.now() > end) {
        throw new Error(`waited ${STATE_LIMIT_MS} ms for: ${what}`, { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** A private file that lives as long as the stage; returns its path. */
  async file(name: string, text: string): Promise<string> {
    const path = join(this.#folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  /** Text of a server with the ports that were recorded. */
  recorded(text: string): string {
    return this.#backward(text);
  }

  /** Ends all servers and removes the files. */
  async strike(): Promise<void> {
    await Promise.all(
      [...this.#servers.values()].map((server) => server.destroy()),
    );
    await rm(this.#folder, { recursive: true, force: true });
  }

  #port(recorded: number): number {
    return recorded + this.#offset;
  }

  #optionFile(): string {
    return join(this.#folder, "pw.cnf");
  }

  #forward(word: string): string {
    return word.replace(
      /\b41(?:0[1-4]|99)\b/g,
      (port) => String(this.#port(Number(port))),
    );
  }

  #backward(text: string): string {
    return text.replace(/\b1\d{4}\b/g, (port) => {
      const recorded = Number(port) - this.#offset;
      return (recorded >= 4101 && recorded <= 4104) || recorded === 4199 ? String(recorded) : port;
    });
  }
}

/** Makes an empty stage; `offset` keeps the ports of test files apart (10000, 10200, …). */
export async function openStage(t: Test, offset: number): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "mysqlsh-stage-"));
  await writeFile(
    join(folder, "pw.cnf"),
    "[client]\nuser=root\npassword=rootpw\n",
    {
      mode: 0o600,
    },
  );
  const stage = new Stage(offset, folder);
  t.teardown(() => stage.strike());
  return stage;
}

function exitCodeOf(error: ExecFileException | null): number {
  if (error === null) return 0;
  const cut = String(error.code) === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER";
  if (error.signal === "SIGKILL" || cut) return -9;
  return typeof error.code === "number" ? error.code : -1;
}

function compare(
  t: Test,
  expected: Transcript,
  { actual, options }: { actual: Outcome; options: ReplayOptions },
): void {
  const lines = (text: string) =>
    options.differs === undefined ? normalise(text) : normalise(text).filter(isResult);
  const cut = options.prefix ? expected.stdout.length - 1 : undefined;
  t.equal(actual.exitCode, expected.exitCode, "exit code");
  t.strictSame(
    lines(actual.stdout).slice(0, cut),
    lines(whole(expected.stdout.slice(0, cut))),
    "stdout",
  );
  t.strictSame(lines(actual.stderr), lines(whole(expected.stderr)), "stderr");
}

function whole(lines: string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function isResult(line: string): boolean {
  return !/^\{"(?:info|note|warning|status)":"/.test(line);
}
