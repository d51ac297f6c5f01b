// Runs MySQL Shell calls, one at a time, and turns their output into values. Knows nothing of when a call
// is allowed: that is decided above, under the Lease. An outcome that is "ok" still proves nothing about
// the member's state; the caller looks again with SQL.

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Histogram } from "../base/metrics.ts";
import { redact } from "../base/secret.ts";
import type { Exec, ExecResult } from "./exec.ts";
import { parseShellFailure, type ShellFailure } from "./shell-failure.ts";
import { parseShellOutput, type ShellOutput } from "./shell-output.ts";
import { type Endpoint, type ShellCall, type ShellPlaces, shellRequest } from "./shell-request.ts";

export type ShellOutcome =
  | { readonly ok: true; readonly output: ShellOutput }
  | { readonly ok: false; readonly failure: ShellFailure; readonly output: ShellOutput };

export type ShellOptions = {
  readonly exec: Exec;
  readonly places: ShellPlaces;
  readonly log: Logger;
  readonly clock: Clock;
  /** Seconds of each run, by operation and outcome. */
  readonly seconds: Histogram;
};

const KEPT_LINES = 20;

/** MySQL Shell, as one agent uses it. */
export class Shell {
  readonly #options: ShellOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ShellOptions) {
    this.#options = options;
  }

  /** Runs one call to its end after all earlier ones. Never throws for what the Shell reports. */
  run(call: ShellCall, session: Endpoint, signal: AbortSignal): Promise<ShellOutcome> {
    const outcome = this.#last.then(() => this.#run(call, session, signal));
    this.#last = outcome.catch(() => {}); // reported to whoever asked for that call
    return outcome;
  }

  async #run(call: ShellCall, session: Endpoint, signal: AbortSignal): Promise<ShellOutcome> {
    const { clock, exec, places } = this.#options;
    signal.throwIfAborted();
    const startedAt = clock.monotonic();
    const result = await exec(shellRequest(call, session, places), signal);
    const failure = parseShellFailure(result);
    const output = parseShellOutput(result.stdout);
    const durationMs = Math.round(clock.monotonic() - startedAt);
    this.#record({ call, failure, result, output, durationMs });
    return failure === undefined ? { ok: true, output } : { ok: false, failure, output };
  }

  #record(run: {
    call: ShellCall;
    failure: ShellFailure | undefined;
    result: ExecResult;
    output: ShellOutput;
    durationMs: number;
  }): void {
    const { call, failure, durationMs } = run;
    const labels = { operation: call.type, outcome: failure?.kind ?? "ok" };
    this.#options.seconds.observe(labels, durationMs / 1000);
    const fields = { operation: call.type, durationMs, exitCode: run.result.code };
    if (failure === undefined) return this.#options.log.info("mysqlsh done", fields);
    this.#options.log.warn("mysqlsh failed", {
      ...fields,
      kind: failure.kind,
      code: failure.code,
      err: failure.message,
      said: run.output.messages.slice(-KEPT_LINES).map((line) => redact(line.text.trim())),
      stderr: run.result.stderr.slice(-2000),
    });
  }
}
