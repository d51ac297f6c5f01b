// Structured logging: a constant lower-case message, data in fields, one line per record. Knows nothing
// of where lines go. Secrets cannot pass: wrapped ones print [redacted], fields with a credential's name
// are cut, and texts go through redact().

import { type Clock, formatMicroTime } from "./clock.ts";
import { describeError } from "./errors.ts";
import { isSecretName, redact } from "./secret.ts";

export type Fields = Record<string, unknown>;
export type Level = "debug" | "info" | "warn" | "error";

/** debug: passes and no-ops; info: the world changed; warn: degraded but handled; error: look at it. */
export interface Logger {
  debug(msg: string, fields?: Fields): void;
  info(msg: string, fields?: Fields): void;
  warn(msg: string, fields?: Fields): void;
  error(msg: string, fields?: Fields): void;
  /** A logger that adds these fields to every record. */
  with(fields: Fields): Logger;
}

export interface LoggerOptions {
  level: Level;
  format: "json" | "text";
  /** Gets whole lines without the newline. */
  write: (line: string) => void;
  clock: Clock;
}

/**
 * For what is told once: whether a text was not asked about before. Texts hold names, so that there is no end of
 * them: after the first `most` all are news again.
 */
export function newsOf(most = 1000): (text: string) => boolean {
  const known = new Set<string>();
  return (text) => {
    if (known.has(text)) return false;
    if (known.size >= most) known.clear();
    known.add(text);
    return true;
  };
}

const ORDER: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A logger that writes records of at least the given level. */
export function createLogger(options: LoggerOptions): Logger {
  const build = (bound: Fields): Logger => {
    const at = (level: Level) => (msg: string, fields: Fields = {}): void => {
      if (ORDER[level] < ORDER[options.level]) return;
      const time = formatMicroTime(options.clock.now()).replace("000Z", "Z");
      options.write(FORMATS[options.format](time, level, { msg, ...bound, ...fields }));
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: (fields) => build({ ...bound, ...fields }),
    };
  };
  return build({});
}

const FORMATS = {
  json: (time: string, level: Level, fields: Fields): string =>
    stringify({ time, level, ...fields }),
  text: (time: string, level: Level, { msg, ...rest }: Fields): string => {
    const pairs = Object.entries(rest).map(([name, value]) => {
      const text = unquote(stringify({ [name]: value }), name);
      return `${name}=${text}`;
    });
    return [time, level.toUpperCase().padEnd(5), redact(String(msg)), ...pairs].join(" ");
  },
};

// {"name":value} → value, without quotes when it is one word.
function unquote(json: string, name: string): string {
  const value = json.slice(JSON.stringify(name).length + 2, -1);
  return /^"[^\s"\\]*"$/.test(value) ? value.slice(1, -1) : value;
}

function stringify(record: Fields): string {
  const ancestors: unknown[] = [];
  return JSON.stringify(record, function (this: unknown, name: string, value: unknown) {
    if (isSecretName(name) && typeof value === "string") return "[redacted]";
    if (typeof value === "string") return redact(value);
    if (value instanceof Error) return describeError(value);
    if (typeof value === "bigint") return String(value);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (typeof value !== "object" || value === null) return value;
    while (ancestors.length > 0 && ancestors.at(-1) !== this) ancestors.pop();
    if (ancestors.includes(value)) return "[circular]";
    ancestors.push(value);
    return value instanceof Map || value instanceof Set ? [...value] : value;
  });
}

/** Writes nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLogger,
};
