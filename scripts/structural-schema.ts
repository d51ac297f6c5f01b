// zod → the OpenAPI schema that Kubernetes calls structural.
//
// zod's own OpenAPI output is nearly that; what Kubernetes wants otherwise is mended here and nowhere else.
// The output depends on nothing but the schema: same input, same bytes.

import { z } from "zod";

export type Schema = { [key: string]: unknown };

/** The structural OpenAPI schema of a zod schema. */
export function structuralSchema(schema: z.ZodType): Schema {
  const options = { target: "openapi-3.0", io: "input", unrepresentable: "any" } as const;
  return mend(z.toJSONSchema(schema, options) as Schema);
}

// Key order of the generated schemas, for readers: what it is, then its limits, then its parts.
const ORDER = [
  "type",
  "description",
  "default",
  "x-kubernetes-validations",
  "required",
  "properties",
];

/** Mends one node and everything below it. */
function mend(node: Schema): Schema {
  if (node["x-kubernetes-int-or-string"] === true) return mendIntOrString(node);
  const mended: Schema = {};
  for (const key of [...ORDER, ...Object.keys(node)]) {
    if (key in mended || node[key] === undefined) continue;
    mended[key] = mendValue(key, node[key]);
  }
  return mendInteger(mendAdditional(mended));
}

function mendValue(key: string, value: unknown): unknown {
  if (key === "items") return mend(value as Schema);
  if (key !== "properties") return value;
  return Object.fromEntries(
    Object.entries(value as Schema).map(([name, field]) => [name, mend(field as Schema)]),
  );
}

/** Structural schemas have either properties or additionalProperties; a loose object keeps what it gets. */
function mendAdditional(node: Schema): Schema {
  const { additionalProperties: additional, ...rest } = node;
  if (additional === undefined || additional === false) return rest;
  const isLoose = additional === true || Object.keys(additional as Schema).length === 0;
  if (isLoose) {
    const { properties, ...others } = rest;
    const hasProperties = Object.keys(properties as Schema ?? {}).length > 0;
    return {
      ...others,
      ...(hasProperties && { properties }),
      "x-kubernetes-preserve-unknown-fields": true,
    };
  }
  return { ...rest, additionalProperties: mend(additional as Schema) };
}

/** JavaScript's safe range says nothing; Kubernetes wants to know the width instead. */
function mendInteger(node: Schema): Schema {
  if (node["type"] !== "integer") return node;
  const { minimum, maximum, ...rest } = node as { minimum?: number; maximum?: number };
  return {
    ...rest,
    format: "int64",
    ...(minimum !== undefined && Number.isSafeInteger(minimum) &&
      minimum !== Number.MIN_SAFE_INTEGER &&
      { minimum }),
    ...(maximum !== undefined && maximum !== Number.MAX_SAFE_INTEGER && { maximum }),
  };
}

/** The one form of anyOf that Kubernetes accepts with types in it. */
function mendIntOrString({ anyOf: _, ...node }: Schema): Schema {
  return { ...node, anyOf: [{ type: "integer" }, { type: "string" }] };
}
