import { readFileSync } from "node:fs";
import t from "tap";
import {
  defaultSettings,
  enforcedSettings,
  type InstancePlace,
  isRefusedVariable,
  parseUserText,
  refusalReason,
  renderMyCnf,
} from "../../../src/mysql/my-cnf.ts";

const PLACE: InstancePlace = {
  serverId: 1002,
  reportHost: "main-2.main.db.svc.cluster.local",
  port: 3306,
  dataDirectory: "/var/lib/mysql/data",
  runDirectory: "/run/mysql-operator",
  temporaryDirectory: "/tmp",
  unreachableMajorityTimeoutSeconds: 10,
};
const GOLDEN = new URL("../../../fixtures/my-cnf/", import.meta.url);
const USER_TEXT = `# mine
[client]
user = nobody
[mysqld]
max-connections = 500
innodb_buffer_pool_size=1G
gtid_mode = OFF
skip-networking
plugin-load-add = audit.so
!include /etc/other.cnf
[mysqldump]
quick
[mysqld-9.7]
loose_keyring_file = "/keyring"
`;

function settings(text: string): Map<string, string | undefined> {
  const lines = text.split("\n").filter((line) => line !== "" && !/^[#[]/.test(line));
  return new Map(lines.map((line) => line.split(" = ") as [string, string | undefined]));
}

t.test("renderMyCnf() is what fixtures/my-cnf has", (t) => {
  const golden = (name: string) => readFileSync(new URL(name, GOLDEN), "utf8");
  t.equal(renderMyCnf({ place: PLACE }).text, golden("plain.cnf"));
  const mysqld = { max_connections: 900, innodb_io_capacity: "2000" };
  const full = { place: { ...PLACE, tlsDirectory: "/etc/ssl/mysql" }, userText: USER_TEXT, mysqld };
  t.equal(renderMyCnf(full).text, golden("full.cnf"));
  t.equal(renderMyCnf({ ...full, initialize: true }).text, golden("initialize.cnf"));
  t.end();
});

t.test("renderMyCnf() lets the later layer win", (t) => {
  const place = PLACE;
  const of = (userText: string, mysqld = {}) =>
    settings(renderMyCnf({ place, userText, mysqld }).text);
  t.equal(of("").get("local_infile"), "OFF", "our default");
  t.equal(of("[mysqld]\nlocal-infile=ON").get("local_infile"), "ON", "the user's file");
  t.equal(of("[mysqld]\nlocal-infile=ON", { local_infile: "OFF" }).get("local_infile"), "OFF");
  t.equal(of("[mysqld]\nloose_local_infile=ON").get("local_infile"), undefined, "replaced");
  t.equal(of("[mysqld]\nserver_id=7").get("server_id"), "1002", "enforced");
  t.end();
});

t.test("renderMyCnf() says which settings it left out", (t) => {
  const { ignored, text } = renderMyCnf({ place: PLACE, userText: USER_TEXT, mysqld: { port: 1 } });
  t.same(ignored.map(({ name }) => name), ["gtid_mode", "skip_networking", "port"]);
  t.ok(ignored.every(({ reason }) => reason.length > 10));
  t.match(text, /^plugin_load_add = audit\.so\nplugin_load_add = group_replication\.so$/m);
  t.notMatch(text, /nobody|quick|include/);
  t.end();
});

t.test("renderMyCnf() gives the same text for the same input in another order", (t) => {
  const one = renderMyCnf({ place: PLACE, mysqld: { a_one: 1, b_two: 2 } });
  const two = renderMyCnf({ place: PLACE, mysqld: { b_two: 2, a_one: 1 } });
  t.equal(one.text, two.text);
  t.end();
});

t.test("a value cannot smuggle in another line", (t) => {
  const { text } = renderMyCnf({ place: PLACE, mysqld: { a_one: "1\nserver_id=9" } });
  t.match(text, /^a_one = 1 server_id=9$/m);
  t.end();
});

t.test("refusalReason()", (t) => {
  for (
    const name of ["server_id", "server-id", "LOOSE-server_id", "skip-log-bin", "replicate-do-db"]
  ) {
    t.ok(isRefusedVariable(name), name);
  }
  for (const name of ["group_replication_group_name", "loose-group-replication-start-on-boot"]) {
    t.ok(isRefusedVariable(name), name);
  }
  for (const name of ["max_connections", "innodb_buffer_pool_size", "plugin_load_add"]) {
    t.equal(refusalReason(name), undefined, name);
  }
  t.end();
});

t.test("enforcedSettings are sorted, explained and no default of ours", (t) => {
  const names = enforcedSettings.map(({ name }) => name.replace(/^loose_/, ""));
  const sortable = enforcedSettings.map(({ name }) => name);
  t.same(sortable, sortable.toSorted(), "sorted");
  t.equal(new Set(names).size, names.length, "once each");
  for (const { name, reason } of enforcedSettings) t.ok(reason.length > 10, name);
  for (const name of Object.keys(defaultSettings)) t.notOk(isRefusedVariable(name), name);
  t.end();
});

t.test("parseUserText() reads what mysqld would", (t) => {
  t.same(parseUserText("[mysqld]\r\n a-b = 1 \n;c\n[server]\nd\n[mysqld-8.4]\ne=\n[x]\nf=1"), [
    ["a_b", "1"],
    ["d", undefined],
    ["e", ""],
  ]);
  t.same(parseUserText("a=1"), [], "outside a group");
  t.end();
});
