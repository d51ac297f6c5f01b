import t from "tap";
import { parseWithoutManagedFields } from "../../../src/kube/managed-fields.ts";

const FIELDS = {
  "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
  "f:spec": { 'k:{"name":"a","port":1}': { ".": {}, "f:image": {} } },
};
const entry = (fieldsV1: unknown = FIELDS) => ({ manager: "m", operation: "Update", fieldsV1 });
const managed = (...entries: unknown[]) => ({ managedFields: entries });

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
  t.test(`parseWithoutManagedFields() ${name}`, async (t) => {
    const line = JSON.stringify({ type: "ADDED", object });
    const expected = JSON.parse(line) as { object: { metadata: { managedFields?: unknown } } };
    const kept = expected.object.metadata.managedFields;
    expected.object.metadata.managedFields = undefined;
    const parsed = parseWithoutManagedFields(line) as typeof expected;
    t.equal(parsed.object.metadata.managedFields, undefined, `instead of ${JSON.stringify(kept)}`);
    t.equal(JSON.stringify(parsed), JSON.stringify(expected));
  });
}

t.test("parseWithoutManagedFields() leaves other lines as they are", async (t) => {
  for (const value of [null, 7, "text", {}, { type: "ERROR", object: { code: 410 } }, [{}]]) {
    t.strictSame(parseWithoutManagedFields(JSON.stringify(value)), value);
  }
});

t.test("parseWithoutManagedFields() throws on what is not JSON", async (t) => {
  const line = JSON.stringify({ object: { metadata: managed(entry()) }, spec: {} });
  for (const broken of ["", "{", line.slice(0, -1), line.replace('"spec"', "spec"), line + "}"]) {
    t.throws(() => parseWithoutManagedFields(broken), SyntaxError);
  }
});
