// One client as a process of its own: starts it, reads the lines that driver.ts defines, and asks the kernel what
// it has used. Every wait has a limit; a client that says nothing or ends is an error with its last words.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const LIMIT_MS = 300_000;
// The unit of /proc/PID/stat, which Linux shows as hundredths of a second on every machine.
const TICKS_PER_SECOND = 100;

export type ClientCommand = {
  name: string;
  argv: readonly [string, ...string[]];
  env: Record<string, string>;
};

export class ClientProcess {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<void>;
  readonly #heard: string[] = [];
  #errors = "";
  #wake = (): void => {};
  #ended = false;

  constructor({ name, argv, env }: ClientCommand) {
    this.name = name;
    // The kernel ends it with us, also while it stands still.
    const args = ["--pdeathsig", "KILL", "--", ...argv];
    this.#child = spawn("setpriv", args, { env: { ...process.env, ...env } });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.#heard.push(line);
      this.#wake();
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once("close", () => {
        this.#ended = true;
        this.#wake();
        resolve();
      });
      this.#child.once("error", (error) => this.#errors += error.message);
    });
  }

  /** Waits for a line that begins with `word`; gives what follows it. */
  async expect(word: string): Promise<string> {
    const late = AbortSignal.timeout(LIMIT_MS);
    while (true) {
      const line = this.#heard.shift();
      if (line !== undefined) {
        const [first, ...rest] = line.split(" ");
        if (first === word) return rest.join(" ");
        throw this.#failed(`said "${line}"`, word);
      }
      if (this.#ended) throw this.#failed("ended", word);
      if (late.aborted) throw this.#failed(`said nothing for ${LIMIT_MS / 1000} s`, word);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        late.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  command(line: string): void {
    this.#child.stdin.write(line + "\n");
  }

  /** Lets it stand still, and go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal);
  }

  /** CPU seconds of the process so far, user and system, all threads. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    // The second field is the program's name and may hold spaces; utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** The most memory it ever had resident, in MB. */
  peakMb(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  }

  /** Lets it end by itself: programs that cache compiled code write it then. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await this.#exited;
    clearTimeout(killer);
  }

  #failed(what: string, word: string): Error {
    return new Error(`${this.name} ${what} instead of "${word}"\n${this.#errors}`);
  }
}
