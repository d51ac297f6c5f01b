import t from "tap";
import { type ShellCall, shellRequest } from "../../../src/mysql/shell-request.ts";

const PLACES = {
  file: "mysqlsh",
  optionFile: "/run/mysql-operator/client.cnf",
  workDirectory: "/run/mysql-operator/shell",
  path: "/usr/bin",
};
const SESSION = { host: "main-0.main.db.svc.cluster.local", port: 3306 };
const TARGET = { host: "main-1.main.db.svc.cluster.local", port: 3306 };

const TABLE: readonly [ShellCall, readonly string[]][] = [
  [
    {
      type: "create-cluster",
      name: "main",
      options: {
        multiPrimary: false,
        expelTimeoutSeconds: 0,
        autoRejoinTries: 3,
        consistency: "EVENTUAL",
      },
    },
    [
      "dba",
      "create-cluster",
      "main",
      "--communicationStack=MYSQL",
      "--gtidSetIsComplete=true",
      "--manualStartOnBoot=true",
      "--exitStateAction=OFFLINE_MODE",
      "--expelTimeout=0",
      "--autoRejoinTries=3",
      "--consistency:str=EVENTUAL",
    ],
  ],
  [
    {
      type: "create-cluster",
      name: "main",
      options: { multiPrimary: true, expelTimeoutSeconds: 5, autoRejoinTries: 0 },
    },
    [
      "dba",
      "create-cluster",
      "main",
      "--communicationStack=MYSQL",
      "--gtidSetIsComplete=true",
      "--manualStartOnBoot=true",
      "--exitStateAction=OFFLINE_MODE",
      "--expelTimeout=5",
      "--autoRejoinTries=0",
      "--multiPrimary=true",
      "--force=true",
    ],
  ],
  [
    { type: "add-instance", target: TARGET, label: "main-1", method: "clone" },
    [
      "cluster",
      "add-instance",
      "main-1.main.db.svc.cluster.local:3306",
      "--recoveryMethod=clone",
      "--recoveryProgress=0",
      "--label:str=main-1",
    ],
  ],
  [
    { type: "rejoin-instance", target: TARGET },
    ["cluster", "rejoin-instance", `${TARGET.host}:3306`, "--recoveryProgress=0"],
  ],
  [
    { type: "rejoin-instance", target: TARGET, method: "clone" },
    [
      "cluster",
      "rejoin-instance",
      `${TARGET.host}:3306`,
      "--recoveryMethod=clone",
      "--recoveryProgress=0",
    ],
  ],
  [
    { type: "remove-instance", target: TARGET, force: true },
    ["cluster", "remove-instance", `${TARGET.host}:3306`, "--force=true"],
  ],
  [
    { type: "set-primary-instance", target: TARGET, runningTransactionsTimeoutSeconds: 10 },
    [
      "cluster",
      "set-primary-instance",
      `${TARGET.host}:3306`,
      "--runningTransactionsTimeout=10",
    ],
  ],
  [
    { type: "reboot-cluster", name: "main", seed: TARGET, force: false },
    [
      "dba",
      "reboot-cluster-from-complete-outage",
      "main",
      `--primary=${TARGET.host}:3306`,
      "--force=false",
    ],
  ],
  [{ type: "status" }, ["cluster", "status"]],
];

for (const [call, expected] of TABLE) {
  t.test(`shellRequest() of ${JSON.stringify(call)}`, (t) => {
    const request = shellRequest(call, SESSION, PLACES);
    const at = request.args.indexOf("--");
    t.same(request.args.slice(at + 1), expected);
    t.equal(request.args[0], "--defaults-file=/run/mysql-operator/client.cnf", "must be first");
    t.ok(request.args.includes("--no-wizard"), "nothing may ask");
    t.ok(request.args.includes("--json=raw"));
    t.notOk(request.args.some((arg) => /password/i.test(arg)), "no password on the command line");
    t.notOk("MYSQL_PWD" in request.env);
    t.equal(request.stdin, undefined, "nothing to read a prompt's answer from");
    t.end();
  });
}

t.test("shellRequest() passes nothing that could be taken for something else", (t) => {
  const call: ShellCall = { type: "status" };
  for (const host of ["-host", "a b", "h;x", "user@host", "", "h:1", "{"]) {
    t.throws(() => shellRequest(call, { host, port: 3306 }, PLACES), /Cannot pass host/, host);
  }
  const options = { multiPrimary: false, expelTimeoutSeconds: 0, autoRejoinTries: 3 };
  for (const name of ["-c", "9c", "a,b", ""]) {
    const create: ShellCall = { type: "create-cluster", name, options };
    t.throws(() => shellRequest(create, SESSION, PLACES), /Cannot create cluster/, name);
  }
  const label = `a"b,c=d\\e'f`;
  const add: ShellCall = { type: "add-instance", target: TARGET, label, method: "incremental" };
  t.equal(shellRequest(add, SESSION, PLACES).args.at(-1), `--label:str=a\\"b\\,c\\=d\\\\e\\'f`);
  t.end();
});
