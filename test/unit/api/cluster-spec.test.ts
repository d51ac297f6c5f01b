import t from "tap";
import {
  clusterNameIssues,
  clusterSpecSchema,
  describeIssues,
  parseClusterSpec,
  UNAVAILABLE_FIELDS,
} from "../../../src/api/cluster.ts";
import { badNames, badSpecs, specSchema } from "./bad-specs.ts";
import { available, fullSpec, unavailable } from "./full-spec.ts";

t.test("parseClusterSpec() fills in the defaults of an empty spec", async (t) => {
  for (const [name, spec] of Object.entries({ empty: {}, absent: undefined, null: null })) {
    const result = parseClusterSpec(spec);
    t.strictSame(result, {
      ok: true,
      spec: {
        version: "9.7.4",
        members: 3,
        baseServerId: 1000,
        terminationGracePeriodSeconds: 120,
        services: { primary: { type: "ClusterIP" }, replicas: { type: "ClusterIP" } },
        recovery: { completeOutage: "Automatic", diverged: "Report" },
        groupReplication: {
          expelTimeoutSeconds: 0,
          unreachableMajorityTimeoutSeconds: 10,
          consistency: "BEFORE_ON_PRIMARY_FAILOVER",
          autoRejoinTries: 3,
        },
        deletionPolicy: "Retain",
        paused: false,
        multiPrimary: false,
        imagePullSecrets: [],
      },
    }, name);
  }
});

t.test("parseClusterSpec() takes a spec with every field", async (t) => {
  t.strictSame(parseClusterSpec(available), { ok: true, spec: available });
  t.ok(clusterSpecSchema.safeParse(fullSpec).success, "also those not available yet");
  const fields = Object.keys(specSchema.properties ?? {});
  const missing = fields.filter((field) => !(field in fullSpec));
  t.strictSame(missing, ["imagePullSecret", "multiMaster"], "the full spec is full");
});

t.test("parseClusterSpec() takes the original operator's names", async (t) => {
  const result = parseClusterSpec({ multiMaster: true, imagePullSecret: [{ name: "a" }] });
  t.match(result, { ok: true, spec: { multiPrimary: true, imagePullSecrets: [{ name: "a" }] } });
  t.notOk("spec" in result && "multiMaster" in result.spec);
});

t.test("parseClusterSpec() takes null for absent, also deep inside", async (t) => {
  t.match(parseClusterSpec({ members: null, affinity: null, resources: { server: null } }), {
    ok: true,
    spec: { members: 3, resources: { server: undefined } },
  });
});

t.test("parseClusterSpec() refuses every row of the table and names the path", async (t) => {
  t.ok(badSpecs.length > 300, `${badSpecs.length} rows`);
  const names = badSpecs.map(({ name }) => name);
  t.strictSame(names.filter((name, index) => names.indexOf(name) !== index), [], "no row twice");
  for (const { name, spec, path } of badSpecs) {
    const result = parseClusterSpec(spec);
    const paths = result.ok ? [] : result.issues.map((issue) => issue.path);
    t.ok(paths.includes(path), name, { paths, spec });
    if (!result.ok) t.ok(result.issues.every((issue) => issue.message && issue.remedy), name);
  }
});

t.test("parseClusterSpec() names all problems at once, each with a remedy", async (t) => {
  const result = parseClusterSpec({ version: "8.0.12", members: 10 });
  if (result.ok) {
    t.fail("was accepted");
    return;
  }
  t.equal(
    describeIssues(result.issues),
    "spec.version: this version of MySQL is not supported; use 8.0.34 or a newer 8.0, 8.4 or 9.7. " +
      "spec.members: Too big: expected number to be <=9; " +
      "kubectl explain mysqlcluster.spec.members says what it may be",
  );
});

t.test("UNAVAILABLE_FIELDS are exactly the fields that the full spec lists as such", async (t) => {
  t.strictSame(Object.keys(UNAVAILABLE_FIELDS).sort(), Object.keys(unavailable).sort());
});

t.test("clusterNameIssues() refuses what cannot name all derived objects", async (t) => {
  for (const { name, why } of badNames) {
    t.match(clusterNameIssues(name), [{ path: "metadata.name", remedy: /.+/ }], why);
  }
  for (const name of ["a", "main", "a".repeat(52), "a-1"]) {
    t.strictSame(clusterNameIssues(name), []);
  }
});

t.test("parseClusterSpec() survives any JSON", async (t) => {
  let seed = 1;
  const random = (limit: number): number => {
    seed = seed * 48271 % 2147483647;
    return seed % limit;
  };
  const keys = [
    ...Object.keys(specSchema.properties ?? {}),
    "name",
    "spec",
    "metadata",
    "requests",
  ];
  const any = (depth: number): unknown => {
    const kind = random(depth > 0 ? 8 : 6);
    if (kind < 6) return [null, true, random(1000) - 500, "", "9.7.4", 1e300][kind];
    const size = random(5);
    if (kind === 6) return Array.from({ length: size }, () => any(depth - 1));
    const entries = Array.from({ length: size }, () => [keys[random(keys.length)], any(depth - 1)]);
    return Object.fromEntries(entries);
  };
  for (let round = 0; round < 3000; round++) parseClusterSpec(any(4));
  t.pass("no exception");
});
