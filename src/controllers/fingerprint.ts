// A short text that stands for an object as it was applied, kept on the object itself.
//
// Comparing the live object with the desired one cannot see a field that is no longer desired: the live
// object holds more than we sent anyway, defaults and other writers' fields. The fingerprint sees it: it
// changes whenever anything that we send changes. Deterministic: the order of keys does not count.

import { shortHash } from "../base/hash.ts";
import type { KubeObject } from "../kube/object.ts";

export const APPLIED_ANNOTATION = "mysql.oracle.com/applied";

/** The object with its fingerprint as an annotation. */
export function withFingerprint<T extends KubeObject>(object: T): T {
  const { metadata } = object;
  const annotations = { ...metadata.annotations, [APPLIED_ANNOTATION]: fingerprint(object) };
  return { ...object, metadata: { ...metadata, annotations } };
}

/** Equal for objects with the same fields. */
export function fingerprint(object: KubeObject): string {
  return shortHash(JSON.stringify(ordered(object)));
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return Object.fromEntries(entries.map(([key, item]) => [key, ordered(item)]));
}
