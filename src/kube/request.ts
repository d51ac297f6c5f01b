// Pure: a request to the API server as a value, and what lists and watches ask for. Knows nothing of
// connections, credentials, retries or answers.

import { resourcePath, type ResourceType } from "./resource.ts";

export type KubeRequest = {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string; // absolute, without the query
  query: Record<string, string>;
  headers: Record<string, string>;
  body?: string;
  what?: string; // what is tried, for messages: "get ConfigMap db/main"
};

export type Selection = {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
};

export const nameOf = ({ what, method, path }: KubeRequest): string => what ?? `${method} ${path}`;

/**
 * A watch from a resourceVersion, or without one a streaming list: the whole state as ADDED events, then
 * a bookmark marked k8s.io/initial-events-end, then changes.
 */
export function buildWatch(
  type: ResourceType,
  { namespace, labelSelector, fieldSelector }: Selection,
  from: { resourceVersion: string | undefined; timeoutSeconds: number },
): KubeRequest {
  const path = resourcePath(type, { namespace });
  const always = { watch: 1, allowWatchBookmarks: true, labelSelector, fieldSelector };
  const initial = { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" };
  const begin = from.resourceVersion === undefined ? initial : {};
  const query = defined({ ...always, ...from, ...begin });
  return { what: `watch ${path}`, method: "GET", path, query, headers: accept(type) };
}

/** Metadata only, where that is wanted. */
export function accept(type: ResourceType, list: "List" | "" = ""): Record<string, string> {
  if (!type.metadataOnly) return {};
  return { accept: `application/json;as=PartialObjectMetadata${list};g=meta.k8s.io;v=v1` };
}

export function defined(query: Record<string, unknown>): Record<string, string> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}
