// Pure: what a server says, as inputs of watcher.ts: lines → inputs, objects → events, errors → failures. No
// policy: what follows from them is decided there. Messages never quote an object: it may be a Secret.

import { ApiError } from "./api-error.ts";
import type { KubeObject, ObjectMeta, Status } from "./object.ts";
import { apiVersion, type ResourceType } from "./resource.ts";
import type { Ending, ObjectEvent, WatcherInput } from "./watcher.ts";

type WireEvent = {
  type?: unknown;
  kind?: unknown;
  object?: Partial<KubeObject> & { metadata?: { managedFields?: unknown } };
  rest?: Buffer | undefined;
};

/**
 * One line of a watch of this type; `deferred`: spec and status need not be parsed yet. Never throws: what
 * cannot be an event is a failure.
 */
export function parseLine<T extends KubeObject>(
  type: ResourceType<T>,
  line: Buffer,
  deferred = false,
): WatcherInput<T> {
  let wire: WireEvent;
  try {
    wire = (deferred ? parseBeginning(line) : undefined) ?? JSON.parse(line.toString()) ?? {};
  } catch {
    return { type: "ended", how: "broken", why: `a line of ${line.length} bytes is not JSON` };
  }
  const { kind, metadata } = wire.object ?? {};
  switch (wire.type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED": {
      const wanted = type.metadataOnly ? "PartialObjectMetadata" : type.kind;
      if (isText(kind) && kind !== wanted) {
        // A Table, or everything where only metadata were asked for: this stream is not ours.
        return { type: "ended", how: "broken", why: `it sent ${kind} and not ${wanted}` };
      }
      const event = readObject(type, wire.object);
      if (event.type === "skipped") return event;
      if (wire.type === "DELETED") event.type = "delete";
      if (wire.rest !== undefined) event.rest = wire.rest;
      return { type: "changed", event, resourceVersion: event.object.metadata.resourceVersion };
    }
    case "BOOKMARK": {
      const { resourceVersion, annotations } = metadata ?? {};
      if (!isText(resourceVersion)) return { type: "skipped", why: "a bookmark without a version" };
      const end = annotations?.["k8s.io/initial-events-end"];
      return { type: "bookmark", resourceVersion, initialEventsEnd: end === "true" };
    }
    case "ERROR":
      return failedBy(wire.object as Status);
    default: // some proxies put a Status there without an event around it
      if (wire.kind === "Status") return failedBy(wire as Status);
      return { type: "skipped", why: `an event of type ${String(wire.type)}` };
  }
}

const FIELD = '"managedFields":';
const MARK = 0;
const SPEC = ',"spec":{';
const END = "}}";
const [BRACE, BRACKET] = [0x7d, 0x5d]; // } and ]

/**
 * managedFields are near half of an object and nobody here reads them; spec and status are most of the rest,
 * and of ten versions that follow each other their reader often wants only the last. Of the line of an object
 * that is written as the API server writes its own kinds, metadata before spec, what follows the metadata
 * becomes `rest`. undefined: this line is different, and has to be parsed as a whole.
 *
 * Exact, although the text is only searched. Quotes inside a string are escaped, so SPEC and FIELD are found
 * as keys and nowhere else. What comes before SPEC is JSON with two braces added only if SPEC is a field of
 * an object in an object; that one is `object` if there are no others. Of an array of objects that hold no
 * arrays, `}]` is the end; a cut that ends inside a string or at an inner array leaves quotes or brackets
 * unpaired, and a cut of another field of that name leaves the object's own metadata without the mark.
 */
export function parseBeginning(line: Buffer): WireEvent | undefined {
  const at = line.indexOf(`${FIELD}[{`);
  const after = at < 0 ? 0 : endOfObjects(line, at);
  const spec = line.indexOf(SPEC, after);
  if (spec < 0 || line.at(-1) !== BRACE || line.at(-2) !== BRACE) return undefined;
  const before = at < 0 ? "" : `${line.toString("utf8", 0, at)}${FIELD}${MARK}`;
  let event: WireEvent;
  try {
    event = JSON.parse(before + line.toString("utf8", after, spec) + END) as WireEvent;
  } catch {
    return undefined;
  }
  const { type, object: { metadata } = {} } = event;
  const isAlone = type !== undefined && metadata && Object.keys(event).length === 2;
  if (!isAlone || metadata.managedFields !== (at < 0 ? undefined : MARK)) return undefined;
  metadata.managedFields = undefined;
  event.rest = line.subarray(spec + 1, -1);
  return event;
}

/** Behind the first `}]`. Looking for these two at once would stop at every brace: hundreds, against a few brackets. */
function endOfObjects(line: Buffer, from: number): number {
  let at = line.indexOf(BRACKET, from);
  while (at > 0 && line[at - 1] !== BRACE) at = line.indexOf(BRACKET, at + 1);
  return at + 1;
}

/** What a watch has deferred of an object. @throws Error when it is not what objects are made of */
export function readRest(rest: Buffer): object {
  const parts = JSON.parse(`{${rest}`) as { spec?: unknown; status?: unknown };
  if ([parts.spec, parts.status].every(optional(isMap))) return parts;
  throw new Error("malformed spec or status");
}

// An error in a stream that was well before: the server may have lost track of the changes.
function failedBy(status: Status | undefined): WatcherInput<never> {
  const { code, reason, message } = status ?? {};
  const gone = code === 410 || reason === "Expired" || reason === "Gone";
  const how = gone ? "gone" : code === 429 ? "busy" : "broken";
  return { type: "ended", how, why: `${code} ${reason}: ${message}` };
}

/** What it means that a request was not carried out. */
export function classifyError(error: unknown): Ending {
  const code = error instanceof ApiError ? error.httpStatus : 0;
  if (code === 410) return "gone";
  if (code === 400 || code === 422) return "refused";
  // 504 also means that the version asked for lies in the future, as after a restored backup.
  return code === 404 || code === 504 ? "broken" : "busy";
}

type Check = (value: unknown) => boolean;
const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isMap: Check = (value) => typeof value === "object" && value !== null;
const isListOfMaps: Check = (value) => Array.isArray(value) && value.every(isMap);
const optional = (check: Check): Check => (value) =>
  (value ?? undefined) === undefined || check(value);

// What everybody relies on without looking.
const METADATA: readonly [keyof ObjectMeta, Check][] = [
  ["resourceVersion", isText],
  ["uid", optional(isText)],
  ["labels", optional(isMap)],
  ["annotations", optional(isMap)],
  ["ownerReferences", optional(isListOfMaps)],
  ["finalizers", optional(Array.isArray)],
];

/** An object of this type, whatever was sent. What has no name cannot be told of. */
export function readObject<T extends KubeObject>(
  type: ResourceType<T>,
  raw: unknown,
): ObjectEvent<T> | WatcherInput<T> & { type: "skipped" } {
  const object = raw as T & { spec?: unknown; status?: unknown } | null | undefined;
  const metadata = object?.metadata as Record<string, unknown> | null | undefined;
  const hasName = isText(metadata?.name) && (!type.namespaced || isText(metadata?.namespace));
  if (!object || !metadata || !hasName) {
    return { type: "skipped", why: `an object of kind ${type.kind} without a name` };
  }
  const malformed = METADATA.filter(([field, fits]) => !fits(metadata[field]));
  for (const [field] of malformed) metadata[field] = undefined;
  // Half of an object, and nobody here reads it. Not `delete`: that would make it slower and larger.
  if (metadata.managedFields !== undefined) metadata.managedFields = undefined;
  const kind = { apiVersion: apiVersion(type), kind: type.kind };
  if (malformed.length > 0 || ![object.spec, object.status].every(optional(isMap))) {
    const unreadable = `malformed ${malformed[0]?.[0] ?? "spec or status"}`;
    return { type: "apply", object: { ...kind, metadata } as unknown as T, unreadable };
  }
  return { type: "apply", object: type.metadataOnly ? Object.assign(object, kind) : object };
}
