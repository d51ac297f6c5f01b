// A simulated API server, as far as agents use it, at the level of requests: objects by path, resource
// versions, uids as preconditions, merge patches, the status subresource. It may refuse before the effect,
// lose the answer after it, be late, or be away.

import type { KubeObject } from "../../src/kube/object.ts";
import type { KubeRequest } from "../../src/kube/request.ts";
import {
  type SendOptions,
  type Transport,
  TransportError,
  type TransportResponse,
} from "../../src/kube/transport.ts";
import type { Chance } from "../model/chance.ts";
import type { Process, VirtualClock } from "./clock.ts";
import type { Network } from "./network.ts";

export const API = "api";
const STATUS = "/status";

type Answer = { readonly status: number; readonly body: object };
type Fields = Record<string, unknown>;
type Stored = KubeObject & { status?: Fields };

export class ApiServer {
  readonly #objects = new Map<string, Stored>();
  #version = 1;
  /** Share of requests that fail before, and after, their effect. */
  failing = { before: 0, after: 0 };

  get(path: string): Stored | undefined {
    return this.#objects.get(path);
  }

  /** Writes without asking, as controllers do. */
  put(path: string, object: Stored): void {
    const resourceVersion = String(++this.#version);
    const name = path.split("/").at(-1) ?? "";
    const metadata = { uid: `uid-${this.#version}`, ...object.metadata, name, resourceVersion };
    this.#objects.set(path, { ...object, metadata });
  }

  remove(path: string): void {
    this.#version++;
    this.#objects.delete(path);
  }

  handle({ body, method, path }: KubeRequest): Answer {
    const toStatus = path.endsWith(STATUS);
    const base = toStatus ? path.slice(0, -STATUS.length) : path;
    const found = this.#objects.get(base);
    if (found === undefined) return refusal(404, "NotFound");
    if (method === "GET") return { status: 200, body: found };
    const sent = JSON.parse(body ?? "{}") as Stored;
    const { resourceVersion, uid } = sent.metadata ?? {};
    const stale = resourceVersion !== undefined &&
      resourceVersion !== found.metadata.resourceVersion;
    if (stale || uid !== undefined && uid !== found.metadata.uid) return refusal(409, "Conflict");
    const next = method === "PUT" ? sent : mergePatch(found, sent) as Stored;
    if (!toStatus && found.status !== undefined) next.status = found.status;
    // What changes nothing is no new version.
    if (JSON.stringify(next) !== textOf(found)) this.put(base, next);
    return { status: 200, body: this.#objects.get(base) ?? {} };
  }
}

function refusal(code: number, reason: string): Answer {
  return { status: code, body: { kind: "Status", code, reason, message: reason } };
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const merged: Fields = typeof target === "object" && target !== null ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}

export type ApiWorld = {
  readonly api: ApiServer;
  readonly chance: Chance;
  readonly clock: VirtualClock;
  readonly network: Network;
};

/** What a client of one process sends over. */
export function simulatedTransport(
  world: ApiWorld,
  who: { process: Process; place: string },
): Transport {
  const transport: Pick<Transport, "send" | "close"> = {
    send: (request, how) => send(world, who, { request, how }),
    close: () => Promise.resolve(),
  };
  return transport as Transport;
}

const LATE = 0.08;

function send(
  world: ApiWorld,
  { place, process }: { process: Process; place: string },
  { how, request }: { request: KubeRequest; how: SendOptions },
): Promise<TransportResponse> {
  const { api, chance, clock, network } = world;
  return new Promise((resolve, reject) => {
    const { signal } = how;
    const aborted = (): void => settle(() => reject(signal.reason));
    const settle = (finish: () => void): void => {
      cancel();
      signal.removeEventListener("abort", aborted);
      finish();
    };
    const lost = (seen: string) => () =>
      reject(new TransportError(`cannot ${request.what}: ${seen}`));
    const timer = clock.setTimer(
      how.limitMs,
      () => process.deliver(() => settle(lost("no answer in time"))),
    );
    const cancel = (): void => timer();
    const back = (finish: () => void): void =>
      late(world, () => {
        if (network.connects(place, API)) process.deliver(() => settle(finish));
      });
    if (signal.aborted) return aborted();
    signal.addEventListener("abort", aborted, { once: true });
    const { failing } = api;
    process.act(() =>
      late(world, () => {
        if (!network.connects(place, API)) {
          // Refused at once, or silence until the limit.
          if (chance.is(0.5)) process.deliver(() => settle(lost("refused")));
          return;
        }
        if (chance.is(failing.before)) {
          return back(() => resolve(response(refusal(500, "Internal"))));
        }
        const answer = response(api.handle(request));
        back(chance.is(failing.after) ? lost("reset") : () => resolve(answer));
      }), stepOf(request));
  });
}

/** What a request is called among the steps of its process: "PUT leases". */
function stepOf({ method, path }: KubeRequest): string {
  const [, kind = ""] = /\/namespaces\/[^/]+\/([^/]+)/.exec(path) ?? [];
  return `${method} ${kind}`;
}

function late({ chance, clock }: ApiWorld, run: () => void): void {
  if (!chance.is(LATE)) return run();
  clock.setTimer(1 + chance.below(400), run);
}

const texts = new WeakMap<object, string>();

// An object is never changed, but replaced.
function textOf(body: object): string {
  const text = texts.get(body) ?? JSON.stringify(body);
  texts.set(body, text);
  return text;
}

function response({ body, status }: Answer): TransportResponse {
  const text = textOf(body);
  return {
    status,
    header: (name) => name === "content-type" ? "application/json" : undefined,
    text: () => Promise.resolve(text),
    async *chunks() {},
  };
}
