// Pure: which kinds there are and where they live in the API. A ResourceType is a value that carries the
// type of its objects: client.of(pods).get(…) gives a Pod. Our own kinds are described the same way.

import type { KubeObject, Lease } from "./object.ts";

export interface ResourceType<T extends KubeObject = KubeObject> {
  readonly group: string; // empty for the core group
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly metadataOnly?: boolean; // of each object only apiVersion, kind and metadata are asked for
  readonly object?: T; // never set: only ties the type of the objects to the value
}

export type ObjectRef = { namespace?: string | undefined; name: string };
/** An object, or a part of it that has a path of its own: status, scale. */
export type Target = ObjectRef & { subresource?: string | undefined };

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
export const metadataOnly = (type: ResourceType): ResourceType => ({ ...type, metadataOnly: true });

export const leases = resourceType<Lease>("coordination.k8s.io/v1", "Lease", "leases");

/** "v1" or "apps/v1", as an object's apiVersion field has it. */
export const apiVersion = ({ group, version }: ResourceType): string =>
  group === "" ? version : `${group}/${version}`;

/** "StatefulSet db/main": how messages name an object. */
export function describeRef(type: ResourceType, ref: Partial<ObjectRef>): string {
  const path = [ref.namespace, ref.name].filter((part) => part !== undefined).join("/");
  return `${type.kind} ${path}`.trim();
}

/**
 * Path of a collection (no name), of an object or of a part of it. Throws when a namespaced object has no
 * namespace, or a part could leave its place in the path.
 */
export function resourcePath(type: ResourceType, target: Partial<Target> = {}): string {
  const { namespace, name, subresource } = target;
  if (type.namespaced && namespace === undefined && name !== undefined) {
    throw new Error(`${type.kind} ${name} is namespaced and no namespace was given`);
  }
  const root = type.group === "" ? ["api"] : ["apis", type.group];
  const scope = type.namespaced && namespace !== undefined ? ["namespaces", namespace] : [];
  const parts = [...root, type.version, ...scope, type.plural, name, subresource];
  return "/" + parts.filter((part) => part !== undefined).map(pathSegment).join("/");
}

function pathSegment(text: string): string {
  if (text === "" || text === "." || text === ".." || /[/%]/.test(text)) {
    throw new Error(`${JSON.stringify(text)} cannot be part of an API path`);
  }
  return encodeURIComponent(text);
}

const INTEGER = /^[1-9][0-9]*$/;

/**
 * Of resource versions: opaque, but those of one kind can be ordered when both are well-formed integers. An
 * order may only serve to leave out what is old. Below 0: a is older than b. 0: the same. Above
 * 0: newer, or nobody can say.
 */
export function versionOrder(a: string | undefined, b: string | undefined): number {
  if (a === b && a !== undefined) return 0;
  if (!a || !b || !INTEGER.test(a) || !INTEGER.test(b)) return 1;
  return a.length - b.length || (a < b ? -1 : 1);
}
