// Pure: when labels and Service came to say the same as the group.

/** A Pod's role label, or of "Service" the Pod that the primary Service leads to, as seen at a time. */
export type Change = { readonly at: number; readonly of: string; readonly value: string };

/**
 * The first moment at which the Service leads to `primary` and no other Pod is labelled primary; never before
 * `from`. Undefined: it did not come to that.
 */
export function rightAt(
  changes: readonly Change[],
  primary: string,
  from: number,
): number | undefined {
  const seen = new Map<string, string>();
  let rightSince: number | undefined;
  for (const { at, of, value } of changes) {
    seen.set(of, value);
    const labelled = [...seen].filter(([, role]) => role === "primary").map(([pod]) => pod);
    const right = seen.get("Service") === primary && labelled.join() === primary;
    if (!right) rightSince = undefined;
    else rightSince ??= at;
    if (rightSince !== undefined && at >= from) break;
  }
  return rightSince === undefined ? undefined : Math.max(rightSince, from);
}
