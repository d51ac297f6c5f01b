import t from "tap";
import { keyOf, StoreWriter } from "../../../src/kube/store.ts";
import type { ConfigMap } from "../../../src/api/kinds.ts";

function object(
  name: string,
  resourceVersion: string,
  more: { uid?: string; colour?: string } = {},
): ConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "db", resourceVersion, uid: more.uid ?? `uid-${name}` },
    data: { colour: more.colour ?? "red" },
  };
}

function synced(...objects: ConfigMap[]): StoreWriter<ConfigMap> {
  const writer = new StoreWriter<ConfigMap>({ colour: (one) => [one.data?.colour ?? ""] });
  writer.handle({ type: "init" });
  for (const one of objects) writer.handle({ type: "apply", object: one });
  writer.handle({ type: "initDone" });
  return writer;
}

const names = (objects: readonly ConfigMap[]) =>
  objects.map(({ metadata }) => metadata.name).sort();

t.test("a store is synced by its first whole state, also an empty one", async (t) => {
  const writer = new StoreWriter<ConfigMap>();
  t.notOk(writer.synced);
  writer.handle({ type: "init" });
  t.notOk(writer.synced);
  writer.handle({ type: "initDone" });
  t.ok(writer.synced);
});

t.test("handle() serves the old state until the new one is whole", async (t) => {
  const writer = synced(object("a", "1"), object("b", "1"));
  t.same(writer.handle({ type: "init" }), []);
  t.same(writer.handle({ type: "apply", object: object("c", "5") }), []);
  t.same(names(writer.list()), ["a", "b"]);
  t.ok(writer.synced);
  const changes = writer.handle({ type: "initDone" });
  t.same(
    changes.map(({ key, before, after }) => [key, before !== undefined, after !== undefined]),
    [
      ["db/a", true, false],
      ["db/b", true, false],
      ["db/c", false, true],
    ],
  );
  t.same(names(writer.list()), ["c"]);
});

t.test("handle() reports a new list by its differences only", async (t) => {
  const writer = synced(object("same", "1"), object("changed", "1"), object("gone", "1"));
  writer.handle({ type: "init" });
  writer.handle({ type: "apply", object: object("same", "1") });
  writer.handle({ type: "apply", object: object("changed", "2") });
  writer.handle({ type: "apply", object: object("new", "2") });
  t.same(writer.handle({ type: "initDone" }).map(({ key }) => key), [
    "db/gone",
    "db/changed",
    "db/new",
  ]);
});

t.test("handle() drops a half-built state when it begins again", async (t) => {
  const writer = synced(object("a", "1"));
  writer.handle({ type: "init" });
  writer.handle({ type: "apply", object: object("phantom", "2") });
  writer.handle({ type: "init" });
  writer.handle({ type: "apply", object: object("a", "1") });
  t.same(writer.handle({ type: "initDone" }), []);
  t.same(names(writer.list()), ["a"]);
});

t.test("handle() applies a deletion among the initial objects to the new state", async (t) => {
  const writer = synced(object("a", "1"));
  writer.handle({ type: "init" });
  writer.handle({ type: "apply", object: object("a", "1") });
  writer.handle({ type: "delete", object: object("a", "3") });
  t.same(names(writer.list()), ["a"]);
  t.same(writer.handle({ type: "initDone" }).map(({ key, after }) => [key, after]), [[
    "db/a",
    undefined,
  ]]);
});

t.test("handle() follows changes", async (t) => {
  const writer = synced(object("a", "1"));
  t.equal(writer.handle({ type: "apply", object: object("a", "2") }).length, 1);
  t.equal(
    writer.handle({ type: "apply", object: object("a", "2") }).length,
    0,
    "a repeated event is no change",
  );
  t.equal(writer.get("db/a")?.metadata.resourceVersion, "2");
  t.equal(writer.handle({ type: "delete", object: object("a", "3") }).length, 1);
  t.equal(writer.handle({ type: "delete", object: object("a", "3") }).length, 0);
});

t.test("handle() reports another object of the same name as two changes", async (t) => {
  const writer = synced(object("a", "1"));
  const changes = writer.handle({ type: "apply", object: object("a", "2", { uid: "other" }) });
  t.same(changes.map(({ before, after }) => [before?.metadata.uid, after?.metadata.uid]), [[
    "uid-a",
    undefined,
  ], [undefined, "other"]]);
});

const marked = (name: string, resourceVersion: string, type: "apply" | "delete" = "apply") => ({
  type,
  object: { ...object(name, resourceVersion), data: undefined } as unknown as ConfigMap,
  unreadable: "malformed labels",
});

t.test("handle() keeps the last good state of what cannot be read, marks it, and says so once", async (t) => {
  const writer = synced(object("a", "1"));
  const [change] = writer.handle(marked("a", "2"));
  t.match(change, { key: "db/a", before: object("a", "1"), unreadable: "malformed labels" });
  t.equal(change?.after?.metadata.resourceVersion, "2");
  t.equal(writer.get("db/a")?.metadata.resourceVersion, "1");
  t.same(names(writer.byIndex("colour", "red")), ["a"]);
  t.equal(writer.unreadable("db/a"), "malformed labels");
  t.same(writer.handle(marked("a", "2")), [], "again is no news");
  t.equal(writer.handle({ type: "apply", object: object("a", "3") }).length, 1);
  t.equal(writer.unreadable("db/a"), undefined);
});

t.test("handle() has a key for what could never be read, but no object", async (t) => {
  const writer = synced();
  t.match(writer.handle(marked("a", "2")), [{ key: "db/a", after: {}, unreadable: /./ }]);
  t.equal(writer.get("db/a"), undefined);
  t.same([writer.list(), writer.byIndex("colour", "red")], [[], []]);
  t.match(writer.handle(marked("a", "3", "delete")), [{ key: "db/a", before: {} }]);
  t.equal(writer.unreadable("db/a"), undefined);
});

t.test("handle() forgets the last good state with the object it was of", async (t) => {
  const writer = synced(object("a", "1"));
  const { object: other, ...rest } = marked("a", "2");
  other.metadata.uid = "other";
  const changes = writer.handle({ ...rest, object: other });
  t.same(changes.map(({ before, after }) => [before?.metadata.uid, after?.metadata.uid]), [
    ["uid-a", undefined],
    [undefined, "other"],
  ]);
  t.equal(writer.get("db/a"), undefined);
  t.same(writer.byIndex("colour", "red"), []);
});

t.test("handle() takes a list that lacks or repairs what could not be read", async (t) => {
  const writer = synced(object("a", "1"));
  for (const event of [marked("a", "2"), marked("b", "2")]) writer.handle(event);
  writer.handle({ type: "init" });
  writer.handle({ type: "apply", object: object("a", "3") });
  const changes = writer.handle({ type: "initDone" });
  t.same(changes.map(({ key, after }) => [key, after?.metadata.resourceVersion]), [
    ["db/b", undefined],
    ["db/a", "3"],
  ]);
});

t.test("an object on which an index fails is marked, and keeps nothing else out", async (t) => {
  const writer = new StoreWriter<ConfigMap>({ colour: (one) => [one.data!.colour!] });
  writer.handle({ type: "init" });
  const { data: _, ...bad } = object("bad", "1");
  for (const one of [bad, object("good", "1")]) writer.handle({ type: "apply", object: one });
  const changes = writer.handle({ type: "initDone" });
  t.match(changes, [{ key: "db/bad", unreadable: /an index fails/ }, { key: "db/good" }]);
  t.same(names(writer.list()), ["good"]);
  t.match(writer.unreadable("db/bad"), /an index fails on it: /);
});

t.test("a list counts even if its versions are lower, as after a restored backup", async (t) => {
  const writer = synced(object("a", "900"));
  writer.handle({ type: "init" });
  writer.handle({ type: "apply", object: object("a", "5") });
  t.equal(writer.handle({ type: "initDone" }).length, 1);
  t.equal(writer.get("db/a")?.metadata.resourceVersion, "5");
});

t.test("one store follows one watch per namespace, each for itself", async (t) => {
  const writer = new StoreWriter<ConfigMap>({}, ["db", "db2"]);
  const inside = (namespace: string, name: string, version: string) => {
    const one = object(name, version);
    return { ...one, metadata: { ...one.metadata, namespace } };
  };
  writer.handle({ type: "init" }, "db");
  writer.handle({ type: "apply", object: inside("db", "a", "1") }, "db");
  writer.handle({ type: "init" }, "db2");
  t.equal(writer.handle({ type: "initDone" }, "db").length, 1);
  t.notOk(writer.synced, "one of two");
  writer.handle({ type: "apply", object: inside("db2", "a", "5") }, "db2");
  t.equal(writer.handle({ type: "initDone" }, "db2").length, 1);
  t.ok(writer.synced);
  writer.handle({ type: "init" }, "db");
  t.same(writer.handle({ type: "initDone" }, "db").map(({ key, after }) => [key, after]), [
    ["db/a", undefined],
  ]);
  t.same(writer.list().map(({ metadata }) => metadata.namespace), ["db2"]);
});

t.test("what was deferred is there for whoever reads the object", async (t) => {
  type Part = ConfigMap & { spec?: unknown; status?: unknown };
  const parts = { spec: { a: 1 }, status: { b: ["é"] } };
  const whole = (name: string) => ({ ...object(name, "1"), ...parts });
  const rest = Buffer.from(JSON.stringify(parts).slice(1));
  for (const read of ["get", "list", "byIndex"] as const) {
    const writer = new StoreWriter<Part>({ all: () => [""] });
    writer.handle({ type: "init" });
    writer.handle({ type: "apply", object: object("a", "1"), rest });
    writer.handle({ type: "initDone" });
    const store = writer;
    const reads = {
      get: () => [store.get("db/a")],
      list: () => store.list(),
      byIndex: () => store.byIndex("all", ""),
    };
    const found = reads[read]();
    t.same(found, [whole("a")]);
    const { spec } = found[0] ?? {};
    t.equal(store.get("db/a")?.spec, spec, "once");
    t.equal(store.unreadable("db/a"), undefined);
    const [change] = writer.handle({
      type: "apply",
      object: object("a", "2"),
      rest: Buffer.from("}"),
    });
    t.same(change?.before, whole("a"));
    t.equal(store.get("db/a")?.spec, undefined);
  }
});

t.test("what was deferred is the store's own, and of each object and version", async (t) => {
  type Part = ConfigMap & { spec?: { a: string } };
  const writer = new StoreWriter<Part>({ colour: (one) => [one.data!.colour!] });
  const wire = Buffer.alloc(100);
  const tell = (name: string, version: string, a: string, data = { colour: "red" }) => {
    // As a chunk is: the memory of the next event is that of this one.
    const rest = wire.subarray(7, 7 + wire.write(`"spec":{"a":"${a}"}}`, 7));
    const { data: _, ...bare } = object(name, version);
    writer.handle({ type: "apply", object: data ? { ...bare, data } : bare, rest });
  };
  const bad = null as unknown as { colour: string }; // the index fails on it
  const read = (name: string) => writer.get(`db/${name}`)?.spec?.a;
  writer.handle({ type: "init" });
  tell("a", "1", "one");
  tell("b", "1", "two");
  writer.handle({ type: "initDone" });
  tell("a", "2", "x");
  tell("b", "2", "bad", bad);
  writer.handle({ type: "init" });
  tell("a", "3", "new");
  tell("b", "3", "worse", bad);
  t.equal(read("a"), "x", "while a new list is on its way");
  writer.handle({ type: "initDone" });
  t.same([read("a"), read("b")], ["new", "two"], "the last good state");
  for (const texts of [["1", "longer"], ["longer", "1"]]) {
    texts.forEach((text, n) => tell("a", `4${text}${n}`, text));
    tell("c", texts.join(""), "beside");
    t.equal(read("a"), texts[1], "in the memory of its last version or in more");
  }
});

t.test("what was deferred and is malformed is marked when it is read", async (t) => {
  for (const text of ['"spec":', '"spec":7}', '"status":[]', '"spec":{}},"x":1}']) {
    const writer = synced();
    writer.handle({ type: "apply", object: object("a", "1"), rest: Buffer.from(text) });
    writer.handle({ type: "apply", object: object("b", "1") });
    t.match(writer.unreadable("db/a"), /^malformed|JSON/, text);
    t.equal(writer.get("db/a"), undefined);
    t.same(names(writer.list()), ["b"]);
    writer.handle({ type: "apply", object: object("a", "2"), rest: Buffer.from('"spec":{}}') });
    t.equal(writer.unreadable("db/a"), undefined);
    t.same(names(writer.list()), ["a", "b"]);
  }
});

t.test("byIndex() follows the objects", async (t) => {
  const writer = synced(object("a", "1"), object("b", "1", { colour: "blue" }));
  t.same(names(writer.byIndex("colour", "red")), ["a"]);
  writer.handle({ type: "apply", object: object("a", "2", { colour: "blue" }) });
  t.same(names(writer.byIndex("colour", "red")), []);
  t.same(names(writer.byIndex("colour", "blue")), ["a", "b"]);
  writer.handle({ type: "delete", object: object("b", "3", { colour: "blue" }) });
  t.same(names(writer.byIndex("colour", "blue")), ["a"]);
  t.throws(() => writer.byIndex("size", "big"), /no index size/);
});

t.test("keys name objects with and without a namespace", async (t) => {
  t.equal(keyOf(object("a", "1")), "db/a");
  t.equal(keyOf({ apiVersion: "v1", kind: "Node", metadata: { name: "node1" } }), "node1");
});
