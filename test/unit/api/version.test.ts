import t from "tap";
import {
  compareVersions,
  isSupportedVersion,
  parseVersion,
  seriesOf,
} from "../../../src/api/version.ts";

t.test("isSupportedVersion() takes what MySQL publishes of the supported series", async (t) => {
  for (
    const text of [
      "8.0",
      "8.0.34",
      "8.0.99",
      "8.4",
      "8.4.0",
      "9.7",
      "9.7.4",
      "9.7.4-2",
      "8.4.6-1.2.13-server",
    ]
  ) {
    t.ok(isSupportedVersion(text), text);
  }
  for (
    const text of [
      "8.0.12",
      "8.0.33",
      "5.7.44",
      "8.1.0",
      "8.3.0",
      "9.0.1",
      "9.6.0",
      "9.70",
      "10.11",
      "latest",
      "",
    ]
  ) {
    t.notOk(isSupportedVersion(text), text);
  }
});

t.test("parseVersion() gives the parts", async (t) => {
  t.strictSame(parseVersion("9.7.4-2"), { major: 9, minor: 7, patch: 4, revision: "2" });
  t.strictSame(parseVersion("8.4"), { major: 8, minor: 4 });
  t.strictSame(parseVersion("9.7.4-log"), { major: 9, minor: 7, patch: 4, revision: "log" });
  for (const text of ["", "9", "9.x", "latest", "v9.7.4"]) {
    t.equal(parseVersion(text), undefined, text);
  }
});

t.test("compareVersions() orders", async (t) => {
  const rows: [string, string, number][] = [
    ["8.0.34", "8.4.0", -1],
    ["9.7.4", "8.4.6", 1],
    ["9.7.4", "9.7.10", -1],
    ["9.7.4", "9.7.4", 0],
    ["9.7.4-2", "9.7.4", 1],
    ["9.7.4-2", "9.7.4-10", -1],
    ["9.7.4-debian", "9.7.4", 0],
    ["8.4", "8.4.6", 0],
    ["8.4", "9.7.4", -1],
  ];
  for (const [a, b, sign] of rows) {
    const [left, right] = [parseVersion(a), parseVersion(b)];
    if (left === undefined || right === undefined) throw new Error(`${a} or ${b} is no version`);
    t.equal(Math.sign(compareVersions(left, right)), sign, `${a} and ${b}`);
    t.equal(Math.sign(compareVersions(right, left)), 0 - sign, `${b} and ${a}`);
  }
  t.equal(seriesOf({ major: 8, minor: 4, patch: 6 }), "8.4");
});
