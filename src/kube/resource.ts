// Pure: which kinds there are and where they live in the API. A ResourceType is a value that carries the
// object's type, so that client.get(pods, …) gives a Pod. Other kinds (our own) are described the same way.

import type { Event, KubeObject, Lease } from "./object.ts";

export interface ResourceType<T extends KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Of each object only apiVersion, kind and metadata are asked for. */
  readonly metadataOnly?: boolean;
  /** Never set: only ties the object's type to the value. */
  readonly object?: T;
}

export type ObjectRef = { namespace?: string; name: string };

/** A kind of the API, e.g. ("apps/v1", "StatefulSet", "statefulsets"). */
export function resourceType<T extends KubeObject>(
  apiVersion: string,
  kind: string,
  plural: string,
  namespaced = true,
): ResourceType<T> {
  const [version = "", group = ""] = apiVersion.split("/").reverse();
  return { group, version, kind, plural, namespaced };
}

/** The same kind, of which get, list and watch give only the metadata. */
export function metadataOnly(type: ResourceType<KubeObject>): ResourceType<KubeObject> {
  return { ...type, metadataOnly: true };
}

export const events = resourceType<Event>("v1", "Event", "events");
export const leases = resourceType<Lease>("coordination.k8s.io/v1", "Lease", "leases");

/** "v1" or "apps/v1", as an object's apiVersion field has it. */
export function apiVersion(type: ResourceType<KubeObject>): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** "StatefulSet db/main": how messages name an object. */
export function describeRef(type: ResourceType<KubeObject>, ref: Partial<ObjectRef>): string {
  const name = [ref.namespace, ref.name].filter((part) => part !== undefined).join("/");
  return name === "" ? type.kind : `${type.kind} ${name}`;
}

/**
 * Path of a collection (no name) or of one object, optionally of its subresource.
 * Throws when the scope does not fit or a part could leave its place in the path.
 */
export function resourcePath(
  type: ResourceType<KubeObject>,
  ref: {
    namespace?: string | undefined;
    name?: string | undefined;
    subresource?: string | undefined;
  } = {},
): string {
  const parts = type.group === "" ? ["api", type.version] : ["apis", type.group, type.version];
  if (type.namespaced && ref.namespace !== undefined) parts.push("namespaces", ref.namespace);
  else if (type.namespaced && ref.name !== undefined) {
    throw new Error(`${type.kind} ${ref.name} is namespaced and no namespace was given`);
  }
  parts.push(type.plural);
  if (ref.name !== undefined) parts.push(ref.name);
  if (ref.subresource !== undefined) parts.push(ref.subresource);
  return "/" + parts.map(pathSegment).join("/");
}

function pathSegment(text: string): string {
  if (text === "" || text === "." || text === ".." || /[/%]/.test(text)) {
    throw new Error(`${JSON.stringify(text)} cannot be part of an API path`);
  }
  return encodeURIComponent(text);
}
