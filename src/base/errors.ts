// Errors by what the caller does next. Match by class or `code`, never by message. Waiting is not an
// error; an abort is passed on untouched. Messages name the object, what was tried and what was seen.

import { redact } from "./secret.ts";

/** Trying again cannot help until somebody changes something: drop, tell the user. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
  readonly code = "TERMINAL";
}

/** One line: the message and its causes, without credentials. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let current = error;
  // Chains are short; the limit only guards against a cause that points back.
  for (let depth = 0; current !== undefined && current !== null && depth < 8; depth++) {
    if (!(current instanceof Error)) {
      parts.push(typeof current === "object" ? safeJson(current) : String(current));
      break;
    }
    const text = messageOf(current);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
    current = current.cause ?? (current instanceof AggregateError ? current.errors[0] : undefined);
  }
  return redact(parts.join(": ").replace(/\s*\n\s*/g, " "));
}

function messageOf(error: Error): string {
  if (error.message !== "") return error.message;
  return "code" in error ? String(error.code) : error.name;
}

function safeJson(value: object): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return Object.prototype.toString.call(value); // circular: the shape is all we can say
  }
}

/** Whether nobody meant it to be thrown: whatever is has a code, or is an abort. */
export function isBug(error: unknown): boolean {
  return !(error instanceof Error && ("code" in error || isAbort(error)));
}

/** For a log line: what was seen, and where if it is a bug. */
export function errorFields(error: unknown): { err: string; stack?: string | undefined } {
  const bug = isBug(error) && error instanceof Error;
  return { err: describeError(error), ...(bug && { stack: error.stack }) };
}

/** For the default branch of a switch over a union: the compiler proves that it is never reached. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}

/** Whether this is somebody's cancellation (AbortController.abort() without a reason, or abortReason()). */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** A reason for AbortController.abort() that says why and that isAbort() recognises. */
export function abortReason(message: string): Error {
  return new DOMException(message, "AbortError");
}
