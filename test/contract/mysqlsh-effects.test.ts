// What the stand-in leaves behind on the servers, with the agent's own account and the options that the
// agent uses: metadata, accounts, persisted settings. And the behaviour that recordings cannot show: two
// rejoins at once, faults on demand, signals, refusals by name.
import { spawn } from "node:child_process";
import { once } from "node:events";
import t, { type Test } from "tap";
import { AGENT_PASSWORD, AGENT_USER } from "../../fixtures/mysqld/mod.ts";
import { openStage, PROGRAM, type Stage } from "./mysqlsh-stage.ts";

t.setTimeout(300_000);
// The two clusters share nothing; one of them waits a minute for a join that must fail.
t.jobs = 2;

const METADATA = "mysql_innodb_cluster_metadata";
const CREATE = [
  ...["dba", "create-cluster", "main", "--communicationStack=MYSQL", "--gtidSetIsComplete=true"],
  ...["--manualStartOnBoot=true", "--expelTimeout=0", "--autoRejoinTries=2", "--memberWeight=60"],
  ...["--consistency=EVENTUAL", "--exitStateAction=READ_ONLY"],
];

t.test("one cluster, as the agent builds it", { buffered: true }, async (t) => {
  const stage = await openStage(t, 10_070);
  await Promise.all([4101, 4102, 4103].map((port) => stage.start(port)));
  await createAndJoin(t, stage);
  await rejoinAndReplace(t, stage);
  await faultsAndSignals(t, stage);
  await concurrentRejoins(t, stage);
});

/** Runs a command as the agent does; returns the outcome. */
async function agent(
  stage: Stage,
  port: number,
  command: string[],
  faults?: string,
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const session = ["--defaults-file=/dev/stdin", "--mysql", "--no-wizard", "--json=raw"];
  const server = ["--quiet-start=2", "--host=127.0.0.1", `--port=${port}`, "--"];
  return await stage.run([...session, ...server, ...command], {
    stdin: `[client]\nuser=${AGENT_USER}\npassword="${AGENT_PASSWORD}"\nssl-mode=REQUIRED\n`,
    ...(faults === undefined ? {} : { env: { MYSQLSH_FAULTS: faults } }),
  });
}

async function ok(t: Test, stage: Stage, port: number, ...command: string[]): Promise<void> {
  const outcome = await agent(stage, port, command);
  t.equal(outcome.exitCode, 0, command.join(" "));
  if (outcome.exitCode !== 0) t.comment(outcome.stdout);
}

async function createAndJoin(t: Test, stage: Stage): Promise<void> {
  await ok(t, stage, 4101, ...CREATE);
  await ok(t, stage, 4101, "cluster", "add-instance", "127.0.0.1:4102", "--label:str=main-1");
  await ok(t, stage, 4101, "cluster", "add-instance", "127.0.0.1:4103", "--recovery-method=clone");
  const [cluster] = await stage.server(4102).query(
    `SELECT cluster_name name, primary_mode mode, group_name = @@group_replication_group_name same ` +
      `FROM ${METADATA}.v2_gr_clusters`,
  );
  t.strictSame({ ...cluster }, { name: "main", mode: "pm", same: 1 }, "the cluster's row");
  const members = await stage.server(4103).query(
    `SELECT label, endpoint, attributes->>'$.recoveryAccountUser' user, attributes->>'$.server_id' id ` +
      `FROM ${METADATA}.v2_instances ORDER BY instance_id`,
  );
  t.strictSame(members.map((row) => stage.recorded(Object.values(row).join(" "))), [
    "127.0.0.1:4101 127.0.0.1:4101 mysql_innodb_cluster_3001 3001",
    "main-1 127.0.0.1:4102 mysql_innodb_cluster_3002 3002",
    "127.0.0.1:4103 127.0.0.1:4103 mysql_innodb_cluster_3003 3003",
  ], "the members' rows");
  for (const [port, id] of [[4101, 3001], [4102, 3002], [4103, 3003]] as const) {
    const [row] = await stage.server(port).query(
      "SELECT (SELECT USER FROM performance_schema.replication_connection_configuration WHERE " +
        "CHANNEL_NAME = 'group_replication_recovery') user, @@group_replication_start_on_boot boot, " +
        "@@group_replication_member_expel_timeout expel, @@group_replication_consistency consistency, " +
        "@@group_replication_communication_stack stack, @@group_replication_group_seeds seeds",
    );
    const others = [4101, 4102, 4103].filter((other) => other !== port);
    t.strictSame({ ...row, seeds: stage.recorded(String(row!.seeds)) }, {
      user: `mysql_innodb_cluster_${id}`,
      boot: 0,
      expel: 0,
      consistency: "EVENTUAL",
      stack: "MYSQL",
      seeds: others.map((other) => `127.0.0.1:${other}`).join(","),
    }, `settings of ${port}`);
  }
}

async function rejoinAndReplace(t: Test, stage: Stage): Promise<void> {
  await stage.server(4103).kill();
  await stage.eventually(4101, "MEMBER_STATE = 'ONLINE'", 2, "= 2");
  await stage.start(4103);
  const again = await agent(stage, 4101, ["cluster", "add-instance", "127.0.0.1:4103"]);
  t.equal(again.exitCode, 1, "a new volume at a registered address is not added");
  await ok(t, stage, 4101, "cluster", "remove-instance", "127.0.0.1:4103", "--force");
  await ok(t, stage, 4101, "cluster", "add-instance", "127.0.0.1:4103");
  await stage.server(4103).restart();
  await ok(t, stage, 4102, "cluster", "rejoin-instance", "127.0.0.1:4103");
  const wrong = await agent(stage, 4101, ["cluster", "set-option", "nope", "1"]);
  t.match(wrong.stdout, /ArgumentError: Option 'nope' not supported/);
  await stage.server(4103).stop();
  const partial = await agent(stage, 4101, ["cluster", "set-option", "expelTimeout", "1"]);
  t.match(partial.stdout, /requires all the cluster members to be ONLINE/);
  await stage.server(4103).start();
  await ok(t, stage, 4101, "cluster", "rejoin-instance", "127.0.0.1:4103");
  await ok(t, stage, 4101, "cluster", "set-option", "expelTimeout", "1");
}

async function faultsAndSignals(t: Test, stage: Stage): Promise<void> {
  const refused = await agent(stage, 4101, ["cluster", "fence-writes"]);
  t.equal(refused.exitCode, 70, "a command of the real Shell that is not here");
  t.match(refused.stderr, /does not know the operation 'cluster fence-writes'/);
  const marker = await stage.file("malformed", "");
  const fault = `malformed-json=${marker}`;
  const broken = await agent(stage, 4101, ["cluster", "status"], fault);
  t.throws(() => JSON.parse(broken.stdout), "malformed JSON once");
  const whole = await agent(stage, 4101, ["cluster", "status"], fault);
  t.equal((JSON.parse(whole.stdout) as { clusterName: string }).clusterName, "main", "and no more");
  const options = await stage.file("int.cnf", `[client]\nuser=root\npassword=rootpw\n`);
  const port = stage.server(4101).port;
  const child = spawn(process.execPath, [
    ...[PROGRAM, `--defaults-file=${options}`, "--no-wizard", "--json=raw", "--host=127.0.0.1"],
    ...[`--port=${port}`, "--", "cluster", "rescan"],
  ], { env: { MYSQLSH_FAULTS: "hold-locks=1500" }, stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  child.stdout.on("data", (chunk) => output += chunk);
  child.stdout.once("data", () => child.kill("SIGINT"));
  const [code, signal] = await once(child, "exit");
  t.strictSame([code, signal], [null, "SIGINT"], "SIGINT ends the process after the operation");
  t.match(output, /"metadataConsistent":true/, "which was finished");
}

/** Two members rejoin at once: the second run gives everybody other accounts under the first. */
async function concurrentRejoins(t: Test, stage: Stage): Promise<void> {
  await Promise.all([4102, 4103].map((port) => stage.server(port).restart()));
  const first = agent(
    stage,
    4101,
    ["cluster", "rejoin-instance", "127.0.0.1:4102"],
    "delay-start=9000",
  );
  await stage.eventuallyUses(4101, "mysql_innodb_cluster_3002");
  await ok(t, stage, 4101, "cluster", "rejoin-instance", "127.0.0.1:4103");
  const outcome = await first;
  t.equal(outcome.exitCode, 1, "the first rejoin fails");
  t.match(outcome.stdout, /Group Replication failed to start: MySQL Error 3092 \(HY000\)/);
  const [row] = await stage.server(4102).query("SELECT @@super_read_only locked");
  t.equal(row!.locked, 0, "and leaves its server writable");
  await ok(t, stage, 4101, "cluster", "rejoin-instance", "127.0.0.1:4102");
}

t.test("a multi-primary cluster", { buffered: true }, async (t) => {
  const stage = await openStage(t, 10_080);
  await Promise.all([4101, 4102].map((port) => stage.start(port)));
  const create = ["dba", "create-cluster", "multi", "--multiPrimary=true", "--manualStartOnBoot"];
  t.equal((await agent(stage, 4101, create)).exitCode, 1, "needs to be confirmed");
  await ok(t, stage, 4101, ...create, "--force=true");
  const join = ["127.0.0.1:4102", "--recoveryMethod=incremental"];
  await ok(t, stage, 4101, "cluster", "add-instance", ...join);
  await stage.server(4102).restart();
  await ok(t, stage, 4101, "cluster", "rejoin-instance", "127.0.0.1:4102");
  const { stdout } = await agent(stage, 4102, ["cluster", "status"]);
  t.match(stdout, /"topologyMode":"Multi-Primary"/);
  t.notMatch(stdout, /"primary":/);
  for (const port of [4101, 4102]) {
    const [row] = await stage.server(port).query("SELECT @@super_read_only locked");
    t.equal(row!.locked, 0, `${port} takes writes`);
  }
});
