// When a live object counts as different from the desired one, and how that is said.

import t from "tap";
import { firstDifference } from "../../../src/controllers/difference.ts";
import {
  APPLIED_ANNOTATION,
  fingerprint,
  withFingerprint,
} from "../../../src/controllers/fingerprint.ts";
import type { KubeObject } from "../../../src/kube/object.ts";

const quantities = (cpu: string | number) => ({ resources: { requests: { cpu } } });

const rows: [string, object, object, string | undefined][] = [
  ["the same", { a: 1 }, { a: 1 }, undefined],
  [
    "defaults and other writers' fields do not count",
    { a: { b: 1 } },
    { a: { b: 1, c: 2 }, d: 3 },
    undefined,
  ],
  ["undefined is not desired", { a: undefined }, {}, undefined],
  ["another value", { spec: { replicas: 3 } }, { spec: { replicas: 1 } }, "spec.replicas 1 → 3"],
  ["a missing value", { spec: { type: "x" } }, { spec: {} }, 'spec.type nothing → "x"'],
  ["a missing map", { spec: { a: { b: 1 } } }, { spec: {} }, "spec.a is missing"],
  ["an empty map may be stored as nothing", { spec: { a: {} } }, { spec: {} }, undefined],
  ["an item too many", { a: [1] }, { a: [1, 2] }, "a has 2 → 1 items"],
  [
    "an item is called by its name",
    { containers: [{ name: "mysql", image: "b" }] },
    { containers: [{ name: "mysql", image: "a", extra: true }] },
    'containers.mysql.image "a" → "b"',
  ],
  ["the first path in order", { b: 1, a: 1 }, { b: 2, a: 2 }, "a 2 → 1"],
  ["quantities by value", quantities("1000m"), quantities("1"), undefined],
  ["a number as quantity", quantities(2), quantities("2"), undefined],
  ["another quantity", quantities("2"), quantities("1"), 'resources.requests.cpu "1" → "2"'],
  ["the same text elsewhere is no quantity", { a: "1000m" }, { a: "1" }, 'a "1" → "1000m"'],
  [
    "further owners do not count",
    { metadata: { ownerReferences: [{ uid: "a" }] } },
    { metadata: { ownerReferences: [{ uid: "a" }, { uid: "b" }] } },
    undefined,
  ],
  ["long values are cut", { a: "x".repeat(200) }, { a: "" }, `a "" → "${"x".repeat(58)}…`],
];

for (const [name, desired, live, expected] of rows) {
  t.test(`firstDifference() ${name}`, async (t) => {
    t.equal(firstDifference(desired, live), expected);
  });
}

t.test("fingerprint() changes with every field and not with the order of keys", async (t) => {
  const object: KubeObject = {
    apiVersion: "v1",
    kind: "X",
    metadata: { name: "a", labels: { b: "1", c: "2" } },
  };
  const reordered = {
    kind: "X",
    metadata: { labels: { c: "2", b: "1" }, name: "a" },
    apiVersion: "v1",
  };
  t.match(fingerprint(object), /^[0-9a-f]{16}$/);
  t.equal(fingerprint(reordered), fingerprint(object));
  t.not(fingerprint({ ...object, metadata: { name: "a" } }), fingerprint(object));
  t.equal(
    withFingerprint(object).metadata.annotations?.[APPLIED_ANNOTATION],
    fingerprint(object),
  );
});
