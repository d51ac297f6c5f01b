// What is kept of a diverged member: real files in a folder, a server of the test's own that knows its logs.

import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t from "tap";
import { saveErrant } from "../../../src/agent/save-errant.ts";
import { parseGtidSet } from "../../../src/mysql/gtid.ts";
import type { Row, Session } from "../../../src/mysql/session.ts";
import { uuidOf } from "./builders.ts";

type Test = typeof t;

const [GROUP, OWN] = [uuidOf(0), uuidOf(1)];

/** Single transactions of a set. */
const expand = (set: string): string[] =>
  (parseGtidSet(set) ?? []).flatMap(({ source, first, last }) =>
    Array.from({ length: Number(last - first) + 1 }, (_, n) => `${source}:${Number(first) + n}`)
  );
const subtract = (a: string, b: string): string => {
  const within = new Set(expand(b));
  return expand(a).filter((one) => !within.has(one)).join(",");
};
const event = (Event_type: string, Info: string): Row => ({ Event_type, Info, End_log_pos: 4 });
const gtid = (one: string): Row => event("Gtid", `SET @@SESSION.GTID_NEXT= '${one}'`);

/** Three logs: the group's first transactions, then a mix of both, then the group's again. */
const LOGS: Record<string, Row[]> = {
  "binlog.000001": [event("Previous_gtids", ""), gtid(`${GROUP}:1`), event("Query", "CREATE a")],
  "binlog.000002": [
    event("Previous_gtids", `${GROUP}:1`),
    gtid(`${GROUP}:2`),
    event("Query", "CREATE b"),
    gtid(`${OWN}:1`),
    event("Query", "CREATE mine"),
    event("Xid", "COMMIT /* xid=1 */"),
    gtid(`${GROUP}:3`),
    event("Query", "CREATE c"),
  ],
  "binlog.000003": [
    event("Previous_gtids", `${GROUP}:1-3,${OWN}:1`),
    gtid(`${GROUP}:4`),
    event("Query", "CREATE d"),
  ],
};

function place(t: Pick<Test, "testdir">, purged = "") {
  const root = t.testdir({ volume: { data: {} } });
  const data = join(root, "volume/data");
  for (const name of [...Object.keys(LOGS), "relay-bin-group_replication_applier.000007"]) {
    writeFileSync(join(data, name), name);
  }
  const query = (sql: string, values: readonly unknown[] = []): Promise<Row[]> => {
    if (sql.startsWith("SHOW BINARY LOGS")) {
      return Promise.resolve(Object.keys(LOGS).map((Log_name) => ({ Log_name })));
    }
    if (sql.startsWith("SHOW BINLOG EVENTS")) return Promise.resolve(LOGS[String(values[0])] ?? []);
    if (sql.includes("GTID_SUBTRACT")) {
      return Promise.resolve([{ rest: subtract(String(values[0]), String(values[1])) }]);
    }
    const executed = `${GROUP}:1-4,${OWN}:1`;
    return Promise.resolve(
      sql.includes("gtid_executed") ? [{ executed, purged, threads: "" }] : [],
    );
  };
  const options = {
    session: { query } as unknown as Session,
    volumeDirectory: join(root, "volume"),
    dataDirectory: data,
    conflict: "",
  };
  return { options, errant: join(root, "volume/errant") };
}

t.test("saveErrant() keeps the logs that hold them, and lists them and nothing else", async (t) => {
  const { options } = place(t);
  const folder = await saveErrant({ ...options, errant: `${OWN}:1` });
  t.same(readdirSync(folder).sort(), ["binlog.000002", "transactions.txt"]);
  t.equal(readFileSync(join(folder, "binlog.000002"), "utf8"), "binlog.000002");
  const list = readFileSync(join(folder, "transactions.txt"), "utf8");
  t.match(list, `--include-gtids='${OWN}:1'`);
  t.match(list, /CREATE mine\n.*COMMIT/);
  for (const other of ["CREATE a", "CREATE b", "CREATE c", "CREATE d"]) t.notMatch(list, other);
  const { ino } = statSync(join(folder, "transactions.txt"));
  t.equal(await saveErrant({ ...options, errant: `${OWN}:1` }), folder);
  t.equal(statSync(join(folder, "transactions.txt")).ino, ino, "what is saved is not saved again");
});

t.test("saveErrant() keeps others that have the same GTIDs, as after a clone", async (t) => {
  const { options, errant } = place(t);
  const first = await saveErrant({ ...options, errant: `${OWN}:1` });
  writeFileSync(join(options.dataDirectory, "binlog.000002"), "other rows under the same name");
  const second = await saveErrant({ ...options, errant: `${OWN}:1` });
  t.not(second, first);
  t.equal(readFileSync(join(second, "binlog.000002"), "utf8"), "other rows under the same name");
  t.equal(readdirSync(errant).length, 2);
});

t.test("saveErrant() starts over after an interruption", async (t) => {
  const { options, errant } = place(t);
  const folder = await saveErrant({ ...options, errant: `${OWN}:1` });
  renameSync(folder, `${folder}.new`);
  writeFileSync(join(`${folder}.new`, "binlog.000001"), "half");
  await saveErrant({ ...options, errant: `${OWN}:1` });
  t.same(readdirSync(folder).sort(), ["binlog.000002", "transactions.txt"]);
  t.equal(readdirSync(errant).length, 1);
});

t.test("saveErrant() keeps relay logs when some were received and never applied", async (t) => {
  const { options } = place(t);
  const folder = await saveErrant({ ...options, errant: `${OWN}:1-2` });
  t.same(readdirSync(folder).sort(), [
    "binlog.000002",
    "relay-bin-group_replication_applier.000007",
    "transactions.txt",
  ]);
});

t.test("saveErrant() refuses when one is in no log any more, and leaves nothing half", async (t) => {
  const { options, errant } = place(t, `${OWN}:1`);
  await t.rejects(saveErrant({ ...options, errant: `${OWN}:1-2` }), /in no binary log any more/);
  t.notOk(existsSync(errant));
});

t.test("saveErrant() keeps every log of a member with other rows, closed ones as links", async (t) => {
  const { options, errant } = place(t);
  const conflict = "error 1062: Duplicate entry '7'\nfor key 'PRIMARY'";
  const folder = await saveErrant({ ...options, errant: "", conflict });
  const relayLog = "relay-bin-group_replication_applier.000007";
  t.same(readdirSync(folder).sort(), [...Object.keys(LOGS), relayLog, "transactions.txt"]);
  const list = readFileSync(join(folder, "transactions.txt"), "utf8");
  t.match(list, "# error 1062: Duplicate entry '7' for key 'PRIMARY'\n");
  t.notMatch(list, "CREATE", "nobody knows which, and all of them may be many");
  const links = (name: string): number => statSync(join(folder, name)).nlink;
  t.same(
    ["binlog.000001", "binlog.000003", relayLog].map(links),
    [2, 1, 1],
    "what is open is copied",
  );
  t.equal(await saveErrant({ ...options, errant: "", conflict }), folder);
  t.equal(readdirSync(errant).length, 1);
});

t.test("saveErrant() lists errant transactions also when it keeps every log", async (t) => {
  const { options } = place(t);
  const folder = await saveErrant({
    ...options,
    errant: `${OWN}:1`,
    conflict: "error 1032: no row",
  });
  t.ok(existsSync(join(folder, "binlog.000001")));
  const list = readFileSync(join(folder, "transactions.txt"), "utf8");
  t.match(list, /error 1032: no row[^]*CREATE mine/);
  t.notMatch(list, "CREATE a");
});
