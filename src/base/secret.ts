// A value that must not be printed, and the last line of defence for text that may contain one.
// Passwords and tokens travel as Secret from where they are read to where they are sent; reveal() is
// the only way out, so a search for it finds every place that handles the plain text.

const REDACTED = "[redacted]";
const inspect = Symbol.for("nodejs.util.inspect.custom");
const denoInspect = Symbol.for("Deno.customInspect");

/** Wraps a secret text; every way of printing it shows [redacted]. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The plain text. Never log, never put into argv, environment or URLs. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect](): string {
    return REDACTED;
  }

  [denoInspect](): string {
    return REDACTED;
  }
}

const PATTERNS: readonly [RegExp, string][] = [
  [/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`],
  [/(\w+:\/\/[^\s:/@]+):[^\s@/]+@/g, `$1:${REDACTED}@`],
  [/\b(identified\s+(?:with\s+\S+\s+)?by\s+)'(?:[^'\\]|\\.|'')*'/gi, `$1'${REDACTED}'`],
  [
    /((?:password|passwd|token|secret)["']?\s*[=:]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&}]+)/gi,
    `$1${REDACTED}`,
  ],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, REDACTED],
];

/** Text without what looks like a credential. */
export function redact(text: string): string {
  return PATTERNS.reduce(
    (result, [pattern, replacement]) => result.replace(pattern, replacement),
    text,
  );
}

/** Whether a field of this name holds a credential whatever its value looks like. */
export function isSecretName(name: string): boolean {
  return /^(.*(password|passwd|privatekey)|(access|bearer|session)?[-_]?token|authorization)$/i
    .test(name);
}
