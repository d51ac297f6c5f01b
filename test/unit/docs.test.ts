// What the READMEs say and the sources show must be the same: links, the path of one Cluster
// through six files, error codes, decisions about packages, flags and metrics. A table that lags
// behind fails here, in either direction.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { identityOf } from "../../src/agent/settings.ts";
import { AgentMetrics } from "../../src/agent/metrics.ts";
import { agentFlags, operatorFlags } from "../../src/config.ts";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

const READMES = [
  "README.md",
  "deploy/README.md",
  "fixtures/README.md",
  "fixtures/apiserver/README.md",
  "fixtures/images/README.md",
  "fixtures/kubernetes/README.md",
  "fixtures/mysqld/README.md",
  "fixtures/mysqlsh/README.md",
  "fixtures/transcripts/README.md",
  "scripts/README.md",
  "src/README.md",
  "src/agent/README.md",
  "src/api/README.md",
  "src/controllers/cluster/README.md",
  "src/kube/README.md",
  "test/README.md",
];

/** First cells of the rows of the table under a heading, without code marks. */
function firstCells(text: string, heading: string): string[] {
  const section = text.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  return section.split("\n").filter((line) => /^\|\s*`/.test(line))
    .map((line) => /^\|\s*`([^`]+)`/.exec(line)?.[1] ?? "");
}

function sources(): { path: string; text: string }[] {
  return readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => ({ path: `src/${name}`, text: read(`src/${name}`) }));
}

t.test("every README is there and its relative links lead somewhere", async (t) => {
  for (const path of READMES) {
    t.ok(existsSync(join(ROOT, path)), path);
    if (!existsSync(join(ROOT, path))) continue;
    const links = [...read(path).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((match) =>
      match[1] ?? ""
    );
    const broken = links.filter((link) => !existsSync(join(ROOT, dirname(path), link)));
    t.strictSame(broken, [], `links of ${path}`);
  }
});

t.test("the six files through which one Cluster passes exist and hold what the map says", async (t) => {
  const rows = [...read("src/README.md").matchAll(/^\| \d \| `([^`]+)` \| `([^`]+)` \|/gm)];
  t.equal(rows.length, 6);
  for (const [, file = "", name = ""] of rows) {
    t.match(
      read(`src/${file}`),
      new RegExp(`(function\\*?|class|async) ${name}\\b|\\b${name}\\(`),
      `${name} in src/${file}`,
    );
  }
});

t.test("every error code is in the map and every code of the map in a source", async (t) => {
  const declared = sources().flatMap(({ text }) =>
    [...text.matchAll(/readonly code = "(\w+)"/g)].map((match) => match[1] ?? "")
  );
  t.strictSame(firstCells(read("src/README.md"), "Errors").sort(), [...new Set(declared)].sort());
});

t.test("every direct package has a decision", async (t) => {
  const { dependencies } = JSON.parse(read("package.json")) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    t.match(read("src/README.md"), new RegExp(`^### .*\`${name}\``, "m"), name);
  }
});

t.test("the tables of flags are those of the program", async (t) => {
  const text = read("deploy/README.md");
  const names = (flags: readonly { name: string }[]) => flags.map(({ name }) => `--${name}`).sort();
  t.strictSame(firstCells(text, "Operator flags").sort(), names(operatorFlags));
  t.strictSame(firstCells(text, "Agent flags").sort(), names(agentFlags));
});

t.test("the table of metrics names every metric and no other", async (t) => {
  const pod = { podName: "main-0", podNamespace: "db", podUid: "u", clusterName: "main" };
  const identity = identityOf({ ...pod, clusterDomain: "cluster.local", port: 3306 });
  const agent = new AgentMetrics(identity).registry.render();
  const agents = [...agent.matchAll(/^# TYPE (\w+) /gm)].map((match) => match[1] ?? "");
  // The operator's are registered by several files; each is a literal with one of these prefixes.
  const literal =
    /"((?:mysql_operator|controller_runtime|workqueue|watch|leader_election|rest_client)_[a-z_]+)"/g;
  const operators = sources().flatMap(({ text }) =>
    [...text.matchAll(literal)].map((match) => match[1] ?? "")
  );
  const registered = [...new Set([...agents, ...operators])].sort();
  t.strictSame(firstCells(read("deploy/README.md"), "Metrics").sort(), registered);
});
