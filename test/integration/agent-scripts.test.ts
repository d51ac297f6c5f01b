// The scripts with a real /bin/sh and a mysqld that is a script itself, told by files what to do.

import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { waitFor } from "../e2e/wait.ts";
import { renderInitializeScript, renderMark, renderServerScript } from "../../src/agent/scripts.ts";

const MARK = { cluster: "db/main", clusterUid: "uid", pod: "main-0" };
const LIMIT_MS = 20_000;

/** `--version`, or `--initialize-insecure` that makes a folder, or the next line of the file `ends`. */
const MYSQLD = `#!/bin/sh
[ "$1" = --version ] && { echo "/usr/sbin/mysqld  Ver $(cat version) for Linux on x86_64"; exit 0; }
echo "run parent=$MYSQLD_PARENT_PID $$" >> runs
for arg; do case "$arg" in --datadir=*) mkdir "\${arg#--datadir=}" && exit "$(cat initialize)";; esac; done
end=$(head -n 1 ends)
sed -i 1d ends
case "$end" in
  kill-*) kill "-\${end#kill-}" $$ ;;
  wait) trap 'echo stopped >> runs; exit 0' TERM; : > waiting; while :; do sleep 0.05; done ;;
  *) exit "$end" ;;
esac
`;

function place(t: Tap): { root: string; run(script: string): ReturnType<typeof start> } {
  const root = t.testdir({
    bin: { mysqld: MYSQLD },
    volume: {},
    run: {},
    version: "9.7.4",
    initialize: "0",
    ends: "",
  });
  chmodSync(join(root, "bin/mysqld"), 0o755);
  const places = { volumeDirectory: join(root, "volume"), runDirectory: join(root, "run") };
  writeFileSync(join(root, "initialize.sh"), renderInitializeScript(places, MARK));
  writeFileSync(join(root, "mysqld.sh"), renderServerScript(places));
  return { root, run: (script) => start(root, script) };
}

type Tap = Pick<typeof t, "testdir">;

function start(root: string, script: string) {
  const child = spawn("/bin/sh", [join(root, script)], {
    cwd: root,
    env: { PATH: `${join(root, "bin")}:/usr/bin:/bin` },
    timeout: LIMIT_MS,
  });
  let stderr = "";
  child.stderr.on("data", (chunk) => stderr += chunk);
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    // Not "exit": what was written last may not have been read yet then.
    child.once("close", (code) => resolve({ code, stderr }));
  });
  return { child, ended };
}

const read = (root: string, file: string): string => readFileSync(join(root, file), "utf8");

t.test("initialize.sh makes the data directory once", async (t) => {
  const { root, run } = place(t);
  mkdirSync(join(root, "volume/data.initializing"));
  t.match(await run("initialize.sh").ended, { code: 0 });
  t.ok(existsSync(join(root, "volume/data")));
  t.notOk(existsSync(join(root, "volume/data.initializing")), "the remains are gone");
  t.equal(read(root, "volume/instance"), renderMark(MARK));
  t.match(await run("initialize.sh").ended, { code: 0 });
  t.equal(read(root, "runs").trim().split("\n").length, 1, "the second run does nothing");
});

t.test("initialize.sh starts over after a failure", async (t) => {
  const { root, run } = place(t);
  writeFileSync(join(root, "initialize"), "1");
  const failed = await run("initialize.sh").ended;
  t.match(failed, { code: 1, stderr: /mysqld --initialize-insecure failed with exit code 1/ });
  t.notOk(existsSync(join(root, "volume/data")), "nothing that looks whole");
  writeFileSync(join(root, "initialize"), "0");
  t.match(await run("initialize.sh").ended, { code: 0 });
});

const REFUSED: readonly [name: string, mark: string | undefined, message: RegExp][] = [
  ["data that nobody marked", undefined, /was not made by this operator/],
  [
    "another Cluster's data",
    renderMark({ ...MARK, cluster: "db/other" }),
    /another Cluster: *cluster=db\/other/,
  ],
  ["another instance's data", renderMark({ ...MARK, pod: "main-1" }), /another instance/],
];

for (const [name, mark, message] of REFUSED) {
  t.test(`initialize.sh refuses ${name}`, async (t) => {
    const { root, run } = place(t);
    mkdirSync(join(root, "volume/data"));
    if (mark !== undefined) writeFileSync(join(root, "volume/instance"), mark);
    t.match(await run("initialize.sh").ended, { code: 1, stderr: message });
  });
}

t.test("initialize.sh takes over the data of an earlier Cluster of the name, once", async (t) => {
  const { root, run } = place(t);
  mkdirSync(join(root, "volume/data"));
  const earlier = renderMark({ ...MARK, clusterUid: "earlier" });
  writeFileSync(join(root, "volume/instance"), earlier);
  writeFileSync(join(root, "ends"), "7\n0\n");
  t.match(await run("initialize.sh").ended, {
    code: 1,
    stderr: /could not take over.*exit code 7/,
  });
  t.equal(read(root, "volume/instance"), earlier, "it is tried again");
  t.match(await run("initialize.sh").ended, { code: 0 });
  t.equal(read(root, "volume/instance"), renderMark(MARK));
  t.match(await run("initialize.sh").ended, { code: 0 });
  t.equal(read(root, "runs").trim().split("\n").length, 2, "the third run does nothing");
});

const VERSIONS: readonly [ran: string, runs: string, code: number][] = [
  ["9.7.4", "9.7.4", 0],
  ["9.7.5", "9.7.4", 0],
  ["8.4.6", "9.7.4", 0],
  ["9.7.4", "8.4.6", 1],
  ["8.4.0", "8.0.45", 1],
  ["9.10.0", "9.7.4", 1],
];

for (const [ran, runs, code] of VERSIONS) {
  t.test(`initialize.sh with data of ${ran} and a server ${runs}`, async (t) => {
    const { root, run } = place(t);
    mkdirSync(join(root, "volume/data"));
    writeFileSync(join(root, "volume/instance"), renderMark(MARK));
    const history = `{"file_format":"1","upgrade_history":[{"version":"8.0.1","x":1},` +
      `{"date":"d","version":"${ran}","maturity":"LTS"}]}`;
    writeFileSync(join(root, "volume/data/mysql_upgrade_history"), history);
    writeFileSync(join(root, "version"), runs);
    t.equal((await run("initialize.sh").ended).code, code);
  });
}

const ENDS: readonly [name: string, ends: string[], code: number, restarts: number][] = [
  ["ends normally", ["0"], 0, 0],
  ["fails", ["1"], 1, 0],
  ["asks for a restart", ["16", "16", "1"], 1, 2],
  ["is killed", ["kill-9", "kill-11", "7"], 7, 2],
  ["is killed too often", Array(9).fill("kill-9"), 137, 5],
  ["asks often, which is no crash", [...Array(7).fill("16"), "kill-9", "3"], 3, 8],
];

for (const [name, ends, code, restarts] of ENDS) {
  t.test(`mysqld.sh when mysqld ${name}`, async (t) => {
    const { root, run } = place(t);
    writeFileSync(join(root, "ends"), `${ends.join("\n")}\n`);
    const { child, ended } = run("mysqld.sh");
    t.equal((await ended).code, code);
    const lines = existsSync(join(root, "run/restarts")) ? read(root, "run/restarts") : "";
    t.equal(lines.split("\n").length - 1, restarts, "restarts noted");
    const runs = read(root, "runs").trim().split("\n");
    t.equal(runs.length, restarts + 1);
    t.ok(runs.every((line) => line.includes(`parent=${child.pid} `)), "mysqld knows its parent");
    t.notOk(existsSync(join(root, "run/mysqld.running")));
  });
}

t.test("mysqld.sh passes SIGTERM on and waits", async (t) => {
  const { root, run } = place(t);
  writeFileSync(join(root, "ends"), "wait\n");
  const { child, ended } = run("mysqld.sh");
  await waitFor("mysqld runs", LIMIT_MS, () => {
    return Promise.resolve(existsSync(join(root, "waiting")) || "not yet");
  });
  t.ok(existsSync(join(root, "run/mysqld.running")));
  child.kill("SIGTERM");
  t.equal((await ended).code, 0);
  t.match(read(root, "runs"), /stopped/);
  t.notOk(existsSync(join(root, "run/restarts")), "not started again");
});
