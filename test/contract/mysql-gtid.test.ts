// A union of GTID sets is the text that the server itself has for it: plans are told apart by these texts.

import t from "tap";
import { unionGtidSets } from "../../src/mysql/gtid.ts";
import { openStage } from "./mysqlsh-stage.ts";

t.setTimeout(60_000);

const A = "7d5fc441-e6e4-11f1-a201-02fc00000001";
const B = "e5a0f4c8-e6e6-11f1-90ec-02fc00000001";
const SETS: readonly string[][] = [
  [`${B}:2`, `${A}:1`],
  [`${A}:1-3`, `${A}:4-5:9`],
  [`${A}:1-9`, `${A}:2-3:20`],
  [`${A.toUpperCase()}:mysqlsh:1-3`, `${A}:1-8:MySQLsh:3-5`],
  [`${A}:1:b:1:a:2:a_b:3:a1:4`],
  [`${A}:1-484:mysqlsh:1-82,\n${B}:mysqlsh:1-14`, `${A}:1-478:mysqlsh:1-79`],
  [`${A}:9223372036854775800-9223372036854775805`, `${A}:9223372036854775806`],
];

await t.test("unionGtidSets() writes as the server does", async (t) => {
  const stage = await openStage(t, 13_110);
  await stage.start(4101);
  for (const sets of SETS) {
    const [row] = await stage.server(4101).query(
      `SELECT GTID_SUBTRACT('${sets.join(",")}', '') all_`,
    );
    t.equal(unionGtidSets(...sets), String(row?.all_).replaceAll("\n", ""), sets.join(" and "));
  }
});
