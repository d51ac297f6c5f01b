// Pure: the lines that MySQL Shell prints with --json=raw. One JSON object per line; messages carry one
// of five words, anything else is the result. Errors also occur in runs that succeed, and "status" is
// both a kind of message and a result of dba check-instance-configuration: only the exit code decides.

import { parseJson } from "../base/json.ts";

export type ShellMessage = {
  readonly kind: "info" | "note" | "warning" | "error" | "status" | "prompt";
  readonly text: string;
};

export type ShellOutput = {
  readonly messages: readonly ShellMessage[];
  /** The last object that is not a message. */
  readonly result?: Readonly<Record<string, unknown>>;
  /** Lines that are no JSON object, kept for diagnosis. */
  readonly rest: readonly string[];
};

const KINDS = ["info", "note", "warning", "error", "status", "prompt"] as const;

export function parseShellOutput(stdout: string): ShellOutput {
  const messages: ShellMessage[] = [];
  const rest: string[] = [];
  let result: Record<string, unknown> | undefined;
  for (const line of stdout.split("\n")) {
    if (line.trim() === "") continue;
    const object = parseObject(line);
    if (object === undefined) {
      rest.push(line);
      continue;
    }
    const message = messageOf(object);
    if (message === undefined) result = object;
    else if (message.text.trim() !== "") messages.push(message);
  }
  return { messages, rest, ...(result === undefined ? {} : { result }) };
}

function messageOf(object: Record<string, unknown>): ShellMessage | undefined {
  const kind = KINDS.find((word) => typeof object[word] === "string");
  if (kind === undefined) return undefined;
  const text = String(object[kind]);
  const alone = Object.keys(object).length === 1 || kind === "prompt" || "exceptionInfo" in object;
  const isResult = kind === "status" && (text === "ok" || text === "error");
  return alone && !isResult ? { kind, text } : undefined;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  const value = parseJson(line);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? value as Record<string, unknown> : undefined; // kept as a line for diagnosis
}
