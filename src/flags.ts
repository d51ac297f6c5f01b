// How settings given as text become values: what a flag is, how an argument list is read, and the
// zod schemas for the notations that flags use (durations, addresses, lists, booleans).
//
// It knows nothing of the two programs: their tables are in config.ts. Everything here is a pure
// function of its arguments. A problem always names the flag and says what would be allowed.

import { z } from "zod";

/** One setting: how it is written, what it means, and the schema that reads its text. */
export type Flag<T extends z.ZodType = z.ZodType> = {
  readonly name: string;
  /** What is accepted, for people: `duration`, `host:port`, `true|false` … */
  readonly type: string;
  /** The text that is read when nothing is given; undefined means unset. */
  readonly default?: string;
  /** Environment variable that is read when the flag is not given. */
  readonly env?: string;
  /** Where the value is found in the configuration file, as a dotted path. */
  readonly file?: string;
  readonly unit?: string;
  readonly description: string;
  readonly schema: T;
};

export type FlagTable = Readonly<Record<string, Flag>>;
export type FlagValues<T extends FlagTable> = {
  readonly [K in keyof T]: z.output<T[K]["schema"]>;
};

/** Where texts come from; the first source that has one wins: arguments, environment, file, default. */
export type FlagSources = {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file?: { readonly name: string; readonly content: unknown };
};

/** Something the caller typed is wrong; the program ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "USAGE";
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration as Go writes it (`1h30m`, `500ms`) in milliseconds; undefined if it is not one. */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
    .reduce((sum, [, amount = "", unit = ""]) => sum + Number(amount) * (UNIT_MS[unit] ?? 0), 0);
}

export const durationMs = z.string().transform((text, context) => {
  const value = parseDurationMs(text);
  if (value === undefined) {
    context.addIssue({ code: "custom", message: "a duration such as 30s, 10m or 1h30m" });
    return z.NEVER;
  }
  return value;
});

export const text = z.string().min(1, "a text that is not empty");

export const anyText = z.string();

export const flagBoolean = z.enum(["true", "false"], "true or false").transform((v) =>
  v === "true"
);

/** A whole number within its limits. */
export function wholeNumber(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return z.string().regex(/^\d+$/, allowed).transform(Number)
    .refine((value) => value >= min && value <= max, allowed);
}

/** One of a few words. */
export function oneOf<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(words, `one of ${words.join(", ")}`);
}

/** A list separated by commas; blanks around the items do not count, an empty text is an empty list. */
export const list = z.string().transform((value) =>
  [...new Set(value.split(",").map((item) => item.trim()).filter((item) => item !== ""))].sort()
);

/** Where a server listens: `host:port`, `[v6]:port` or `:port` (every address). Port 0 lets the system choose. */
export const listenAddress = z.string().transform((value, context) => {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    context.addIssue({ code: "custom", message: "an address such as 0.0.0.0:8080 or :8080" });
    return z.NEVER;
  }
  return { address: match[1] ?? (match[2] || "0.0.0.0"), port };
});

function flagName(argument: string): string {
  return argument.replace(/^--?/, "").replaceAll("_", "-");
}

/** Splits an argument list into flag texts; `--name value`, `--name=value` and bare `--boolean` are read. */
function readArguments(table: FlagTable, args: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  const known = new Map(Object.values(table).map((flag) => [flag.name, flag]));
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] ?? "";
    const equals = argument.indexOf("=");
    const name = flagName(equals < 0 ? argument : argument.slice(0, equals));
    const flag = argument.startsWith("-") ? known.get(name) : undefined;
    if (flag === undefined) {
      const what = argument.startsWith("-") ? `flag --${name}` : `argument "${argument}"`;
      throw new UsageError(
        `Unknown ${what}: allowed are ${[...known.keys()].map((n) => `--${n}`).join(", ")}`,
      );
    }
    if (equals >= 0) given.set(name, argument.slice(equals + 1));
    else if (flag.schema === flagBoolean) given.set(name, "true");
    else given.set(name, requireValue(flag, args[++index]));
  }
  return given;
}

function requireValue(flag: Flag, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new UsageError(`Flag --${flag.name} has no value: it takes ${flag.type}`);
}

function fromFile(flag: Flag, content: unknown): string | undefined {
  if (flag.file === undefined) return undefined;
  let value = content;
  for (const step of flag.file.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  if (value === undefined || value === null || value === "") return undefined;
  return Array.isArray(value) ? value.join(",") : String(value);
}

/** Reads every setting of a table. @throws UsageError that names the flag and what it takes. */
export function readFlags<T extends FlagTable>(table: T, sources: FlagSources): FlagValues<T> {
  const given = readArguments(table, sources.args);
  const values: Record<string, unknown> = {};
  for (const [key, flag] of Object.entries(table)) {
    const candidates: [string | undefined, string][] = [
      [given.get(flag.name), `--${flag.name}`],
      [flag.env && (sources.env[flag.env] || undefined), `--${flag.name} (from ${flag.env})`],
      [fromFile(flag, sources.file?.content), `"${flag.file}" in ${sources.file?.name}`],
      [flag.default, `--${flag.name} (default)`],
    ];
    const [value, origin] = candidates.find(([candidate]) => candidate !== undefined) ?? [];
    const parsed = flag.schema.safeParse(value);
    if (!parsed.success) {
      const allowed = value === undefined
        ? `it is required: ${flag.type}${flag.env ? `, also read from ${flag.env}` : ""}`
        : `"${value}" is not ${parsed.error.issues[0]?.message ?? flag.type}`;
      throw new UsageError(`Flag ${origin ?? `--${flag.name}`} is wrong: ${allowed}`);
    }
    values[key] = parsed.data;
  }
  return values as FlagValues<T>;
}

/** The lines of `--help` for a table, one flag each, in the table's order. */
export function describeFlags(flags: readonly Flag[]): string {
  const left = flags.map((flag) => `  --${flag.name} <${flag.type}>`);
  const width = Math.max(...left.map((line) => line.length));
  return flags.map((flag, index) => {
    const notes = [
      ...(flag.default === undefined ? [] : [`default ${flag.default || '""'}`]),
      ...(flag.env === undefined ? [] : [`environment ${flag.env}`]),
    ];
    const suffix = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
    return `${left[index]?.padEnd(width)}  ${flag.description}${suffix}`;
  }).join("\n");
}
