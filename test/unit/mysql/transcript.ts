// Reads the recorded runs of MySQL Shell under fixtures/transcripts: command, exit code, output, verbatim.

import { readdirSync, readFileSync } from "node:fs";
import type { ExecResult } from "../../../src/mysql/exec.ts";

const FOLDER = new URL("../../../fixtures/transcripts/", import.meta.url);
const FILES = readdirSync(FOLDER).filter((file) => file.endsWith(".txt"));

export type Transcript = ExecResult & { readonly name: string; readonly command: string };

/** The transcript whose file name begins with `name`, such as "C03". */
export function transcript(name: string): Transcript {
  const file = FILES.find((entry) => entry.startsWith(`${name}-`));
  if (file === undefined) throw new Error(`no transcript ${name} in fixtures/transcripts`);
  return readTranscript(file);
}

function readTranscript(file: string): Transcript {
  const text = readFileSync(new URL(file, FOLDER), "utf8");
  const code = Number(section(text, "exit code"));
  return {
    name: file,
    command: section(text, "command").trim(),
    code: code < 0 ? null : code,
    signal: code < 0 ? "SIGKILL" : null,
    stdout: section(text, "stdout"),
    stderr: section(text, "stderr"),
    timedOut: false,
  };
}

/** Every transcript of the given series that was run with --json=raw through the command line. */
export function transcriptsOf(series: string): Transcript[] {
  return FILES
    .filter((file) => series.includes(file[0] ?? ""))
    .map(readTranscript)
    .filter(({ command }) => command.includes("--json=raw") && command.includes(" -- "));
}

function section(text: string, name: string): string {
  const start = text.indexOf(`--- ${name}\n`);
  if (start < 0) return "";
  const from = start + name.length + 5;
  const end = text.indexOf("\n--- ", from - 1);
  return end < 0 ? text.slice(from) : text.slice(from, Math.max(from, end));
}
