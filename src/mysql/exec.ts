// The only door to other programs. Knows how to run one with an argument array, an environment made of
// nothing but what it is given, a limit on time and on output. Does not know MySQL. Never a shell.
//
// A program that is too slow, or no longer wanted, gets SIGINT and much later SIGKILL: MySQL Shell
// finishes its bookkeeping after SIGINT, while any other signal stops it in the middle of a group change.

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import type { Clock } from "../base/clock.ts";

/** One run of a program. Nothing in `args` or `env` may be secret: both are readable in /proc. */
export type ExecRequest = {
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment of the program. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
  /** SIGINT after this long. */
  readonly timeoutMs: number;
  /** SIGKILL this long after the SIGINT. */
  readonly killAfterMs: number;
};

/** How a run ended. `code` is null when a signal ended it or it could not be started (`error`). */
export type ExecResult = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly error?: Error;
};

/** Runs a program to its end; never throws. An abort is treated like a timeout. */
export type Exec = (request: ExecRequest, signal: AbortSignal) => Promise<ExecResult>;

const STDOUT_LIMIT_BYTES = 16 << 20;
const STDERR_LIMIT_BYTES = 64 << 10;

/** Text that stops growing at a limit, so that an endless program cannot fill our memory. */
class BoundedText {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Uint8Array): void {
    const room = this.#limit - this.#bytes;
    if (room <= 0) return;
    this.#chunks.push(chunk.subarray(0, room));
    this.#bytes += Math.min(room, chunk.byteLength);
  }

  toString(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}

/**
 * Like child.kill(), which on Deno takes the signal it sends for the end of the process: nothing could be
 * sent after an interrupt that the program handles, and its exit code would be lost.
 */
function sendSignal(child: ChildProcess, name: "SIGINT" | "SIGKILL"): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(child.pid, name);
  } catch {
    // It ended in this moment; its "close" event says how.
  }
}

/** An Exec on real processes. */
export function createExec(clock: Clock): Exec {
  return (request, signal) =>
    new Promise((resolve) => {
      const stdout = new BoundedText(STDOUT_LIMIT_BYTES);
      const stderr = new BoundedText(STDERR_LIMIT_BYTES);
      const child = spawn(request.file, [...request.args], {
        env: { ...request.env },
        cwd: request.cwd,
        shell: false,
        stdio: [request.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      });
      let timedOut = false;
      let cancelTimer = clock.setTimer(request.timeoutMs, () => {
        timedOut = true;
        interrupt();
      });
      const interrupt = (): void => {
        cancelTimer();
        sendSignal(child, "SIGINT");
        cancelTimer = clock.setTimer(request.killAfterMs, () => sendSignal(child, "SIGKILL"));
      };
      const finish = (end: Pick<ExecResult, "code" | "signal" | "error">): void => {
        cancelTimer();
        signal.removeEventListener("abort", interrupt);
        resolve({ ...end, stdout: String(stdout), stderr: String(stderr), timedOut });
      };
      child.stdout?.on("data", (chunk: Uint8Array) => stdout.add(chunk));
      child.stderr?.on("data", (chunk: Uint8Array) => stderr.add(chunk));
      child.once("error", (error) => finish({ code: null, signal: null, error }));
      child.once("close", (code, name) => finish({ code, signal: name }));
      // A program that does not read its input closes the pipe; its exit code says the rest.
      child.stdin?.on("error", () => {});
      child.stdin?.end(request.stdin);
      if (signal.aborted) interrupt();
      else signal.addEventListener("abort", interrupt, { once: true });
    });
}
