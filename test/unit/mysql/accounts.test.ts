import t from "tap";
import { renderInitSql, renderOptionFile } from "../../../src/mysql/accounts.ts";

const ACCOUNTS = {
  rootPassword: `r'o\\o"t\n`,
  agentUser: "mysqlagent",
  agentPassword: "pw",
  gtidTags: true,
};

t.test("renderInitSql() is one statement per line, not binlogged, with quoted passwords", (t) => {
  const lines = renderInitSql(ACCOUNTS).trimEnd().split("\n");
  t.equal(lines[0], "SET SESSION sql_log_bin = 0;");
  t.ok(lines.every((line) => line.endsWith(";")));
  t.ok(
    lines.includes(
      String.raw`ALTER USER IF EXISTS 'root'@'localhost' IDENTIFIED BY 'r\'o\\o"t\n';`,
    ),
  );
  t.ok(
    lines.some((line) => /CREATE USER IF NOT EXISTS 'mysqlagent'@'%' .* REQUIRE SSL;/.test(line)),
  );
  t.end();
});

t.test("renderInitSql() gives the agent nothing on application schemas", (t) => {
  const grants = renderInitSql(ACCOUNTS).split("\n").filter((line) => /TO 'mysqlagent'/.test(line));
  for (const grant of grants) {
    t.match(grant, / ON (\*\.\*|mysql\.\*|mysql_innodb_cluster_metadata\w*\.\*) TO /);
    if (/ ON \*\.\* /.test(grant)) t.notMatch(grant, /\b(INSERT|UPDATE|DELETE|DROP|ALL|SUPER)\b/);
  }
  t.end();
});

t.test("renderInitSql() leaves out what an older server does not know", (t) => {
  t.match(renderInitSql(ACCOUNTS), /TRANSACTION_GTID_TAG/);
  t.notMatch(renderInitSql({ ...ACCOUNTS, gtidTags: false }), /TRANSACTION_GTID_TAG/);
  t.end();
});

t.test("renderOptionFile()", (t) => {
  const text = renderOptionFile({ user: "mysqlagent", password: String.raw`a"b\c#d` });
  t.equal(
    text,
    `[client]\nuser="mysqlagent"\npassword="a\\"b\\\\c#d"\nprotocol=TCP\nssl-mode=REQUIRED\n`,
  );
  t.match(
    renderOptionFile({ user: "u", password: "p", caFile: "/ca.crt" }),
    /VERIFY_CA\nssl-ca="\/ca.crt"/,
  );
  for (const password of ["a\nb", "a\rb", "a\0b"]) {
    t.throws(() => renderOptionFile({ user: "u", password }), /must not contain a line break/);
  }
  t.end();
});
