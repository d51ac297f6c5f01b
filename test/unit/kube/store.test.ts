import t from "tap";
import { keyOf, refOfKey, StoreWriter } from "../../../src/kube/store.ts";
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
  t.notOk(writer.store.synced);
  writer.handle({ type: "init" });
  t.notOk(writer.store.synced);
  writer.handle({ type: "initDone" });
  t.ok(writer.store.synced);
});

t.test("handle() serves the old state until the new one is whole", async (t) => {
  const writer = synced(object("a", "1"), object("b", "1"));
  t.same(writer.handle({ type: "init" }), []);
  t.same(writer.handle({ type: "apply", object: object("c", "5") }), []);
  t.same(names(writer.store.list()), ["a", "b"]);
  t.ok(writer.store.synced);
  const changes = writer.handle({ type: "initDone" });
  t.same(
    changes.map(({ key, before, after }) => [key, before !== undefined, after !== undefined]),
    [
      ["db/a", true, false],
      ["db/b", true, false],
      ["db/c", false, true],
    ],
  );
  t.same(names(writer.store.list()), ["c"]);
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
  t.same(names(writer.store.list()), ["a"]);
});

t.test("handle() applies a deletion among the initial objects to the new state", async (t) => {
  const writer = synced(object("a", "1"));
  writer.handle({ type: "init" });
  writer.handle({ type: "apply", object: object("a", "1") });
  writer.handle({ type: "delete", object: object("a", "3") });
  t.same(names(writer.store.list()), ["a"]);
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
  t.equal(writer.store.get("db/a")?.metadata.resourceVersion, "2");
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

t.test("byIndex() follows the objects", async (t) => {
  const writer = synced(object("a", "1"), object("b", "1", { colour: "blue" }));
  t.same(names(writer.store.byIndex("colour", "red")), ["a"]);
  writer.handle({ type: "apply", object: object("a", "2", { colour: "blue" }) });
  t.same(names(writer.store.byIndex("colour", "red")), []);
  t.same(names(writer.store.byIndex("colour", "blue")), ["a", "b"]);
  writer.handle({ type: "delete", object: object("b", "3", { colour: "blue" }) });
  t.same(names(writer.store.byIndex("colour", "blue")), ["a"]);
  t.throws(() => writer.store.byIndex("size", "big"), /no index size/);
});

t.test("keys name objects with and without a namespace", async (t) => {
  t.equal(keyOf(object("a", "1")), "db/a");
  t.same(refOfKey("db/a"), { namespace: "db", name: "a" });
  t.same(refOfKey("node1"), { name: "node1" });
});
