// Kubernetes quantities ("500m", "10Gi", 2) as far as we must understand them: the schema of one, and
// its value for comparing. Nothing is ever rendered from the number: what the user wrote is passed on.

import { z } from "zod";

/** A non-negative quantity; Kubernetes also knows signs, which make no sense for what we ask. */
export const QUANTITY_PATTERN =
  "^([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]{1,2})?$";

export const quantitySchema = z.union([
  z.int().min(0),
  z.string().max(32).regex(new RegExp(QUANTITY_PATTERN), {
    error: "must be a quantity such as 500m, 2 or 10Gi",
  }),
]).meta({ "x-kubernetes-int-or-string": true, maxLength: 32, pattern: QUANTITY_PATTERN });

const DECIMAL: Record<string, number> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/** The value as a plain number (cores, bytes); undefined if it is no quantity. */
export function quantityValue(quantity: string | number): number | undefined {
  if (typeof quantity === "number") return quantity;
  const match = new RegExp(QUANTITY_PATTERN).exec(quantity);
  if (match === null) return undefined;
  const [, digits = "", , suffix = ""] = match;
  const binary = BINARY.indexOf(suffix);
  if (binary >= 0) return Number(digits) * 1024 ** binary;
  const exponent = DECIMAL[suffix];
  // Read as one decimal number, not multiplied: 1.1 and 1100m must be equal.
  return Number(digits + (exponent === undefined ? suffix : `e${exponent}`));
}
