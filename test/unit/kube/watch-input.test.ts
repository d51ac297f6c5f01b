import t from "tap";
import { parseBeginning, readRest } from "../../../src/kube/watch-input.ts";

const FIELDS = {
  "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
  "f:spec": { 'k:{"name":"a","port":1}': { ".": {}, "f:image": {} } },
};
const entry = (fieldsV1: unknown = FIELDS) => ({ manager: "m", operation: "Update", fieldsV1 });
const managed = (...entries: unknown[]) => ({ managedFields: entries });

/** Those in which spec can be left unparsed; in the others nothing is. */
const DEFERRED = new Set([
  "as the server writes it",
  "two entries",
  "none",
]);

type Line = { type: string; object: { metadata?: { managedFields?: unknown } } };

/** Situations: the object of a line, in the order in which its fields are written. */
const SITUATIONS: Record<string, object> = {
  "as the server writes it": {
    kind: "Pod",
    metadata: { name: "a", ...managed(entry()) },
    spec: {},
  },
  "in the middle of metadata": { metadata: { ...managed(entry()), name: "a", labels: { x: "y" } } },
  "two entries": { metadata: { name: "a", ...managed(entry(), entry()) }, spec: { list: [{}] } },
  "none": { metadata: { name: "a" }, spec: { list: [{ a: 1 }] } },
  "an empty list before another": {
    metadata: { managedFields: [], ownerReferences: [{ uid: "1" }], name: "a" },
  },
  "null": { metadata: { managedFields: null, name: "a" }, spec: { list: [{}] } },
  "entries that are not objects": { metadata: { managedFields: [1, "x"], name: "a" } },
  "a string that looks like the end": {
    metadata: { name: "a", ...managed(entry({ "f:}],": {}, 'v:"}]"': {} }), entry()) },
    spec: { after: "}]" },
  },
  "a string that looks like an end and a new beginning": {
    metadata: { name: "a", ...managed(entry({ '}],"spec":{"x":[{': {} })) },
    spec: { x: 1 },
  },
  "an end in the object's very last string": {
    metadata: { name: "a", ...managed(entry({ "f:}]}}": {} })) },
  },
  "arrays inside": {
    metadata: { name: "a", ...managed(entry({ list: [{ b: [{}] }] })) },
    spec: {},
  },
  "a field of that name elsewhere, and in metadata": {
    data: managed({ mine: true }),
    metadata: { name: "a", ...managed(entry()) },
  },
  "a field of that name only elsewhere": {
    metadata: { name: "a" },
    spec: { template: { metadata: managed(entry()) } },
  },
  "the text of such a field in a string": {
    metadata: { name: "a", annotations: { last: JSON.stringify({ metadata: managed(entry()) }) } },
  },
  "a string with a backslash before its end": {
    metadata: { name: "a", ...managed(entry({ "f:\\": {}, 'f:\\"}]': {} })), uid: "u" },
  },
};

for (const [name, object] of Object.entries(SITUATIONS)) {
  const text = JSON.stringify({ type: "ADDED", object });
  const expected = JSON.parse(text) as Line;
  if (expected.object.metadata) expected.object.metadata.managedFields = undefined;

  t.test(`parseBeginning() ${name}`, async (t) => {
    const { rest, ...event } = parseBeginning(Buffer.from(text)) ?? {};
    t.equal(rest !== undefined, DEFERRED.has(name));
    if (rest === undefined) return;
    Object.assign(event.object ?? {}, readRest(rest));
    t.equal(JSON.stringify(event), JSON.stringify(expected));
  });
}

const POD = { kind: "Pod", metadata: { name: "é€😀", ...managed(entry()) }, spec: { a: "é" } };
const lineOf = (event: unknown): Buffer => Buffer.from(JSON.stringify(event));

t.test("parseBeginning() leaves spec and status as they are", async (t) => {
  const object = { ...POD, status: { phase: "Running", list: [{ spec: {} }] } };
  const event = parseBeginning(lineOf({ type: "MODIFIED", object }));
  t.equal(`{${event?.rest}`, JSON.stringify({ spec: object.spec, status: object.status }));
  t.strictSame(Object.keys(event?.object ?? {}), ["kind", "metadata"]);
  t.equal(event?.type, "MODIFIED");
});

t.test("parseBeginning() takes only what is written like an object of a watch", async (t) => {
  const { metadata, spec } = POD;
  const others: Record<string, unknown> = {
    "a spec before metadata": { type: "ADDED", object: { spec, metadata } },
    "a spec that is no map": { type: "ADDED", object: { metadata, spec: null, x: { spec } } },
    "no metadata": { type: "ADDED", object: { kind: "Pod", spec } },
    "a spec deeper inside": { type: "ADDED", object: { metadata, template: { a: 1, spec } } },
    "a spec beside the object": { type: "ADDED", object: { metadata }, x: { a: 1, spec } },
    "no type": { object: { metadata, spec } },
    "something after the object": { type: "ADDED", object: { metadata, spec }, x: 1 },
    "no object": { type: "ERROR", code: 410 },
    "null": null,
  };
  for (const [name, value] of Object.entries(others)) {
    t.equal(parseBeginning(lineOf(value)), undefined, name);
  }
});
