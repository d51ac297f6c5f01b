// One run of MySQL Shell: its arguments, its waits and effects (before or after each of which it may be
// killed), its output and exit code. What the commands do is in shell.ts.

import type { ExecRequest, ExecResult } from "../../src/mysql/exec.ts";
import { Process } from "./clock.ts";
import type { Mysqld } from "./server.ts";
import type { World } from "./world.ts";
import type { Effect, Transaction } from "./transactions.ts";

/** An error as the Shell reports it. */
export class ShellError extends Error {
  readonly number: number | undefined;

  constructor(message: string, number?: number) {
    super(message);
    this.number = number;
  }
}

export type Arguments = {
  readonly session: string;
  readonly command: string;
  readonly positional: readonly string[];
  readonly options: Readonly<Record<string, string>>;
};

export function parseArguments(args: readonly string[]): Arguments {
  const end = args.indexOf("--");
  const option = (name: string): string =>
    args.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3) ?? "";
  const rest = args.slice(end + 1);
  const options = rest.filter((one) => one.startsWith("--")).map((one) => {
    const [name = "", ...value] = one.slice(2).split("=");
    return [name.replace(/:.*/, ""), value.join("=")];
  });
  const words = rest.filter((one) => !one.startsWith("--"));
  return {
    session: `${option("host")}:${option("port")}`,
    command: words.slice(0, 2).join(" "),
    positional: words.slice(2),
    options: Object.fromEntries(options),
  };
}

export class ShellRun {
  readonly process = new Process("mysqlsh");
  readonly world: World;
  readonly place: string;
  result: object | undefined;
  #locked: Mysqld | undefined;
  readonly #helped = new Set<Mysqld>();
  /** Servers that it is connected to, each in the run of that moment. */
  readonly #sessions = new Map<Mysqld, Process>();

  constructor(world: World, place: string) {
    this.world = world;
    this.place = place;
  }

  /** Waits, then does something. */
  after<T>(ms: number, effect: () => T): Promise<T> {
    const { clock } = this.world;
    return new Promise((resolve, reject) => {
      clock.setTimer(ms, () =>
        this.process.deliver(() =>
          this.process.act(() => {
            try {
              this.#assertConnected();
              const done = effect();
              this.process.deliver(() => resolve(done));
            } catch (error) {
              this.process.deliver(() => reject(error));
            }
          })
        ));
    });
  }

  /** The server at an address. */
  async connect(address: string): Promise<Mysqld> {
    return await this.after(50, () => {
      const server = this.reach(address);
      this.#sessions.set(server, server.process);
      return server;
    });
  }

  /** Its connection may end without an error: the server is going to restart. */
  disconnect(server: Mysqld): void {
    this.#sessions.delete(server);
  }

  #assertConnected(): void {
    for (const [server, process] of this.#sessions) {
      const lost = server.process !== process || server.status !== "up" ||
        !this.world.network.connects(this.place, server.place);
      if (lost) throw new ShellError("Lost connection to MySQL server during query", 2013);
    }
  }

  reach(address: string): Mysqld {
    const server = this.world.at(address);
    const there = server?.active && this.world.network.connects(this.place, server.place);
    if (there && server !== undefined) return server;
    throw new ShellError(`Could not open connection to '${address}': Can't connect`, 2003);
  }

  /** Looks every half second until it is there; what was seen last decides after the limit. */
  async until(limitMs: number, seen: () => boolean, late: ShellError): Promise<void> {
    for (let waited = 0; !await this.after(500, seen); waited += 500) {
      if (waited > limitMs) throw late;
    }
  }

  /** A transaction on the primary; waits as long as the group does. */
  async commit(primary: Mysqld, effect: Effect): Promise<Transaction> {
    const outcome = await new Promise<Transaction | "failed" | "unknown">((resolve) => {
      this.process.act(() => {
        const done = (outcome: Transaction | "failed" | "unknown"): void =>
          this.process.deliver(() => resolve(outcome));
        if (primary.superReadOnly) return done("failed");
        this.world.groups.submit(primary, { effect, done });
      }, `commit ${effect.type}`);
    });
    if (typeof outcome !== "string") return outcome;
    throw outcome === "failed"
      ? new ShellError("The MySQL server is running with --super-read-only", 1290)
      : new ShellError("Lost connection to MySQL server during query", 2013);
  }

  lock(primary: Mysqld): void {
    if (primary.lock !== undefined && !primary.lock.dead && primary.lock !== this.process) {
      throw new ShellError("Failed to acquire Cluster lock through primary member", 51500);
    }
    primary.lock = this.process;
    this.#locked = primary;
  }

  /** It makes this server writable, to bring it back. */
  helps(server: Mysqld): void {
    server.superReadOnly = false;
    // Nobody can see it of one that was writable a moment ago, by a START that failed or by another MySQL Shell.
    if (this.world.waste.wasReadOnly(server)) server.helper = this.process;
    this.#helped.add(server);
  }

  /** It ends, however it does. */
  end(): void {
    if (this.#locked?.lock === this.process) this.#locked.lock = undefined;
    for (const server of this.#helped) {
      if (server.helper === this.process) server.helper = undefined;
    }
  }
}

/** How a run ended, as its caller sees it. */
export function ended(
  how: { code: number } | { signal: string },
  lines: readonly object[] = [],
): ExecResult {
  return {
    code: "code" in how ? how.code : null,
    signal: "signal" in how ? how.signal : null,
    stdout: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    stderr: "",
    timedOut: false,
  };
}

/** mysqladmin ping. */
export function pinged(server: Mysqld | undefined): ExecResult {
  if (server?.status === "up") return ended({ code: 0 });
  return { ...ended({ code: 1 }), stderr: "error: 'Can't connect to MySQL server (2003)'" };
}

export function isPing(request: ExecRequest): boolean {
  return request.args.includes("ping");
}
