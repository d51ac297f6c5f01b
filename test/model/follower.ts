// A reader of the real store that believes only the changes it is told of, and checks each: it must fit to
// what was told before, must be true, and must be news.

import type { KubeObject } from "../../src/kube/object.ts";
import { type StoreChange, StoreWriter } from "../../src/kube/store.ts";
import type { WatcherEvent } from "../../src/kube/watcher.ts";
import type { ConfigMap } from "../../src/api/kinds.ts";
import { LETTERS, type ModelServer, type View } from "./server.ts";

/** As far as the changes tell. */
type Shadow = { good: KubeObject | undefined; newest: KubeObject };

export class Follower {
  readonly #server: ModelServer;
  readonly #blame: (what: string) => void;
  readonly #writer: StoreWriter<ConfigMap>;
  readonly #shadows = new Map<string, Shadow>();
  readonly #newest = new Map<string, number>();
  #wasSynced = false;

  constructor(
    server: ModelServer,
    namespaces: readonly (string | undefined)[],
    blame: (what: string) => void,
  ) {
    this.#server = server;
    this.#blame = blame;
    const shades = { shade: (one: ConfigMap) => [one.metadata.labels?.shade ?? "none"] };
    this.#writer = new StoreWriter(shades, namespaces.map((namespace) => namespace ?? ""));
  }

  take(event: WatcherEvent<ConfigMap>, namespace: string | undefined): void {
    for (const change of this.#writer.handle(event, namespace ?? "")) this.#check(change);
    if (this.#wasSynced && !this.#writer.synced) this.#blame("the store is no longer synced");
    this.#wasSynced = this.#writer.synced;
  }

  #check({ key, before, after, unreadable }: StoreChange<ConfigMap>): void {
    const shadow = this.#shadows.get(key);
    const told = shadow?.good ?? shadow?.newest;
    const what = `${key} ${versionOf(before)} → ${versionOf(after)}`;
    if (before !== told) this.#blame(`${what}: the store had told of ${versionOf(told)} before`);
    if (!after) {
      if (!shadow) this.#blame(`${what}: gone twice`);
      this.#shadows.delete(key);
      return;
    }
    const version = versionOf(after);
    const letters = after.metadata.labels?.letters;
    if (!unreadable && letters !== LETTERS) this.#blame(`${what}: spelt ${letters}`);
    if (!this.#server.history.has(`${key} ${version}`)) this.#blame(`${what}: never was`);
    if (version <= (this.#newest.get(key) ?? 0)) this.#blame(`${what}: old news`);
    if (before && before.metadata.uid !== after.metadata.uid) {
      this.#blame(`${what}: another object, as a change`);
    }
    this.#newest.set(key, version);
    this.#shadows.set(key, { good: unreadable ? shadow?.good : after, newest: after });
  }

  /** Everything there is, against everything that the store says and has told. */
  compare(view: View): void {
    const store = this.#writer;
    const objects = this.#server.objects(view);
    const good = objects.filter(({ malformed }) => !malformed);
    if (!store.synced) this.#blame("the store was never synced");
    for (const { key, version, uid, malformed } of objects) {
      const held = store.get(key)?.metadata;
      const is = `${held?.uid} ${held?.resourceVersion} ${store.unreadable(key) !== undefined}`;
      if (malformed !== (store.unreadable(key) !== undefined)) {
        this.#blame(`${key}: readable or not?`);
      }
      if (!malformed && is !== `${uid} ${version} false`) this.#blame(`${key}@${version} is ${is}`);
      if (malformed && held && held.uid !== uid) this.#blame(`${key}: the state of another object`);
      if (versionOf(this.#shadows.get(key)?.newest) !== version) this.#blame(`${key} was not told`);
    }
    if (this.#shadows.size !== objects.length) this.#blame("something that is gone was not told");
    const extra = store.list().map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
      .filter((key) => !objects.some((one) => one.key === key));
    if (extra.length > 0) this.#blame(`no longer there: ${extra.join()}`);
    for (const shade of ["light", "dark"]) {
      const found = store.byIndex("shade", shade).filter((one) => !store.unreadable(keyOf(one)));
      const count = good.filter((one) => one.shade === shade).length;
      if (found.length !== count) this.#blame(`${found.length} of ${count} under ${shade}`);
    }
  }
}

const keyOf = ({ metadata }: KubeObject) => `${metadata.namespace}/${metadata.name}`;

function versionOf(object: KubeObject | undefined): number {
  return Number(object?.metadata.resourceVersion ?? 0);
}
