// Real processes: what happens to one that ends, is missing, talks without end, or does not want to end.

import process from "node:process";
import t from "tap";
import { systemClock } from "../../../src/base/clock.ts";
import { parsePing, pingRequest } from "../../../src/mysql/admin.ts";
import { createExec, type ExecRequest } from "../../../src/mysql/exec.ts";

const exec = createExec(systemClock);
const NEVER = new AbortController().signal;

function sh(script: string, changes: Partial<ExecRequest> = {}): ExecRequest {
  const base = { env: { PATH: "/usr/bin:/bin" }, timeoutMs: 30_000, killAfterMs: 30_000 };
  return { file: "/bin/sh", args: ["-c", script], ...base, ...changes };
}

t.test("exec() returns output and exit code", async (t) => {
  const result = await exec(sh("echo out; echo err >&2; exit 3"), NEVER);
  t.match(result, { code: 3, signal: null, stdout: "out\n", stderr: "err\n", timedOut: false });
});

t.test("exec() passes the given environment and input, and nothing of its own", async (t) => {
  process.env["EXEC_TEST_SECRET"] = "inherited";
  t.teardown(() => delete process.env["EXEC_TEST_SECRET"]);
  const request = sh("env | sort; cat", { env: { PATH: "/usr/bin:/bin", A: "1" }, stdin: "input" });
  const { stdout } = await exec(request, NEVER);
  // The test runner adds variables of its own to every child, so they are not compared as a whole.
  const lines = stdout.split("\n");
  t.ok(lines.includes("A=1") && lines.includes("PATH=/usr/bin:/bin"), "what was given");
  t.equal(lines.at(-1), "input");
  t.notMatch(stdout, /EXEC_TEST_SECRET/, "nothing of the parent's");
});

t.test("exec() tells a missing program from a failing one", async (t) => {
  const result = await exec({ ...sh(""), file: "/no/such/program" }, NEVER);
  t.match(result, { code: null, error: /ENOENT/ });
});

t.test("exec() keeps no more than its limit", async (t) => {
  const result = await exec(sh("head -c 100000 /dev/zero >&2"), NEVER);
  t.equal(result.stderr.length, 64 << 10);
});

t.test("exec() interrupts when time is up", async (t) => {
  const script = "trap 'echo finished; exit 0' INT; while :; do sleep 0.1; done";
  const result = await exec(sh(script, { timeoutMs: 300 }), NEVER);
  t.match(result, { code: 0, stdout: "finished\n", timedOut: true });
});

t.test("exec() kills what does not mind an interrupt", async (t) => {
  const script = "trap '' INT; while :; do sleep 0.1; done";
  const result = await exec(sh(script, { timeoutMs: 200, killAfterMs: 200 }), NEVER);
  t.match(result, { code: null, signal: "SIGKILL", timedOut: true });
});

t.test("exec() interrupts when it is aborted", async (t) => {
  const result = await exec(sh("exec sleep 60"), AbortSignal.abort());
  t.match(result, { code: null, signal: "SIGINT", timedOut: false });
});

const PINGS: readonly [name: string, code: number, stderr: string, state: string][] = [
  ["alive", 0, "", "alive"],
  ["refused by the server", 0, "mysqladmin: ... Access denied for user", "alive"],
  ["nobody listens", 1, "error: 'Can't connect to MySQL server on '127.0.0.1:3306' (111)'", "down"],
  ["it went away", 1, "ERROR 2013 (HY000): Lost connection", "down"],
  ["no secure connection", 1, "ERROR 2061 (HY000): Authentication plugin ...", "unusable"],
];

for (const [name, code, stderr, state] of PINGS) {
  t.test(`parsePing() when ${name}`, (t) => {
    const result = { code, signal: null, stdout: "", stderr, timedOut: false };
    t.equal(parsePing(result).state, state);
    t.end();
  });
}

t.test("pingRequest() has no password", (t) => {
  const places = { file: "mysqladmin", optionFile: "/run/client.cnf", path: "/usr/bin" };
  const { args, env } = pingRequest({ host: "127.0.0.1", port: 3306 }, places);
  t.equal(args[0], "--defaults-file=/run/client.cnf");
  t.notMatch(JSON.stringify([args, env]), /password|PWD/i);
  t.end();
});
