// Changes of stored objects as a second API server would make them: written to etcd, from where every API server
// learns of them. Many times faster than PATCH, whose merging would leave the clients nothing to do but wait.
// Speaks etcd's HTTP gateway; objects are stored as protobuf, so a change replaces bytes by as many others.

import { Pool } from "undici";
import { CHANGED, CHANGED_DIGITS } from "./pods.ts";

const CONNECTIONS = 16;
const PAGE = 500;

type Stored = { key: string; value: Buffer; digitsAt: number };

/** The stored Pods of one namespace, in the order of their names. Nobody else may write them meanwhile. */
export class StoredPods {
  readonly #etcd: Pool;
  readonly #pods: Stored[] = [];
  /** etcd's revision after the last change. */
  #revision: string | undefined;

  constructor(url: string) {
    this.#etcd = new Pool(url, { connections: CONNECTIONS });
  }

  /** Reads them all. Throws when one of them is not as pods.ts makes them. */
  async load(namespace: string): Promise<void> {
    const end = base64(`/registry/pods/${namespace}0`); // "0" comes after "/"
    let key: string | undefined = base64(`/registry/pods/${namespace}/`);
    while (key !== undefined) {
      const page: Range = await this.#call<Range>("range", { key, range_end: end, limit: PAGE });
      for (const { key, value } of page.kvs ?? []) this.#pods.push(stored(key, value));
      const last = this.#pods.at(-1);
      key = page.more && last ? base64(`${Buffer.from(last.key, "base64")}\0`) : undefined;
    }
  }

  /** Makes `count` changes, numbered from `from`, spread over all Pods but the first; the last one is the first's. */
  async change(count: number, from: number): Promise<void> {
    await this.#compact();
    let next = 0;
    const others = this.#pods.length - 1;
    const worker = async (): Promise<void> => {
      while (next < count - 1) await this.#write(1 + next % others, from + next++);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, worker));
    await this.#write(0, from + next);
  }

  async close(): Promise<void> {
    await this.#etcd.close();
  }

  // Earlier changes are forgotten: etcd's space has a limit.
  async #compact(): Promise<void> {
    if (this.#revision === undefined) return;
    await this.#call("compaction", { revision: this.#revision, physical: true });
    this.#revision = undefined;
  }

  async #write(n: number, number: number): Promise<void> {
    const pod = this.#pods[n];
    if (!pod) throw new Error(`there is no Pod ${n}`);
    pod.value.write(String(number).padStart(CHANGED_DIGITS, "0"), pod.digitsAt, "latin1");
    const put = { key: pod.key, value: pod.value.toString("base64") };
    this.#revision = (await this.#call<Put>("put", put)).header.revision;
  }

  async #call<T>(what: string, body: unknown): Promise<T> {
    const path = `/v3/kv/${what}`;
    const answer = await this.#etcd.request({ method: "POST", path, body: JSON.stringify(body) });
    if (answer.statusCode === 200) return await answer.body.json() as T;
    throw new Error(`etcd refused ${what}: ${answer.statusCode} ${await answer.body.text()}`);
  }
}

type Put = { header: { revision: string } };
type Range = { kvs?: { key: string; value: string }[]; more?: boolean };

const base64 = (text: string): string => Buffer.from(text).toString("base64");

// Annotations come before managedFields, which name this one as well. Between name and value of an entry
// stand two bytes: the field's tag and the value's length.
function stored(key: string, text: string): Stored {
  const value = Buffer.from(text, "base64");
  const at = value.indexOf(CHANGED) + CHANGED.length;
  if (value[at] !== 0x12 || value[at + 1] !== CHANGED_DIGITS) {
    throw new Error(`${Buffer.from(key, "base64")} is not stored as expected`);
  }
  return { key, value, digitsAt: at + 2 };
}
