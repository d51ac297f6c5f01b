// The one entry point: command line → role, signals → abort, outcome → exit code.
//
// Exit codes: 0 done or stopped as asked, 1 failed (start it again), 2 the command line is wrong (starting
// again does not help). A role is loaded only when it is asked for: the operator never loads mysql2.

import { readFileSync } from "node:fs";
import process from "node:process";
import { systemClock } from "./base/clock.ts";
import { abortReason, describeError } from "./base/errors.ts";
import { createLogger, type Logger } from "./base/log.ts";
import { type Command, parseCommandLine, UsageError } from "./config.ts";

const FAILED = 1;
const USAGE = 2;

process.exit(await main());

async function main(): Promise<number> {
  let command: Command;
  try {
    command = parseCommandLine({ args: process.argv.slice(2), env: process.env, readFile });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return USAGE;
  }
  if (command.type === "print") {
    process.stdout.write(`${command.text}\n`);
    return 0;
  }
  const { logLevel: level, logFormat: format } = command.config;
  const write = (line: string) => void process.stderr.write(`${line}\n`);
  const log = createLogger({ level, format, write, clock: systemClock });
  try {
    await run(command, log, abortOnSignals(log));
    return 0;
  } catch (error) {
    log.error(`${command.type} failed`, { err: describeError(error) });
    return FAILED;
  }
}

type Role = Exclude<Command, { type: "print" }>;

async function run(command: Role, log: Logger, signal: AbortSignal): Promise<void> {
  endOnBugs(log);
  const clock = systemClock;
  const env = process.env;
  if (command.type === "operator") {
    const { runOperator } = await import("./run-operator.ts");
    return await runOperator(command.config, { log, clock, env }, signal);
  }
  const { runAgent, runAgentInit } = await import("./run-agent.ts");
  const config = { ...command.config, env };
  if (command.type === "agentInit") return await runAgentInit(config, { log, clock });
  await runAgent(config, { log, clock }, signal);
}

/** The first SIGTERM or SIGINT asks for an orderly end, the second one ends at once. */
function abortOnSignals(log: Logger): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(FAILED);
      log.info("stopping", { signal: name });
      controller.abort(abortReason(name));
    });
  }
  return controller.signal;
}

/** What nobody caught is a bug; the state of the process is unknown, so it ends and starts anew. */
function endOnBugs(log: Logger): void {
  for (const name of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(name, (error: unknown) => {
      const stack = error instanceof Error ? error.stack : undefined;
      log.error("unexpected error", { kind: name, err: describeError(error), stack });
      process.exit(FAILED);
    });
  }
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new UsageError(`Cannot read ${path}: ${describeError(error)}`, { cause: error });
  }
}
