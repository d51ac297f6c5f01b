// Command lines and what they lead to: values with their defaults, precedence, and refusals that name the
// flag and say what is allowed.

import t from "tap";
import {
  agentFlags,
  type Command,
  CONFIG_FILE,
  operatorFlags,
  parseCommandLine,
  UsageError,
  VERSION,
} from "../../src/config.ts";
import { parseDurationMs } from "../../src/flags.ts";

type Line = {
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  readonly file?: string;
};

function parse({ args, env = {}, file }: Line): Command {
  return parseCommandLine({
    args,
    env,
    readFile: (path) => path === CONFIG_FILE ? file : undefined,
  });
}

const IMAGE = "--mysql-agent-image=registry.example/op:1";
const AGENT = { MYSQL_CLUSTER_NAME: "main", POD_NAMESPACE: "db", POD_NAME: "main-0" };

const values: (Line & { name: string; config: Record<string, unknown> })[] = [
  {
    name: "defaults",
    args: ["operator", IMAGE],
    config: {
      watchNamespaces: [],
      workers: 5,
      leaderElect: true,
      minResyncPeriodMs: 600_000,
      clusterDomain: "cluster.local",
      metricsAddress: { address: "0.0.0.0", port: 8080 },
      healthAddress: { address: "0.0.0.0", port: 8081 },
      logLevel: "info",
      logFormat: "json",
      mysqlAgentImage: "registry.example/op:1",
      mysqlServerImage: "container-registry.oracle.com/mysql/community-server",
    },
  },
  {
    name: "a flag with its value as the next argument",
    args: ["operator", IMAGE, "--workers", "7"],
    config: { workers: 7 },
  },
  {
    name: "underscores for dashes",
    args: ["operator", "--mysql_agent_image=a/b:1"],
    config: { mysqlAgentImage: "a/b:1" },
  },
  { name: "one dash", args: ["operator", IMAGE, "-workers=7"], config: { workers: 7 } },
  {
    name: "a boolean without a value",
    args: ["operator", IMAGE, "--leader-elect", "--workers=2"],
    config: { leaderElect: true, workers: 2 },
  },
  {
    name: "a boolean off",
    args: ["operator", IMAGE, "--leader-elect=false"],
    config: { leaderElect: false },
  },
  {
    name: "both ways to name namespaces",
    args: ["operator", IMAGE, "--namespace=b", "--watch-namespaces=c, a,b"],
    config: { watchNamespaces: ["a", "b", "c"] },
  },
  {
    name: "an IPv6 address and an empty host",
    args: ["operator", IMAGE, "--health-address=[::1]:0", "--metrics-address=:9"],
    config: {
      healthAddress: { address: "::1", port: 0 },
      metricsAddress: { address: "0.0.0.0", port: 9 },
    },
  },
  {
    name: "the original's verbosity",
    args: ["operator", IMAGE, "--v=4"],
    config: { logLevel: "debug" },
  },
  {
    name: "the configuration file",
    args: ["operator"],
    file:
      "images: {mysqlAgent: a/b, defaultMysqlServer: c/d}\nminResyncPeriod: 1h30m\nnamespace: x\n",
    config: {
      mysqlAgentImage: "a/b",
      mysqlServerImage: "c/d",
      minResyncPeriodMs: 5_400_000,
      watchNamespaces: ["x"],
    },
  },
  {
    name: "flag before environment before file",
    args: ["operator", "--hostname=flag"],
    env: { OPERATOR_IMAGE: "env/op:1", POD_NAME: "env" },
    file: "images: {mysqlAgent: file/op}\nhostname: file\n",
    config: { hostname: "flag", mysqlAgentImage: "env/op:1" },
  },
  {
    name: "an empty variable counts as none",
    args: ["operator", IMAGE],
    env: { CLUSTER_DOMAIN: "" },
    config: { clusterDomain: "cluster.local" },
  },
  {
    name: "the agent's tag as in the original",
    args: ["operator", "--mysql-agent-image=host:5000/agent"],
    env: { MYSQL_AGENT_VERSION: "0.3.0" },
    config: { mysqlAgentImage: "host:5000/agent:0.3.0" },
  },
  {
    name: "the agent, from its environment",
    args: ["agent", "run"],
    env: { ...AGENT, POD_UID: "u" },
    config: {
      clusterName: "main",
      podNamespace: "db",
      podName: "main-0",
      podUid: "u",
      healthAddress: "0.0.0.0",
      healthPort: 10_512,
      port: 3306,
      runDirectory: "/run/mysql-operator",
      volumeDirectory: "/var/lib/mysql",
      rootPasswordFile: "/etc/mysql-operator/root/password",
    },
  },
  {
    name: "the agent, from the original's flags",
    args: [
      "agent",
      "init",
      "--cluster-name=c",
      "--namespace=n",
      "--hostname=c-1",
      "--address=127.0.0.1",
    ],
    config: { clusterName: "c", podNamespace: "n", podName: "c-1", healthAddress: "127.0.0.1" },
  },
];

for (const { name, config, ...line } of values) {
  t.test(`parseCommandLine() ${name}`, async (t) => {
    const command = parse(line);
    if (command.type === "print") throw new Error(command.text);
    const given = command.config as Record<string, unknown>;
    const chosen = Object.fromEntries(Object.keys(config).map((key) => [key, given[key]]));
    t.strictSame(chosen, config);
  });
}

const refusals: (Line & { name: string; says: RegExp })[] = [
  { name: "no command", args: [], says: /No command given\nUsage:/ },
  { name: "an unknown command", args: ["serve"], says: /Unknown command "serve"/ },
  {
    name: "an unknown agent command",
    args: ["agent", "stop"],
    says: /"stop": allowed are init, run/,
  },
  {
    name: "an unknown flag",
    args: ["operator", "--wat=1"],
    says: /--wat: allowed are --namespace, /,
  },
  { name: "an argument that is no flag", args: ["operator", "x"], says: /argument "x"/ },
  {
    name: "a flag without its value",
    args: ["operator", "--workers"],
    says: /--workers has no value/,
  },
  {
    name: "a number out of range",
    args: ["operator", IMAGE, "--workers=0"],
    says: /--workers.*from 1 to 100/,
  },
  {
    name: "no number",
    args: ["operator", IMAGE, "--workers=many"],
    says: /"many" is not a whole number/,
  },
  {
    name: "no duration",
    args: ["operator", IMAGE, "--min-resync-period=9"],
    says: /--min-resync-period.*30s/,
  },
  {
    name: "no boolean",
    args: ["operator", IMAGE, "--leader-elect=yes"],
    says: /--leader-elect.*true or false/,
  },
  {
    name: "no address",
    args: ["operator", IMAGE, "--health-address=8081"],
    says: /--health-address.*:8080/,
  },
  {
    name: "no port",
    args: ["operator", IMAGE, "--health-address=:99999"],
    says: /--health-address/,
  },
  {
    name: "no level",
    args: ["operator", IMAGE, "--log-level=trace"],
    says: /--log-level.*debug, info/,
  },
  {
    name: "no domain",
    args: ["operator", IMAGE, "--cluster-domain=a b"],
    says: /--cluster-domain.*DNS domain/,
  },
  {
    name: "no agent image",
    args: ["operator"],
    says: /--mysql-agent-image.*required.*OPERATOR_IMAGE/,
  },
  {
    name: "a bad variable",
    args: ["operator", IMAGE],
    env: { CLUSTER_DOMAIN: "-" },
    says: /--cluster-domain \(from CLUSTER_DOMAIN\)/,
  },
  {
    name: "a bad value in the file",
    args: ["operator", IMAGE],
    file: "minResyncPeriod: soon\n",
    says: /"minResyncPeriod" in .*mysql-operator-config\.yaml is wrong: "soon"/,
  },
  {
    name: "a file that is no YAML",
    args: ["operator", IMAGE],
    file: "a: [",
    says: /Cannot read .* as YAML/,
  },
  {
    name: "a Pod name without an ordinal",
    args: ["agent", "run"],
    env: { ...AGENT, POD_NAME: "main" },
    says: /--hostname.*ordinal/,
  },
  {
    name: "an agent without its Cluster",
    args: ["agent", "run"],
    says: /--cluster-name.*required/,
  },
];

for (const { name, says, ...line } of refusals) {
  t.test(`parseCommandLine() refuses ${name}`, async (t) => {
    t.throws(() => parse(line), { constructor: UsageError, message: says });
  });
}

t.test("help and version are printed", async (t) => {
  t.strictSame(parse({ args: ["version"] }), { type: "print", text: VERSION });
  t.strictSame(parse({ args: ["operator", "version"] }), { type: "print", text: VERSION });
  for (const [role, flags] of [["operator", operatorFlags], ["agent", agentFlags]] as const) {
    const command = parse({ args: [role, "--help"] });
    if (command.type !== "print") throw new Error(`${role} --help runs`);
    for (const { name, description } of flags) {
      t.match(command.text, `--${name} `);
      t.ok(command.text.includes(description), name);
    }
  }
});

t.test("durations have their unit in the field's name", async (t) => {
  for (const { name, type, unit } of [...operatorFlags, ...agentFlags]) {
    if (type === "duration") t.equal(unit, "ms", name);
  }
});

t.test("parseDurationMs() reads what Go writes", async (t) => {
  const rows: [string, number | undefined][] = [
    ["0", 0],
    ["250ms", 250],
    ["1.5s", 1500],
    ["12h", 43_200_000],
    ["1h30m", 5_400_000],
    ["10", undefined],
    ["1d", undefined],
    ["-1s", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of rows) t.equal(parseDurationMs(text), expected, `"${text}"`);
});
