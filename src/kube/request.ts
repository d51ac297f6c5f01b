// Pure: every request to the API server as a value. Knows paths, query parameters and content types;
// knows nothing of connections, credentials, retries or answers.

import type { KubeObject } from "./object.ts";
import { describeRef, type ObjectRef, resourcePath, type ResourceType } from "./resource.ts";

export type KubeRequest = {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute path on the server, without the query. */
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body?: string;
  /** What is tried, for messages: "get ConfigMap db/main". */
  what?: string;
};

export type Selection = { namespace?: string; labelSelector?: string; fieldSelector?: string };
export type Page = { continueToken?: string | undefined; limit?: number };
/** An object, or a part of it that has a path of its own: status, scale. */
export type Target = ObjectRef & { subresource?: string };

export type WriteOptions = {
  subresource?: string;
  fieldManager?: string;
  /** Everything is checked and answered as if it were done, and nothing is done. */
  dryRun?: boolean;
};
/** `force` (unless false) takes fields over from other managers, as a controller must. */
export type ApplyOptions = WriteOptions & { fieldManager: string; force?: boolean };
/** A merge patch (null deletes), or JSON patch operations. */
export type PatchOptions = WriteOptions & { body: unknown; contentType?: "merge" | "json" };
/** uid and resourceVersion are preconditions: only this very object, only in this version. */
export type DeleteOptions = {
  propagationPolicy?: "Background" | "Foreground" | "Orphan";
  gracePeriodSeconds?: number;
  uid?: string;
  resourceVersion?: string;
};

type Type = ResourceType<KubeObject>;
type Parameters = Record<string, string | number | boolean | undefined>;

const DEFAULT_PAGE_SIZE = 500;

export function nameOf({ what, method, path }: KubeRequest): string {
  return what ?? `${method} ${path}`;
}

export function buildGet(type: Type, target: Target): KubeRequest {
  const what = `get ${describeRef(type, target)}`;
  return { what, method: "GET", path: resourcePath(type, target), query: {}, ...accept(type) };
}

/** One page, or with limit 0 everything at once. Without resourceVersion: always the newest state. */
export function buildList(type: Type, selection: Selection, page: Page = {}): KubeRequest {
  const { namespace, labelSelector, fieldSelector } = selection;
  const limit = (page.limit ?? DEFAULT_PAGE_SIZE) || undefined;
  return {
    what: `list ${type.plural}`,
    method: "GET",
    path: resourcePath(type, { namespace }),
    query: defined({ labelSelector, fieldSelector, limit, continue: page.continueToken }),
    ...accept(type, "List"),
  };
}

/**
 * A watch from a resourceVersion, or without one a streaming list: the whole state as ADDED events, then
 * a bookmark marked k8s.io/initial-events-end, then changes.
 */
export function buildWatch(
  type: Type,
  { namespace, labelSelector, fieldSelector }: Selection,
  from: { resourceVersion: string | undefined; timeoutSeconds: number },
): KubeRequest {
  const path = resourcePath(type, { namespace });
  const always = { watch: 1, allowWatchBookmarks: true, labelSelector, fieldSelector };
  const initial = { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" };
  const { resourceVersion, timeoutSeconds } = from;
  const begin = resourceVersion === undefined ? initial : { resourceVersion };
  const query = defined({ ...always, timeoutSeconds, ...begin });
  return { what: `watch ${path}`, method: "GET", path, query, ...accept(type) };
}

export function buildCreate(type: Type, object: KubeObject): KubeRequest {
  const { namespace, name } = object.metadata;
  if (type.namespaced && namespace === undefined) {
    throw new Error(`${type.kind} ${name} is namespaced and no namespace was given`);
  }
  const path = resourcePath(type, { namespace });
  const what = `create ${describeRef(type, object.metadata)}`;
  return { what, method: "POST", path, ...written({}, "json", object) };
}

/** Server-side apply. JSON is YAML, and every server accepts this media type. */
export function buildApply(type: Type, object: KubeObject, options: ApplyOptions): KubeRequest {
  const what = `apply ${describeRef(type, object.metadata)}`;
  const path = resourcePath(type, { ...object.metadata, subresource: options.subresource });
  const content = written({ force: true, ...options }, "apply-patch+yaml", object);
  return { what, method: "PATCH", path, ...content };
}

export function buildPatch(type: Type, ref: ObjectRef, options: PatchOptions): KubeRequest {
  const what = `patch ${describeRef(type, ref)}`;
  const path = resourcePath(type, { ...ref, subresource: options.subresource });
  const content = written(options, `${options.contentType ?? "merge"}-patch+json`, options.body);
  return { what, method: "PATCH", path, ...content };
}

/** PUT of the whole object; refused by the server when its resourceVersion is no longer the current one. */
export function buildReplace(type: Type, object: KubeObject, options: WriteOptions): KubeRequest {
  const what = `replace ${describeRef(type, object.metadata)}`;
  const path = resourcePath(type, { ...object.metadata, subresource: options.subresource });
  return { what, method: "PUT", path, ...written(options, "json", object) };
}

export function buildDelete(type: Type, ref: ObjectRef, options: DeleteOptions): KubeRequest {
  const { uid, resourceVersion, ...rest } = options;
  const kind = { kind: "DeleteOptions", apiVersion: "v1" };
  return {
    what: `delete ${describeRef(type, ref)}`,
    method: "DELETE",
    path: resourcePath(type, ref),
    query: {},
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...kind, ...rest, preconditions: { uid, resourceVersion } }),
  };
}

function accept(type: Type, list: "List" | "" = ""): Pick<KubeRequest, "headers"> {
  if (!type.metadataOnly) return { headers: {} };
  const accept = `application/json;as=PartialObjectMetadata${list};g=meta.k8s.io;v=v1`;
  return { headers: { accept } };
}

/** Strict: a field that the server does not know is an error and not dropped in silence. */
function written(
  { fieldManager, force, dryRun }: WriteOptions & { force?: boolean },
  contentType: string,
  body: unknown,
): Pick<KubeRequest, "query" | "headers" | "body"> {
  const how = { fieldManager, force, dryRun: dryRun ? "All" : undefined };
  return {
    query: defined({ ...how, fieldValidation: "Strict" }),
    headers: { "content-type": `application/${contentType}` },
    body: JSON.stringify(body),
  };
}

function defined(query: Parameters): Record<string, string> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}
