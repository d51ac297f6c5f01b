// Where a live object differs from what we want: the first path, with both values. Pure.
//
// Only what is desired is compared: everything else in the live object is a default of the API server or
// belongs to another writer. Lists are compared item by item, because every list that we send is ours as
// a whole; owner references are not compared, because others may add theirs and ours is checked before
// anything is written (classify.ts). Quantities are compared by value, because the API server rewrites them (1000m becomes 1).

import { quantityValue } from "../api/quantity.ts";

/** Paths whose strings are quantities. */
const QUANTITY_PATH = /\.(requests|limits)\.[^.]+$|\.sizeLimit$/;

/** For example `spec.replicas 1 → 3`; undefined if the live object has everything that is desired. */
export function firstDifference(desired: object, live: object): string | undefined {
  return compare(desired, live, "");
}

function compare(desired: unknown, live: unknown, path: string): string | undefined {
  if (desired === undefined) return undefined;
  if (Array.isArray(desired)) return compareLists(desired, live, path);
  if (typeof desired === "object" && desired !== null) return compareMaps(desired, live, path);
  if (desired === live || sameQuantity(desired, live, path)) return undefined;
  return `${path.slice(1)} ${brief(live)} → ${brief(desired)}`;
}

function compareMaps(desired: object, live: unknown, path: string): string | undefined {
  if (typeof live !== "object" || live === null) {
    // An empty map is often stored as nothing at all (emptyDir: {} is kept, resources: {} may not be).
    return Object.keys(desired).length === 0 ? undefined : `${path.slice(1)} is missing`;
  }
  for (const key of Object.keys(desired).sort()) {
    const [wanted, found] = [desired, live].map((map) => (map as Record<string, unknown>)[key]);
    const difference = compare(wanted, found, `${path}.${key}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function compareLists(
  desired: readonly unknown[],
  live: unknown,
  path: string,
): string | undefined {
  const found = Array.isArray(live) ? live as readonly unknown[] : [];
  if (path === ".metadata.ownerReferences") return undefined;
  if (found.length !== desired.length) {
    return `${path.slice(1)} has ${found.length} → ${desired.length} items`;
  }
  for (const [index, item] of desired.entries()) {
    const difference = compare(item, found[index], `${path}.${nameOf(item) ?? index}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function sameQuantity(desired: unknown, live: unknown, path: string): boolean {
  if (!QUANTITY_PATH.test(path)) return false;
  const [wanted, found] = [desired, live].map((value) =>
    typeof value === "string" || typeof value === "number" ? quantityValue(value) : undefined
  );
  return wanted !== undefined && wanted === found;
}

function nameOf(item: unknown): string | undefined {
  const name = (item as { name?: unknown } | null)?.name;
  return typeof name === "string" ? name : undefined;
}

/** Values may be long (a whole configuration) and are for people. */
function brief(value: unknown): string {
  const text = value === undefined ? "nothing" : String(JSON.stringify(value));
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
