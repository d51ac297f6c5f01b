// Runs the levels of the test suite that are named as arguments (all of them when none is) and adds
// up what they report. What each level needs was prepared by scripts/test.sh; a level whose means
// are missing fails and says which, it is never left out silently.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { performance } from "node:perf_hooks";
import process from "node:process";

type Count = { passed: number; failed: number };
type Level = { readonly name: string; readonly run: () => Promise<Count> };

const LEVELS: readonly Level[] = [
  { name: "check", run: () => command("npm run check", ["node", "scripts/check.ts"]) },
  { name: "unit", run: () => direct("node", ["node"]) },
  { name: "model", run: () => direct("node", ["node"], "test/model/*.test.ts") },
  { name: "deno", run: onDeno },
  {
    name: "contract",
    run: () => tap("test/contract/**/*.test.ts", { jobs: 2, timeoutSeconds: 600 }),
  },
  {
    name: "integration",
    run: () => tap("test/integration/**/*.test.ts", { jobs: 1, timeoutSeconds: 600 }),
  },
  { name: "e2e", run: endToEnd },
];

type RunOptions = { readonly quiet?: boolean; readonly limitMs?: number };

/** Runs a program to its end; resolves to its exit code and everything it printed. */
function run(argv: readonly string[], { quiet = false, limitMs }: RunOptions = {}) {
  const [file = "", ...args] = argv;
  return new Promise<{ code: number; output: string }>((resolve) => {
    const stdio = ["ignore", "pipe", quiet ? "pipe" : "inherit"] as const;
    const child = spawn(file, args, { stdio: [...stdio], timeout: limitMs, killSignal: "SIGKILL" });
    let output = "";
    const collect = (chunk: Buffer) => {
      output += chunk;
      if (!quiet) process.stdout.write(chunk);
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    child.on("error", (error) => {
      process.stderr.write(`cannot start ${file}: ${error.message}\n`);
      resolve({ code: 127, output });
    });
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

async function command(name: string, argv: readonly string[]): Promise<Count> {
  const { code } = await run(argv);
  process.stdout.write(`${code === 0 ? "ok" : "not ok"} - ${name}\n`);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function tap(
  pattern: string,
  limits: { jobs: number; timeoutSeconds: number },
): Promise<Count> {
  const files = globSync(pattern).sort();
  if (files.length === 0) {
    process.stdout.write(`not ok - no test matches ${pattern}\n`);
    return { passed: 0, failed: 1 };
  }
  buildTap();
  const flags = [`--jobs=${limits.jobs}`, `--timeout=${limits.timeoutSeconds}`];
  const { code, output } = await run(["tap", ...flags, ...files]);
  const [, passed = "0", failed = "0"] = /^(\d+) passed, (\d+) failed/m.exec(output) ?? [];
  return { passed: Number(passed), failed: Math.max(Number(failed), code === 0 ? 0 : 1) };
}

/** tap compiles its plugin set once after an installation; the first run before that would fail. */
function buildTap() {
  const stamp = "node_modules/.tap-built";
  if (existsSync(stamp)) return;
  const built = spawnSync("tap", ["build"], { stdio: "inherit" });
  if (built.status === 0) spawnSync("touch", [stamp]);
}

/** The unit tests once more on Deno: every file under src that they reach runs there. */
async function onDeno(): Promise<Count> {
  const total = await command("deno check src", ["deno", "check", "--quiet", "src"]);
  const preload = ["--preload", "scripts/deno-tap-preload.ts"];
  add(total, await direct("deno", ["deno", "run", "-A", "--quiet", ...preload]));
  return total;
}

/** Tests without tap's runner, which costs more per file than most unit tests; two at a time. */
async function direct(
  runtime: string,
  argv: readonly string[],
  pattern = "test/unit/**/*.test.ts",
): Promise<Count> {
  const files = globSync(pattern).sort();
  const total: Count = { passed: 0, failed: files.length === 0 ? 1 : 0 };
  const work = async () => {
    for (let file = files.shift(); file !== undefined; file = files.shift()) {
      const { code, output } = await run([...argv, file], { quiet: true, limitMs: 120_000 });
      const [, passed, failed] = /^# \{ total: \d+, pass: (\d+)(?:, fail: (\d+))?/m.exec(output) ??
        [];
      const failures = code === 0 && passed !== undefined ? 0 : Number(failed ?? 1);
      if (failures > 0) process.stdout.write(output);
      const label = `${runtime} ${file}: ${passed ?? 0}`;
      process.stdout.write(`${failures === 0 ? "ok" : "not ok"} - ${label}\n`);
      add(total, { passed: Number(passed ?? 0), failed: failures });
    }
  };
  await Promise.all([work(), work()]);
  return total;
}

/** The end-to-end tests share one three-node cluster, which is there before and gone after them. */
async function endToEnd(): Promise<Count> {
  // A prefix of its own: a demo that runs beside it is another cluster.
  process.env.PREFIX ??= "e2e";
  const keep = process.env.KEEP_CLUSTER === "1";
  const up = await run(["fixtures/kubernetes/prepare.sh", "3", "operator-deno"]);
  if (up.code !== 0) {
    process.stdout.write("not ok - the local cluster for the end-to-end tests did not start\n");
    return { passed: 0, failed: 1 };
  }
  try {
    return await tap(process.env.E2E ?? "test/e2e/**/*.test.ts", { jobs: 1, timeoutSeconds: 1800 });
  } finally {
    if (!keep) await run(["scripts/cluster.sh", "down"]);
  }
}

function add(total: Count, count: Count) {
  total.passed += count.passed;
  total.failed += count.failed;
}

const named = process.argv.slice(2);
const unknown = named.filter((name) => !LEVELS.some((level) => level.name === name));
if (unknown.length > 0) {
  const known = LEVELS.map((level) => level.name).join(", ");
  process.stderr.write(`no such level: ${unknown.join(", ")}; there are ${known}\n`);
  process.exit(2);
}

const total: Count = { passed: 0, failed: 0 };
for (const level of LEVELS.filter(({ name }) => named.length === 0 || named.includes(name))) {
  const start = performance.now();
  process.stdout.write(`\n== ${level.name}\n`);
  const count = await level.run();
  const seconds = Math.round((performance.now() - start) / 1000);
  process.stdout.write(`== ${level.name}: ${count.passed} + ${count.failed} in ${seconds} s\n`);
  add(total, count);
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
