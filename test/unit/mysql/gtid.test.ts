import t from "tap";
import {
  countTransactions,
  describeGtidSet,
  normaliseGtidSet,
  ofSource,
  parseGtidSet,
  unionGtidSets,
} from "../../../src/mysql/gtid.ts";

const A = "7d5fc441-e6e4-11f1-a201-02fc00000001";
const B = "e5a0f4c8-e6e6-11f1-90ec-02fc00000001";

const COUNTS: readonly [set: string, count: number][] = [
  ["", 0],
  [`${A}:1`, 1],
  [`${A}:1-10`, 10],
  [`${A}:1-10:20-29`, 20],
  [`${A}:1-4:mysqlsh:1-239`, 243],
  [`${A}:1-4:mysqlsh:1-239,\n${B}:7`, 244],
  [`${A}:1-4:one:1:two:2-3`, 7],
  ["not a set", 0],
  [`${A}:x-`, 0],
];

for (const [set, count] of COUNTS) {
  t.test(`countTransactions() of ${JSON.stringify(set)}`, (t) => {
    t.equal(countTransactions(set), count);
    t.end();
  });
}

t.test("parseGtidSet() keeps sources, tags and intervals", (t) => {
  t.same(parseGtidSet(`${A.toUpperCase()}:1-4:Tag:9`), [
    { source: A, tag: "", first: 1n, last: 4n },
    { source: A, tag: "tag", first: 9n, last: 9n },
  ]);
  t.same(parseGtidSet(" \n"), []);
  t.equal(parseGtidSet("uuid:1"), undefined);
  t.end();
});

t.test("texts", (t) => {
  t.equal(normaliseGtidSet(`${A}:1,\n ${B}:2`), `${A}:1,${B}:2`);
  t.equal(describeGtidSet(""), "(empty)");
  t.equal(
    describeGtidSet([A, A, A, A, A].map((uuid) => `${uuid}:1`).join(",")),
    `${[A, A, A].map((uuid) => `${uuid}:1`).join(",")} and 2 more sources`,
  );
  t.end();
});

const UNIONS: readonly [sets: string[], union: string][] = [
  [[], ""],
  [["", "\n"], ""],
  [["", `${A}:1`, "\n", `${B}:2`], `${A}:1,${B}:2`],
  [[`${B}:2`, `${A}:1`], `${A}:1,${B}:2`],
  [[`${A}:1,${B}:2-3`, `${A}:1,${B}:2`], `${A}:1,${B}:2-3`],
  [[`${A}:1-3`, `${A}:4-5:9`], `${A}:1-5:9`],
  [[`${A}:1-9`, `${A}:2-3:20`], `${A}:1-9:20`],
  [[`${A}:7:1-2`], `${A}:1-2:7`],
  [[`${A}:mysqlsh:1-3`, `${A}:1-8:MySQLsh:3-5`], `${A}:1-8:mysqlsh:1-5`],
  [[`${A}:1:b:1:a:2`], `${A}:1:a:2:b:1`],
  [
    [`${A}:1-484:mysqlsh:1-82,${B}:mysqlsh:1-14`, `${A}:1-478:mysqlsh:1-79`],
    `${A}:1-484:mysqlsh:1-82,${B}:mysqlsh:1-14`,
  ],
  [["what is no set", `${A}:1`], `whatisnoset,${A}:1`],
];

for (const [sets, union] of UNIONS) {
  t.test(`unionGtidSets() of ${JSON.stringify(sets)}`, (t) => {
    t.equal(unionGtidSets(...sets), union);
    t.end();
  });
}

t.test("ofSource() takes the tags of a source with it, and nothing of others", (t) => {
  const [a, b] = ["0".repeat(8), "1".repeat(8)].map((head) =>
    `${head}-1111-1111-1111-111111111111`
  );
  const set = `${a}:1-92:mysqlsh:1-29,\n${b}:mysqlsh:1-4`;
  t.equal(ofSource(set, `${b}`), `${b}:mysqlsh:1-4`);
  t.equal(ofSource(set, `${a}`), `${a}:1-92:mysqlsh:1-29`);
  t.equal(ofSource("", `${a}`), "");
  t.end();
});
