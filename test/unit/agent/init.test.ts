import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { initialise, type InitOptions } from "../../../src/agent/init.ts";
import { identityOf, parseAgentSettings, podOfMember } from "../../../src/agent/settings.ts";
import { silentLogger } from "../../../src/base/log.ts";

const POD = {
  clusterName: "main",
  podNamespace: "db",
  podName: "main-2",
  podUid: "uid",
  clusterDomain: "cluster.local",
  port: 3306,
};

function options(root: string, settings: object = {}): InitOptions {
  return {
    identity: identityOf(POD),
    settings: parseAgentSettings(JSON.stringify({ leaseName: "main-agent", ...settings })),
    runDirectory: join(root, "run"),
    volumeDirectory: "/var/lib/mysql",
    temporaryDirectory: "/tmp",
    userConfigFiles: [join(root, "user.cnf"), join(root, "missing.cnf")],
    rootPasswordFile: join(root, "root"),
    agentPasswordFile: join(root, "agent"),
    tlsDirectory: "/etc/ssl/mysql",
    log: silentLogger,
  };
}

const FILES = {
  root: "root-pw\n",
  agent: "agent-pw",
  "user.cnf": "[mysqld]\nsort_buffer_size=1M\n",
};

t.test("initialise() writes the instance's files, twice the same", async (t) => {
  const root = t.testdir({ ...FILES, run: {} });
  await initialise(options(root));
  const read = (name: string): string => readFileSync(join(root, "run", name), "utf8");
  const names = [
    "client.cnf",
    "init.sql",
    "take-over.sql",
    "initialize.cnf",
    "initialize.sh",
    "my.cnf",
    "mysqld.sh",
  ];
  t.same(readdirSync(join(root, "run")).sort(), [...names, "shell"].sort());
  t.match(read("my.cnf"), /^server_id = 1002$/m);
  t.match(read("my.cnf"), /^report_host = main-2\.main\.db\.svc\.cluster\.local$/m);
  t.match(read("my.cnf"), /^sort_buffer_size = 1M$/m);
  t.match(read("my.cnf"), /^super_read_only = ON$/m);
  t.notMatch(read("initialize.cnf"), /super_read_only|plugin_load_add|loose_/);
  t.match(read("client.cnf"), /^password="agent-pw"$/m);
  t.match(read("init.sql"), /IDENTIFIED BY 'root-pw'/, "without the line break at the end");
  const secret = names.filter((name) => /root-pw|agent-pw/.test(read(name)));
  t.same(secret, ["client.cnf", "init.sql", "take-over.sql"], "passwords are nowhere else");
  for (const name of secret) t.equal(statSync(join(root, "run", name)).mode & 0o777, 0o600, name);
  const before = names.map(read);
  await initialise(options(root));
  t.same(names.map(read), before);
});

t.test("initialise() with TLS", async (t) => {
  const root = t.testdir({ ...FILES, run: {} });
  await initialise(options(root, { tls: true }));
  t.match(
    readFileSync(join(root, "run/my.cnf"), "utf8"),
    /^ssl_cert = \/etc\/ssl\/mysql\/tls\.crt$/m,
  );
  t.match(readFileSync(join(root, "run/client.cnf"), "utf8"), /ssl-mode=VERIFY_CA/);
});

t.test("initialise() refuses what cannot work, and says why", async (t) => {
  const root = t.testdir({ ...FILES, root: "\n", run: {} });
  await t.rejects(initialise(options(root)), /root: it is empty/);
  const missing = t.testdir({ run: {}, root: "x" });
  await t.rejects(initialise(options(missing)), /ENOENT.*agent/);
});

t.test("identityOf()", (t) => {
  const identity = identityOf(POD);
  t.equal(identity.ordinal, 2);
  const host = "main-1.main.db.svc.cluster.local";
  t.same(identity.endpointOf(1), { host, port: 3306 });
  t.equal(podOfMember(identity, { host, port: 3306 }), "main-1");
  t.equal(podOfMember(identity, { host: "other", port: 3306 }), undefined);
  t.throws(() => identityOf({ ...POD, podName: "main" }), /does not end in an ordinal/);
  t.throws(() => parseAgentSettings("{}"));
  t.end();
});
