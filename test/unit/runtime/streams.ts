// Watches by path that say what a test gives them, and end when they are aborted.

import type { KubeClient } from "../../../src/kube/client.ts";
import type { KubeRequest } from "../../../src/kube/request.ts";
import { settle } from "../base/fake-clock.ts";

export class Streams {
  readonly #open = new Map<string, ReadableStreamDefaultController<Uint8Array>>();
  #version = 0;

  client(): KubeClient {
    const openStream = (request: KubeRequest, signal: AbortSignal) => this.#stream(request, signal);
    return { openStream } as unknown as KubeClient;
  }

  /** What is watched. */
  get paths(): string[] {
    return [...this.#open.keys()];
  }

  /** The whole state of a path: objects by key. */
  async whole(path: string, ...keys: string[]): Promise<void> {
    await settle();
    for (const key of keys) this.#say(path, "ADDED", object(key, "1"));
    const annotations = { "k8s.io/initial-events-end": "true" };
    const metadata = { resourceVersion: String(++this.#version), annotations };
    this.#say(path, "BOOKMARK", { metadata });
    await settle();
  }

  async change(path: string, key: string): Promise<void> {
    this.#say(path, "MODIFIED", object(key, `c${++this.#version}`));
    await settle();
  }

  /** A change to what cannot be read: the spec is no map. */
  async garble(path: string, key: string): Promise<void> {
    this.#say(path, "MODIFIED", { ...object(key, `c${++this.#version}`), spec: "" });
    await settle();
  }

  /** The version is no longer kept: the next watch begins with the whole state. */
  async gone(path: string): Promise<void> {
    this.#say(path, "ERROR", { kind: "Status", code: 410, reason: "Expired" });
    await settle();
  }

  #say(path: string, type: string, object: object): void {
    const line = JSON.stringify({ type, object }) + "\n";
    this.#open.get(path)?.enqueue(new TextEncoder().encode(line));
  }

  #stream(request: KubeRequest, signal: AbortSignal): Promise<AsyncGenerator<Uint8Array>> {
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#open.set(request.path, controller);
        signal.addEventListener("abort", () => controller.error(signal.reason), { once: true });
      },
    });
    return Promise.resolve((async function* () {
      yield* stream;
    })());
  }
}

function object(key: string, resourceVersion: string): object {
  const [namespace, name] = key.split("/");
  return { metadata: { namespace, name, uid: key, resourceVersion } };
}
