// A validation rule written once and enforced twice: as CEL by the API server, when an object is written,
// and as a predicate by us, when an object that was stored under an older schema is read.
//
// Both halves stand side by side here and in the tables that use it, so that they are reviewed together;
// the contract test sends every bad value to both. A message says what is wrong, a remedy what to do.

import { z } from "zod";

export type Rule<T> = {
  /** CEL expression over `self`, defaults already filled in. */
  cel: string;
  /** The same question in TypeScript: true means the value is fine. */
  check: (value: T) => boolean;
  /** Field that is named in the answer, relative to the value; the value itself if absent. */
  at?: string;
  message: string;
  remedy: string;
};

/** A rule about a change (`self` against `oldSelf`): only the API server sees both sides. */
export type Transition = Omit<Rule<never>, "check">;

type CelRule = { rule: string; message: string; fieldPath?: string; reason?: string };

/** The schema with its rules attached for both enforcers. Descriptions and defaults go around it. */
export function withRules<S extends z.ZodType>(
  schema: S,
  rules: readonly Rule<z.output<S>>[],
  transitions: readonly Transition[] = [],
): S {
  const checked = schema.superRefine((value, context) => {
    for (const rule of rules) {
      if (rule.check(value)) continue;
      const path = rule.at?.split(".") ?? [];
      const { message, remedy } = rule;
      context.addIssue({ code: "custom", input: value, path, message, params: { remedy } });
    }
  });
  return checked.meta({ "x-kubernetes-validations": [...rules, ...transitions].map(renderRule) });
}

function renderRule(rule: Transition): CelRule {
  const message = `${rule.message}; ${rule.remedy}`;
  return { rule: rule.cel, message, ...(rule.at !== undefined && { fieldPath: `.${rule.at}` }) };
}

/** A field that may not change after creation. */
export function immutable(message: string, remedy: string): Transition {
  return { cel: "self == oldSelf", message, remedy };
}

export type MapOptions = { maxEntries: number; maxLength: number; pattern?: string };

/** A map of short strings, bounded so that rules over it stay cheap. */
export function stringMap(options: MapOptions) {
  const { maxEntries, maxLength, pattern } = options;
  const text = z.string().max(maxLength);
  const value = pattern === undefined ? text : text.regex(new RegExp(pattern));
  return boundedMap(value, maxEntries);
}

/** A map with at most `maxEntries` entries. */
export function boundedMap<V extends z.ZodType>(value: V, maxEntries: number) {
  const isSmall = (map: Record<string, unknown>): boolean => Object.keys(map).length <= maxEntries;
  return z.record(z.string(), value)
    .refine(isSmall, { error: `must have at most ${maxEntries} entries` })
    .meta({ maxProperties: maxEntries });
}
