// The architecture of src/README.md as data, and the check that the sources keep to it: imports
// point down, each outside thing has one door, pure files stay pure, files and folders have honest
// names and sizes. The rules are tried on small made-up sources first, so that a rule which no
// longer catches anything fails too.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** Floor of each folder of src; files directly in src are the top floor. */
const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  kube: 1,
  mysql: 1,
  api: 2,
  runtime: 2,
  access: 2,
  controllers: 3,
  agent: 3,
};
const TOP_FLOOR = 4;

/** The operator never dials MySQL: of src/mysql, floors that it is built from may only use these. */
const PURE_MYSQL = ["my-cnf.ts", "gtid.ts", "group-view.ts", "settings.ts"];

/** Who may touch what is outside the process. */
const DOORS: readonly { what: RegExp; name: string; files: RegExp }[] = [
  {
    name: "undici",
    what: /from "(undici|node:http2)"/,
    files: /^src\/kube\/(transport|dispatcher)\.ts$/,
  },
  { name: "mysql2", what: /from "mysql2/, files: /^src\/mysql\/session\.ts$/ },
  { name: "child_process", what: /from "node:child_process"/, files: /^src\/mysql\/exec\.ts$/ },
  {
    name: "the HTTP server",
    what: /from "node:https?"/,
    files: /^src\/runtime\/health-server\.ts$/,
  },
  {
    name: "environment and arguments",
    what: /\bprocess\.(env|argv)\b/,
    files: /^src\/(config|main)\.ts$/,
  },
  {
    name: "time and chance",
    what:
      /\b(Date\.now|new Date\(\)|setTimeout|setInterval|setImmediate|Math\.random|performance\.now)\b/,
    files: /^src\/base\/clock\.ts$/,
  },
  { name: "the console", what: /\bconsole\.\w+\(/, files: /^$/ },
];

/** Files that decide, build or describe: no waiting, no outside, no clock. */
const PURE = [
  /^src\/base\/backoff\.ts$/,
  /^src\/kube\/(request|watcher|watch-input|resource|api-error)\.ts$/,
  /^src\/mysql\/(shell-request|shell-output|shell-failure|group-view|gtid|my-cnf|accounts)\.ts$/,
  /^src\/api\//,
  /^src\/controllers\/\w+\/(render\/.*|plan|classify|status)\.ts$/,
  /^src\/agent\/(decide.*|probe)\.ts$/,
];
const IMPURE = /\basync\b|\bawait\b|from "node:(fs|net|http|https|http2|child_process|crypto)/;

const DISHONEST_NAME = /(^|\/)(utils?|helpers?|common|misc|shared|lib|types)(\.ts)?(\/|$)/;
const NOT_ERASABLE =
  /^\s*(export\s+)?(const\s+)?enum\s|^\s*(export\s+)?namespace\s|^\s*(await )?using\s/m;

type Source = { path: string; text: string };

function imports(source: Source): string[] {
  return [
    ...source.text.matchAll(/^\s*(?:import|export)\b[^;]*?from "([^"]+)"|^import "([^"]+)"/gms),
  ]
    .map((match) => match[1] ?? match[2] ?? "");
}

/** Code without comments and string contents' newlines: what rules about identifiers look at. */
function code(source: Source): string {
  return source.text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

function folderOf(path: string): string {
  return path.split("/")[1]?.replace(/\.ts$/, "") ?? "";
}

function floorOf(path: string): number {
  return path.split("/").length === 2 ? TOP_FLOOR : FLOORS[folderOf(path)] ?? Number.NaN;
}

/** Every way in which one source breaks the rules, as sentences. */
function violations(source: Source): string[] {
  const found: string[] = [];
  const floor = floorOf(source.path);
  if (Number.isNaN(floor)) {
    found.push(`${source.path} is on no floor: src/${folderOf(source.path)}`);
  }
  for (const target of imports(source)) found.push(...importViolations(source, target));
  const text = code(source);
  for (const door of DOORS) {
    if (door.what.test(text) && !door.files.test(source.path)) {
      found.push(`${source.path} reaches ${door.name} past its door`);
    }
  }
  if (PURE.some((rule) => rule.test(source.path)) && IMPURE.test(text)) {
    found.push(`${source.path} must be pure: ${IMPURE.exec(text)?.[0]}`);
  }
  if (NOT_ERASABLE.test(text)) found.push(`${source.path} has syntax that cannot be erased`);
  if (DISHONEST_NAME.test(source.path)) {
    found.push(`${source.path} has a name that says nothing`);
  }
  const lines = source.text.split("\n").length - 1;
  if (lines > 350) found.push(`${source.path} has ${lines} lines: it is two concepts`);
  return found;
}

function importViolations(source: Source, target: string): string[] {
  if (!target.startsWith(".")) {
    const builtin =
      /^(fs|path|os|http|https|http2|net|tls|crypto|child_process|url|events|stream)(\/|$)/;
    return builtin.test(target) ? [`${source.path} imports ${target} without node:`] : [];
  }
  if (!target.endsWith(".ts") && !target.endsWith(".json")) {
    return [`${source.path} imports ${target} without .ts`];
  }
  const path = join(dirname(source.path), target);
  if (!path.startsWith("src/")) {
    return path === "package.json" ? [] : [`${source.path} imports ${path}`];
  }
  const [from, to] = [floorOf(source.path), floorOf(path)];
  if (folderOf(source.path) === folderOf(path) && from !== TOP_FLOOR) return [];
  if (from === TOP_FLOOR && to === TOP_FLOOR) return [];
  if (to >= from) return [`${source.path} imports up or sideways: ${path}`];
  const mysqlFile = /^src\/mysql\/(.*)$/.exec(path)?.[1];
  if (
    mysqlFile && folderOf(source.path) !== "agent" && from !== TOP_FLOOR &&
    !PURE_MYSQL.includes(mysqlFile)
  ) {
    return [`${source.path} would let the operator dial MySQL: ${path}`];
  }
  return [];
}

function sourcesUnder(folder: string): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => ({
      path: join(folder, name),
      text: readFileSync(join(ROOT, folder, name), "utf8"),
    }));
}

t.test("each rule catches a source that breaks it", async (t) => {
  const rows: [string, Source, RegExp][] = [
    ["an import that points up", {
      path: "src/base/x.ts",
      text: 'import { a } from "../kube/client.ts";\n',
    }, /up or sideways/],
    ["an import between neighbours", {
      path: "src/agent/x.ts",
      text: 'import { a } from "../controllers/apply.ts";\n',
    }, /up or sideways/],
    ["a type import that points up", {
      path: "src/kube/x.ts",
      text: 'import type {\n  A,\n} from "../api/group.ts";\n',
    }, /up or sideways/],
    ["the operator dialling MySQL", {
      path: "src/controllers/x.ts",
      text: 'import { a } from "../mysql/session.ts";\n',
    }, /dial MySQL/],
    ["undici outside the transport", {
      path: "src/kube/x.ts",
      text: 'import { Agent } from "undici";\n',
    }, /undici/],
    [
      "a clock outside base",
      { path: "src/agent/x.ts", text: "const now = Date.now();\n" },
      /time and chance/,
    ],
    [
      "the environment outside config",
      { path: "src/agent/x.ts", text: "process.env.HOME;\n" },
      /environment/,
    ],
    ["waiting in a pure file", {
      path: "src/agent/decide.ts",
      text: "export async function f() {}\n",
    }, /pure/],
    [
      "an import without .ts",
      { path: "src/agent/x.ts", text: 'import { a } from "./y";\n' },
      /without \.ts/,
    ],
    [
      "a builtin without node:",
      { path: "src/agent/x.ts", text: 'import fs from "fs";\n' },
      /without node:/,
    ],
    ["a dishonest name", { path: "src/agent/utils.ts", text: "\n" }, /says nothing/],
    ["an enum", { path: "src/agent/x.ts", text: "export enum A { B }\n" }, /erased/],
    ["a folder on no floor", { path: "src/stuff/x.ts", text: "\n" }, /no floor/],
    ["fixtures in the product", {
      path: "src/agent/x.ts",
      text: 'import { a } from "../../fixtures/a.ts";\n',
    }, /imports fixtures/],
    ["a file of two concepts", { path: "src/agent/x.ts", text: "\n".repeat(351) }, /351 lines/],
  ];
  for (const [name, source, expected] of rows) {
    t.match(violations(source).join("\n"), expected, name);
  }
  const fine = 'import { a } from "./y.ts";\nimport { b } from "../base/log.ts";\n';
  t.strictSame(
    violations({ path: "src/agent/x.ts", text: fine }),
    [],
    "a source that keeps to them",
  );
});

t.test("src keeps to the rules", async (t) => {
  const sources = sourcesUnder("src");
  t.ok(sources.length > 30, `${sources.length} sources`);
  t.strictSame(sources.flatMap(violations), []);
});

t.test("fixtures, scripts and tests keep to the rules of names and sizes", async (t) => {
  const sources = ["fixtures", "scripts", "test"].flatMap(sourcesUnder);
  const found = sources.flatMap((source) => [
    ...(source.text.split("\n").length > 351 ? [`${source.path} is over 350 lines`] : []),
    ...(DISHONEST_NAME.test(source.path) ? [`${source.path} has a name that says nothing`] : []),
    ...(NOT_ERASABLE.test(code(source)) ? [`${source.path} cannot be erased`] : []),
  ]);
  t.strictSame(found, []);
});

t.test("the top folders are the agreed ones", async (t) => {
  const folders = readdirSync(ROOT).filter((name) => statSync(join(ROOT, name)).isDirectory());
  const allowed = [
    ".ci",
    ".git",
    ".tap",
    "deploy",
    "fixtures",
    "node_modules",
    "scripts",
    "src",
    "test",
  ];
  t.strictSame(folders.filter((name) => !allowed.includes(name)), []);
});

t.test("the run-time tree is small and installs nothing by script", async (t) => {
  type Package = {
    dev?: boolean;
    optional?: boolean;
    devOptional?: boolean;
    link?: boolean;
    hasInstallScript?: boolean;
  };
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, Package>;
  };
  const runtime = Object.entries(lock.packages).filter(([path, entry]) =>
    path.startsWith("node_modules/") && !entry.dev && !entry.optional && !entry.link
  );
  t.ok(runtime.length >= 4 && runtime.length <= 16, `${runtime.length} packages at run time`);
  t.strictSame(runtime.filter(([, entry]) => entry.hasInstallScript).map(([path]) => path), []);
  t.comment(
    relative(ROOT, join(ROOT, "package-lock.json")),
    runtime.map(([path]) => path).join(" "),
  );
});
