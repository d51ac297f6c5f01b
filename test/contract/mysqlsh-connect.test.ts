// The stand-in against the recorded A series: version, sessions, passwords, option files, unreachable
// servers, commands on a server without a cluster; S10, a server that accepts and never answers. And
// the start-up errors that the recording's notes describe.
import t from "tap";
import { USED } from "./mysqlsh-cases.ts";
import { openStage } from "./mysqlsh-stage.ts";

t.setTimeout(180_000);

await t.test("transcripts A and S10", async (t) => {
  const stage = await openStage(t, 10_000);
  await Promise.all([stage.start(4101), stage.start(4102)]);
  await stage.server(4102).query("SET GLOBAL super_read_only = ON");
  for (const name of USED.connect) {
    if (name.startsWith("S10")) stage.server(4102).freeze();
    await stage.replay(t, name);
  }
  t.strictSame(stage.replayed, USED.connect);
});

await t.test("start-up", async (t) => {
  const stage = await openStage(t, 10_000);
  const cases: {
    name: string;
    args: string[];
    exitCode: number;
    stdout?: string;
    stderr: string;
  }[] = [
    {
      name: "an unknown option",
      args: ["--nope", "--", "cluster", "status"],
      exitCode: 1,
      stderr: "mysqlsh: unknown option --nope\n",
    },
    {
      name: "--defaults-file that is not the first argument",
      args: [
        "--no-wizard",
        "--defaults-file=/t/pw.cnf",
        "--",
        "cluster",
        "status",
      ],
      exitCode: 1,
      stderr: "mysqlsh: unknown option --defaults-file\n",
    },
    {
      name: "Python that was never recorded",
      args: ["--py", "-e", "import os"],
      exitCode: 70,
      stderr: 'mysqlsh stand-in does not know the Python code "import os"\n',
    },
    {
      name: "an object that does not exist",
      args: ["--json=raw", "root:x@127.0.0.1:4199", "--", "nope", "status"],
      exitCode: 1,
      stderr: "",
      stdout: '{"warning":"Using a password on the command line interface can be insecure.\\n"}\n' +
        `{"error":"MySQL Error 2003 (HY000): Can't connect to MySQL server on '127.0.0.1:4199' (111)\\n"}\n`,
    },
  ];
  for (const { name, args, exitCode, stdout = "", stderr } of cases) {
    t.strictSame(await stage.run(args), { exitCode, stdout, stderr }, name);
  }
});
