// Pure: every request to the API server as a value. Knows paths, query parameters and content types;
// knows nothing of connections, credentials, retries or answers.

import { type ObjectRef, resourcePath, type ResourceType } from "./resource.ts";
import type { KubeObject } from "./object.ts";

export type KubeRequest = {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute path on the server, without the query. */
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body?: string;
};

export type Selection = { namespace?: string; labelSelector?: string; fieldSelector?: string };

const JSON_ONLY = { accept: "application/json" };
const DEFAULT_PAGE_SIZE = 500;

function withBody(contentType: string, body: unknown): Pick<KubeRequest, "headers" | "body"> {
  return { headers: { ...JSON_ONLY, "content-type": contentType }, body: JSON.stringify(body) };
}

function selectors(selection: Selection): Record<string, string> {
  return {
    ...(selection.labelSelector === undefined ? {} : { labelSelector: selection.labelSelector }),
    ...(selection.fieldSelector === undefined ? {} : { fieldSelector: selection.fieldSelector }),
  };
}

function accept(type: ResourceType<KubeObject>, kind: string): { accept: string } {
  return type.metadataOnly
    ? { accept: `application/json;as=${kind};g=meta.k8s.io;v=v1` }
    : JSON_ONLY;
}

function refOf(object: KubeObject): ObjectRef {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? { name } : { namespace, name };
}

export function buildGet<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef): KubeRequest {
  const headers = accept(type, "PartialObjectMetadata");
  return { method: "GET", path: resourcePath(type, ref), query: {}, headers };
}

/** One page, or with limit 0 everything at once. Without resourceVersion: always the newest state. */
export function buildList<T extends KubeObject>(
  type: ResourceType<T>,
  selection: Selection,
  page: { continueToken?: string | undefined; limit?: number } = {},
): KubeRequest {
  const limit = page.limit ?? DEFAULT_PAGE_SIZE;
  return {
    method: "GET",
    path: resourcePath(type, { namespace: selection.namespace }),
    query: {
      ...selectors(selection),
      ...(limit > 0 ? { limit: String(limit) } : {}),
      ...(page.continueToken === undefined ? {} : { continue: page.continueToken }),
    },
    headers: accept(type, "PartialObjectMetadataList"),
  };
}

/**
 * A watch from a resourceVersion, or without one a streaming list: the whole state as ADDED events, then
 * a bookmark marked k8s.io/initial-events-end, then changes.
 */
export function buildWatch<T extends KubeObject>(
  type: ResourceType<T>,
  selection: Selection,
  from: { resourceVersion: string | undefined; timeoutSeconds: number },
): KubeRequest {
  return {
    method: "GET",
    path: resourcePath(type, { namespace: selection.namespace }),
    query: {
      watch: "1",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(from.timeoutSeconds),
      ...selectors(selection),
      ...(from.resourceVersion === undefined
        ? { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan" }
        : { resourceVersion: from.resourceVersion }),
    },
    headers: accept(type, "PartialObjectMetadata"),
  };
}

export function buildCreate<T extends KubeObject>(type: ResourceType<T>, object: T): KubeRequest {
  const { namespace } = object.metadata;
  if (type.namespaced && namespace === undefined) {
    throw new Error(
      `${type.kind} ${object.metadata.name} is namespaced and no namespace was given`,
    );
  }
  return {
    method: "POST",
    path: resourcePath(type, { namespace }),
    query: {},
    ...withBody("application/json", object),
  };
}

/** Server-side apply; force takes fields over from other managers, as a controller must. */
export function buildApply<T extends KubeObject>(
  type: ResourceType<T>,
  object: T,
  options: { fieldManager: string; subresource?: string; force?: boolean },
): KubeRequest {
  return {
    method: "PATCH",
    path: resourcePath(type, { ...refOf(object), subresource: options.subresource }),
    query: { fieldManager: options.fieldManager, force: String(options.force ?? true) },
    // JSON is YAML, and every server accepts this media type.
    ...withBody("application/apply-patch+yaml", object),
  };
}

export function buildPatch<T extends KubeObject>(
  type: ResourceType<T>,
  ref: ObjectRef,
  options: {
    body: unknown;
    subresource?: string;
    fieldManager?: string;
    contentType?: "merge" | "json";
  },
): KubeRequest {
  return {
    method: "PATCH",
    path: resourcePath(type, { ...ref, subresource: options.subresource }),
    query: options.fieldManager === undefined ? {} : { fieldManager: options.fieldManager },
    ...withBody(`application/${options.contentType ?? "merge"}-patch+json`, options.body),
  };
}

/** PUT of the whole object; refused by the server when its resourceVersion is no longer the current one. */
export function buildReplace<T extends KubeObject>(
  type: ResourceType<T>,
  object: T,
  options: { subresource?: string } = {},
): KubeRequest {
  return {
    method: "PUT",
    path: resourcePath(type, { ...refOf(object), subresource: options.subresource }),
    query: {},
    ...withBody("application/json", object),
  };
}

export type DeleteOptions = {
  propagationPolicy?: "Background" | "Foreground" | "Orphan";
  gracePeriodSeconds?: number;
  /** Preconditions: only this very object, only in this version. */
  uid?: string;
  resourceVersion?: string;
};

export function buildDelete<T extends KubeObject>(
  type: ResourceType<T>,
  ref: ObjectRef,
  options: DeleteOptions = {},
): KubeRequest {
  const { uid, resourceVersion, ...rest } = options;
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return {
    method: "DELETE",
    path: resourcePath(type, ref),
    query: {},
    ...withBody("application/json", {
      kind: "DeleteOptions",
      apiVersion: "v1",
      ...rest,
      ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
    }),
  };
}
