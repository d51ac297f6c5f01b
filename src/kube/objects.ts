// The objects of one kind, with a method for each verb of the API: client.of(pods).get(…) gives a Pod. What
// is asked is said here, how it is sent and repeated in client.ts.

import { isNotFound } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import type { KubeObject } from "./object.ts";
import { accept, defined, type KubeRequest, type Selection } from "./request.ts";
import { apiVersion, describeRef, type ObjectRef, resourcePath } from "./resource.ts";
import type { ResourceType, Target } from "./resource.ts";
import { TransportError } from "./transport.ts";

/** A page if there is a limit; its successor by the token that came with it. */
export type ListOptions = Selection & {
  limit?: number | undefined;
  continueToken?: string | undefined;
};
export type ListPage<T> = {
  items: T[];
  resourceVersion: string;
  continueToken: string | undefined;
};
type WireList<T> = {
  kind?: string;
  items?: T[];
  metadata?: { resourceVersion?: string; continue?: string };
};
export type WriteOptions = {
  subresource?: string;
  fieldManager?: string;
  dryRun?: boolean; // everything is checked and answered as if it were done, and nothing is done
};
/** `force` (unless false) takes fields over from other managers, as a controller must. */
export type ApplyOptions = WriteOptions & { fieldManager: string; force?: boolean };
/** A merge patch (null deletes), or JSON patch operations. */
export type PatchOptions = WriteOptions & { body: unknown; contentType?: "merge" | "json" };
/** Preconditions: only this very object, only in this version. */
export type DeleteOptions = { uid?: string; resourceVersion?: string };

export class Objects<T extends KubeObject> {
  readonly #client: KubeClient;
  readonly #type: ResourceType<T>;

  constructor(client: KubeClient, type: ResourceType<T>) {
    this.#client = client;
    this.#type = type;
  }

  /** The object, or undefined when it is not there. */
  async get(target: Target, signal: AbortSignal): Promise<T | undefined> {
    const request = { ...this.#request("GET", "get", target), headers: accept(this.#type) };
    return await this.#client.raw<T>(request, signal).catch(absent(undefined));
  }

  /** The newest state of everything selected, or a page of it. Many objects are better watched. */
  async list(
    { namespace, labelSelector, fieldSelector, limit, continueToken }: ListOptions,
    signal: AbortSignal,
  ): Promise<ListPage<T>> {
    const { kind, metadataOnly, plural } = this.#type;
    const list = await this.#client.raw<WireList<T>>({
      what: `list ${plural}`,
      method: "GET",
      path: resourcePath(this.#type, { namespace }),
      query: defined({ labelSelector, fieldSelector, limit, continue: continueToken }),
      headers: accept(this.#type, "List"),
    }, signal);
    const { resourceVersion, continue: more } = list.metadata ?? {};
    const isWrong = metadataOnly && list.kind !== "PartialObjectMetadataList";
    if (!resourceVersion || list.kind === "Table" || isWrong) {
      throw new TransportError(`cannot list ${plural}: the answer is not a list`);
    }
    // Items of a list come without these two.
    const missing = { apiVersion: apiVersion(this.#type), kind };
    const items = (list.items ?? []).map((item) => ({ ...item, ...missing }));
    return { items, resourceVersion, continueToken: more || undefined };
  }

  async create(object: T, signal: AbortSignal): Promise<T> {
    const request = this.#request("POST", "create", object.metadata);
    const path = resourcePath(this.#type, { namespace: object.metadata.namespace });
    return await this.#client.raw({ ...request, path, ...written("json", object) }, signal);
  }

  /** Server-side apply: makes exactly the given fields ours. JSON is YAML, and every server takes this type. */
  async apply(object: T, options: ApplyOptions, signal: AbortSignal): Promise<T> {
    const request = this.#request("PATCH", "apply", { ...object.metadata, ...options });
    const content = written("apply-patch+yaml", object, { force: true, ...options });
    return await this.#client.raw({ ...request, ...content }, signal);
  }

  /** With metadata.resourceVersion (or uid) in the body it is conditional. */
  async patch(ref: ObjectRef, options: PatchOptions, signal: AbortSignal): Promise<T> {
    const request = this.#request("PATCH", "patch", { ...ref, ...options });
    const content = written(`${options.contentType ?? "merge"}-patch+json`, options.body, options);
    return await this.#client.raw({ ...request, ...content }, signal);
  }

  /** PUT of the whole object; a Conflict when it has changed since it was read. */
  async replace(object: T, options: WriteOptions, signal: AbortSignal): Promise<T> {
    const request = this.#request("PUT", "replace", { ...object.metadata, ...options });
    return await this.#client.raw({ ...request, ...written("json", object, options) }, signal);
  }

  /** False when it was not there. */
  async delete(ref: ObjectRef, options: DeleteOptions, signal: AbortSignal): Promise<boolean> {
    const body = { kind: "DeleteOptions", apiVersion: "v1", preconditions: options };
    const content = { ...written("json", body), query: {} };
    const request = { ...this.#request("DELETE", "delete", ref), ...content };
    return await this.#client.raw(request, signal).then(() => true, absent(false));
  }

  #request(method: KubeRequest["method"], verb: string, target: Target): KubeRequest {
    const what = `${verb} ${describeRef(this.#type, target)}`;
    return { method, what, path: resourcePath(this.#type, target), query: {}, headers: {} };
  }
}

/** Strict: a field that the server does not know is an error and not dropped in silence. */
function written(
  contentType: string,
  body: unknown,
  { fieldManager, force, dryRun }: WriteOptions & { force?: boolean } = {},
): Pick<KubeRequest, "query" | "headers" | "body"> {
  const how = { fieldManager, force, dryRun: dryRun ? "All" : undefined };
  return {
    query: defined({ ...how, fieldValidation: "Strict" }),
    headers: { "content-type": `application/${contentType}` },
    body: JSON.stringify(body),
  };
}

/** For catch(): this value when the object is not there. */
const absent = <V>(value: V) => (error: unknown): V => {
  if (isNotFound(error)) return value;
  throw error;
};
