// What a watch says, as inputs of watcher.ts: lines → inputs, errors → failures. No waiting, no policy:
// which failure leads to what is decided there.

import { ApiError, isGone } from "./api-error.ts";
import { parseWithoutManagedFields } from "./managed-fields.ts";
import type { KubeObject, Status } from "./object.ts";
import type { ResourceVersion, WatcherInput } from "./watcher.ts";

type Line<T> = { type?: string; object?: T & Status };
type Failure = (WatcherInput<never> & { type: "failed" })["failure"];

/** One line of a watch; undefined for an event of an unknown type. Throws on what is not JSON. */
export function parseLine<T extends KubeObject>(line: string): WatcherInput<T> | undefined {
  const { type, object } = parseWithoutManagedFields(line) as Line<T>;
  if (type === "ERROR") return { type: "failed", failure: classifyStatus(object ?? {}) };
  const resourceVersion = object?.metadata?.resourceVersion as ResourceVersion | undefined;
  if (object === undefined || resourceVersion === undefined) return undefined;
  switch (type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type: "changed", change: type, object, resourceVersion };
    case "BOOKMARK": {
      const end = object.metadata.annotations?.["k8s.io/initial-events-end"];
      return { type: "bookmark", resourceVersion, initialEventsEnd: end === "true" };
    }
    default:
      return undefined;
  }
}

// An error in a stream that was well before: the server may have lost track of the changes.
function classifyStatus({ code, reason }: Status): Failure {
  if (code === 410 || reason === "Expired" || reason === "Gone") return "gone";
  return code === 429 ? "busy" : "broken";
}

/** What a request that could not even be opened means. */
export function classifyError(error: unknown): Failure {
  if (isGone(error)) return "gone";
  switch (error instanceof ApiError ? error.httpStatus : undefined) {
    case 400:
    case 422:
      return "refused";
    case 404:
    // 504 also means that the version asked for lies in the future, as after a restored backup.
    case 504:
      return "broken";
    default:
      return "busy";
  }
}

/** Without the half of an object that nobody here reads. */
export function dropManagedFields<T extends KubeObject>(object: T): T {
  const metadata = object.metadata as T["metadata"] & { managedFields?: unknown };
  // Not `delete`: that would turn the object into a slower and larger one.
  if (metadata.managedFields !== undefined) metadata.managedFields = undefined;
  return object;
}
