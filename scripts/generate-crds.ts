// Writes what is generated from src/api: deploy/crds/*.yaml and the tables of src/api/README.md. With --check
// it writes nothing and fails when they differ. The output depends on nothing but the sources.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { fillTables } from "./api-tables.ts";
import { type Schema, structuralSchema } from "./structural-schema.ts";
import { CATEGORY, type Definition, definitions } from "../src/api/definition.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const README = "src/api/README.md";
const HEADER =
  "# Generated from src/api by scripts/generate-crds.ts (npm run generate). Do not edit.\n";

/** The CustomResourceDefinition of one kind, ready to be applied. */
export function renderDefinition(definition: Definition): Schema {
  const { type, singular, shortNames } = definition;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${type.plural}.${type.group}` },
    spec: {
      group: type.group,
      scope: type.namespaced ? "Namespaced" : "Cluster",
      names: {
        kind: type.kind,
        listKind: `${type.kind}List`,
        plural: type.plural,
        singular,
        shortNames,
        categories: [CATEGORY],
      },
      versions: [renderVersion(definition)],
    },
  };
}

function renderVersion(definition: Definition): Schema {
  const { scale, columns } = definition;
  return {
    name: definition.type.version,
    served: true,
    storage: true,
    subresources: { status: {}, ...(scale && { scale }) },
    additionalPrinterColumns: columns,
    schema: { openAPIV3Schema: renderRoot(definition) },
  };
}

function renderRoot({ description, spec, status, rules }: Definition): Schema {
  return {
    type: "object",
    description,
    "x-kubernetes-validations": rules.map(({ cel, message, remedy }) => ({
      rule: cel,
      message: `${message}; ${remedy}`,
    })),
    properties: {
      apiVersion: {
        type: "string",
        description: "Version of the API that the object is written in.",
      },
      kind: { type: "string", description: "Kind of the object." },
      metadata: { type: "object" },
      // An object without a spec is the same as one with an empty spec.
      spec: { ...structuralSchema(spec), default: {} },
      status: structuralSchema(status),
    },
  };
}

/** Path of each generated CRD, from the root of the repository, and its text. */
export function renderFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const definition of definitions) {
    const text = stringify(renderDefinition(definition), { lineWidth: 0 });
    files.set(`deploy/crds/${definition.type.plural}.yaml`, HEADER + text);
  }
  return files;
}

async function main(isCheck: boolean): Promise<void> {
  const files = renderFiles().set(README, fillTables(await readFile(ROOT + README, "utf8")));
  await mkdir(`${ROOT}deploy/crds`, { recursive: true });
  for (const [path, text] of files) {
    const before = await readFile(ROOT + path, "utf8").catch(() => "");
    if (before === text) continue;
    if (isCheck) {
      process.stderr.write(`${path} is not what src/api says: run npm run generate\n`);
      process.exitCode = 1;
    } else {
      await writeFile(ROOT + path, text);
      process.stdout.write(`wrote ${path}\n`);
    }
  }
}

if (import.meta.main) await main(process.argv.includes("--check"));
