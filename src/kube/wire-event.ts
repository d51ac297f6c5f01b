// Pure: a line of a watch → what it says, with no more of it parsed than is needed. managedFields are near
// half of an object and nobody here reads them; spec and status are most of the rest, and of ten versions
// that follow each other their reader often wants only the last.

import type { KubeObject } from "./object.ts";

export type WireEvent = {
  type?: unknown;
  kind?: unknown;
  object?: Partial<KubeObject> & { metadata?: { managedFields?: unknown } };
  /** The rest of the object, still as JSON. */
  rest?: string;
};

const FIELD = '"managedFields":';
const MARK = 0;
const SPEC = ',"spec":{';
const END = "}}";
const [BRACE, BRACKET] = [0x7d, 0x5d]; // } and ]

/** The whole line. Throws on what is not JSON. */
export function parseEvent(line: Buffer): WireEvent | null {
  const event = JSON.parse(line.toString()) as WireEvent | null;
  const metadata = event?.object?.metadata;
  // Not `delete`: that would turn the object into a slower and larger one.
  if (metadata?.managedFields !== undefined) metadata.managedFields = undefined;
  return event;
}

/**
 * The line of an object that is written as the API server writes its own kinds: metadata before spec. What
 * follows the metadata becomes `rest`. undefined: this line is different, and has to be parsed as a whole.
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
  event.rest = `{${line.toString("utf8", spec + 1, line.length - 1)}`;
  return event;
}

/** Behind the first `}]`. Looking for these two at once would stop at every brace: hundreds, against a few brackets. */
function endOfObjects(line: Buffer, from: number): number {
  let at = line.indexOf(BRACKET, from);
  while (at > 0 && line[at - 1] !== BRACE) at = line.indexOf(BRACKET, at + 1);
  return at + 1;
}
