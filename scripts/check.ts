// `npm run check`: everything that can be said about the sources without running the product.
// The parts are independent, so they run side by side; each prints only when it has something to say.

import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";
import process from "node:process";

const PARTS: readonly { readonly name: string; readonly argv: readonly [string, ...string[]] }[] = [
  { name: "types", argv: ["tsc"] },
  { name: "format", argv: ["deno", "fmt", "--check", "--quiet"] },
  { name: "lint", argv: ["deno", "lint", "--quiet"] },
  { name: "generated files", argv: ["node", "scripts/generate-crds.ts", "--check"] },
  { name: "architecture", argv: ["node", "test/unit/architecture.test.ts"] },
  { name: "docs", argv: ["node", "test/unit/docs.test.ts"] },
];

/** Runs one part; resolves to whether it passed, after printing its name, time and (if it failed) output. */
function run({ name, argv: [command, ...args] }: typeof PARTS[number]): Promise<boolean> {
  const start = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => output += chunk);
    child.stderr.on("data", (chunk) => output += chunk);
    child.on("error", (error) => output += `cannot start ${command}: ${error.message}\n`);
    child.on("close", (code) => {
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      process.stdout.write(
        `${code === 0 ? "ok    " : "failed"} ${seconds.padStart(5)} s  ${name}\n`,
      );
      if (code !== 0) process.stdout.write(output);
      resolve(code === 0);
    });
  });
}

const passed = await Promise.all(PARTS.map(run));
process.exitCode = passed.every(Boolean) ? 0 : 1;
