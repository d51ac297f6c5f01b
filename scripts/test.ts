// Runs the levels of the test suite that are named as arguments (all of them when none is) and adds
// up what they report. What each level needs was prepared by scripts/test.sh; a level whose means
// are missing fails and says which, it is never left out silently.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { resolve as resolvePath } from "node:path";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { failuresOf } from "./tap-failures.ts";

type Count = { passed: number; failed: number };
type Runtime = { readonly name: string; readonly argv: readonly string[] };
type Level = {
  readonly name: string;
  readonly run: () => Promise<Count>;
  /** Only computes: it goes on beside the levels after it, with what they leave of the processors. */
  readonly beside?: boolean;
};

const UNIT = "test/unit/**/*.test.ts";
const MODEL = "test/model/*.test.ts";
const SIMULATION = "test/simulation/*.test.ts";
/** What the client and the runtime must do on every runtime that the product may run on. */
const ON_ALL_RUNTIMES = "test/contract/{kube,runtime}-*.test.ts";
const NODE: Runtime = { name: "node", argv: ["node"] };
const DENO: Runtime = {
  name: "deno",
  argv: ["deno", "run", "-A", "--quiet", "--preload", "scripts/deno-tap-preload.ts"],
};
const NICE = ["nice", "-n", "19"];
const beside = ({ name, argv }: Runtime): Runtime => ({ name, argv: [...NICE, ...argv] });
const packaged = (name: string): Runtime => ({
  name,
  argv: [`node_modules/${name}-linux-x64/bin/node`],
});
/** The oldest Node.js that is supported. */
const NODE22 = packaged("node22");
/** The one with long-term support. */
const NODE24 = packaged("node24");

const LEVELS: readonly Level[] = [
  { name: "check", run: () => command("npm run check", ["node", "scripts/check.ts"]) },
  { name: "unit", run: () => direct(NODE, UNIT) },
  { name: "model", run: () => direct(NODE, MODEL) },
  { name: "simulation", run: () => direct(beside(NODE), SIMULATION, 3600), beside: true },
  { name: "deno", run: onDeno, beside: true },
  {
    name: "contract",
    run: () => tap("test/contract/**/*.test.ts", { jobs: 2, timeoutSeconds: 600 }),
  },
  { name: "runtimes", run: onOtherRuntimes },
  {
    name: "integration",
    run: () => tap("test/integration/**/*.test.ts", { jobs: 2, timeoutSeconds: 900 }),
  },
  { name: "e2e", run: endToEnd },
];

/** Texts to be repeated at the end. */
const failures: string[] = [];

type RunOptions = {
  readonly quiet?: boolean;
  readonly limitMs?: number;
  readonly env?: Record<string, string>;
};

/** Runs a program to its end; resolves to its exit code and everything it printed. */
function run(argv: readonly string[], { quiet = false, limitMs, env }: RunOptions = {}) {
  const [file = "", ...args] = argv;
  return new Promise<{ code: number; signal?: string | null; output: string }>((resolve) => {
    const stdio = ["ignore", "pipe", quiet ? "pipe" : "inherit"] as const;
    const limits = { timeout: limitMs, killSignal: "SIGKILL" } as const;
    const child = spawn(file, args, {
      stdio: [...stdio],
      ...limits,
      env: { ...process.env, ...env },
    });
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
    child.on("close", (code, signal) => resolve({ code: code ?? 1, signal, output }));
  });
}

async function command(name: string, argv: readonly string[]): Promise<Count> {
  const { code } = await run(argv);
  process.stdout.write(`${code === 0 ? "ok" : "not ok"} - ${name}\n`);
  if (code !== 0) repeat([], `${name}: exit code ${code}`);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function tap(
  pattern: string,
  limits: { jobs: number; timeoutSeconds: number },
): Promise<Count> {
  const files = globSync(pattern).sort();
  if (files.length === 0) return nothing(`no test matches ${pattern}`);
  buildTap();
  const flags = [`--jobs=${limits.jobs}`, `--timeout=${limits.timeoutSeconds}`];
  const { code, output } = await run(["tap", ...flags, ...files]);
  const [, passed = "0", failed = "0"] = /^(\d+) passed, (\d+) failed/m.exec(output) ?? [];
  if (code !== 0) repeat(failuresOf(output), `tap ${pattern}: exit code ${code}`);
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
  const total = await command("deno check src", [...NICE, "deno", "check", "--quiet", "src"]);
  add(total, await direct(beside(DENO), UNIT));
  return total;
}

/** The newest Node.js has run them in `unit` and `contract`, Deno the unit tests in `deno`. */
async function onOtherRuntimes(): Promise<Count> {
  const total = await direct(NODE22, UNIT);
  for (const runtime of [NODE22, NODE24, DENO]) add(total, await direct(runtime, ON_ALL_RUNTIMES));
  return total;
}

// Deno 2.9.6 itself dies now and then when a connection ends (nghttp2: find_stream_on_goaway_func): in one of ten
// runs of `kube-soak`, whatever the test. Such a death is told, and the file has one more try.
async function runFile(argv: readonly string[], options: RunOptions) {
  const first = await run(argv, options);
  if (!argv.includes("deno") || !["SIGABRT", "SIGSEGV"].includes(first.signal ?? "")) return first;
  process.stdout.write(`Deno died of ${first.signal} in ${argv.at(-1)}: once more\n`);
  return await run(argv, options);
}

/** Test files without tap's runner, which costs more per file than most of them; two at a time. */
async function direct(runtime: Runtime, pattern: string, limitSeconds = 240): Promise<Count> {
  const files = globSync(pattern).sort();
  if (files.length === 0) return nothing(`no test matches ${pattern}`);
  const total: Count = { passed: 0, failed: 0 };
  const work = async () => {
    for (let file = files.shift(); file !== undefined; file = files.shift()) {
      const { code, output } = await runFile([...runtime.argv, file], {
        quiet: true,
        limitMs: limitSeconds * 1000,
        env: {
          TAP_TIMEOUT: String(limitSeconds - 20), // a test that is late still says where it hung
          // Node.js keeps what it made of the sources: half of the time of a small file.
          NODE_COMPILE_CACHE: resolvePath("node_modules/.cache/compiled"),
        },
      });
      const [, passed, failed] =
        /^# \{ total: \d+(?:, pass: (\d+))?(?:, fail: (\d+))?/m.exec(output) ??
          [];
      const failedHere = code === 0 && passed !== undefined ? 0 : Number(failed ?? 1);
      const label = `${runtime.name} ${file}`;
      if (failedHere > 0) {
        process.stdout.write(output);
        repeat(failuresOf(output, label), `${label}: exit code ${code}`);
      }
      process.stdout.write(`${failedHere === 0 ? "ok" : "not ok"} - ${label}: ${passed ?? 0}\n`);
      add(total, { passed: Number(passed ?? 0), failed: failedHere });
    }
  };
  await Promise.all([work(), work()]);
  return total;
}

/** Has them said again at the end; the other text if there are none. */
function repeat(said: readonly string[], otherwise: string) {
  failures.push(...said.length > 0 ? said : [otherwise]);
}

function nothing(why: string): Count {
  process.stdout.write(`not ok - ${why}\n`);
  repeat([], why);
  return { passed: 0, failed: 1 };
}

/** The end-to-end tests share one three-node cluster, which is there before and gone after them. */
async function endToEnd(): Promise<Count> {
  // A prefix of its own: a demo that runs beside it is another cluster.
  process.env.PREFIX ??= "e2e";
  const keep = process.env.KEEP_CLUSTER === "1";
  const up = await run(["fixtures/kubernetes/prepare.sh", "3", "operator-deno"]);
  if (up.code !== 0) return nothing("the local cluster for the end-to-end tests did not start");
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

const MOST_REPEATED = 30;
const named = process.argv.slice(2);
const unknown = named.filter((name) => !LEVELS.some((level) => level.name === name));
if (unknown.length > 0) {
  const known = LEVELS.map((level) => level.name).join(", ");
  process.stderr.write(`no such level: ${unknown.join(", ")}; there are ${known}\n`);
  process.exit(2);
}

const total: Count = { passed: 0, failed: 0 };
async function runLevel(level: Level): Promise<void> {
  const start = performance.now();
  process.stdout.write(`\n== ${level.name}\n`);
  const count = await level.run();
  const seconds = Math.round((performance.now() - start) / 1000);
  process.stdout.write(`== ${level.name}: ${count.passed} + ${count.failed} in ${seconds} s\n`);
  add(total, count);
}

const goingOn: Promise<void>[] = [];
for (const level of LEVELS.filter(({ name }) => named.length === 0 || named.includes(name))) {
  const running = runLevel(level);
  if (level.beside) goingOn.push(running);
  else await running;
}
await Promise.all(goingOn);
// The middle of a long log is easily lost: what failed is said again where everybody looks.
for (const failure of failures.slice(0, MOST_REPEATED)) {
  process.stdout.write(`\nfailed: ${failure}\n`);
}
if (failures.length > MOST_REPEATED) {
  process.stdout.write(
    `\n... and ${failures.length - MOST_REPEATED} further failures, see above\n`,
  );
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
