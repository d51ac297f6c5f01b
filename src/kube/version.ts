// Pure: resource versions. Opaque, but versions of one kind can be ordered when both are well-formed
// integers. An order may only serve to leave out what is old.

const INTEGER = /^[1-9][0-9]*$/;

/** Below 0: a is older than b. 0: the same. Above 0: newer, or nobody can say. */
export function versionOrder(a: string | undefined, b: string | undefined): number {
  if (a === b && a !== undefined) return 0;
  if (!a || !b || !INTEGER.test(a) || !INTEGER.test(b)) return 1;
  return a.length - b.length || (a < b ? -1 : 1);
}
