// Pure: a line of a watch as JSON, without the managedFields of its object. They are near half of the text and
// nobody here reads them: cutting them out costs a tenth of parsing and throwing them away.

const FIELD = '"managedFields":';
const MARK = 0;

type Line = { object?: { metadata?: { managedFields?: unknown } } };

/**
 * JSON.parse of the line, with the object's metadata.managedFields undefined. Throws on what is not JSON.
 *
 * Exact, although the text is only searched. Quotes inside a string are escaped, so FIELD is found as a key
 * and nowhere else. Of an array of objects that hold no arrays, `}]` is the end; a cut that ends inside a
 * string or at an inner array leaves quotes or brackets unpaired, which is no JSON; and a cut of another
 * field of that name leaves the object's own metadata without the mark. Then the whole line is parsed.
 */
export function parseWithoutManagedFields(line: string): unknown {
  const at = line.indexOf(`${FIELD}[{`);
  const end = at < 0 ? -1 : line.indexOf("}]", at);
  const cut = end < 0 ? undefined : marked(line.slice(0, at), line.slice(end + 2));
  const parsed = cut ?? JSON.parse(line) as Line | null;
  const metadata = parsed?.object?.metadata;
  // Not `delete`: that would turn the object into a slower and larger one.
  if (metadata?.managedFields !== undefined) metadata.managedFields = undefined;
  return parsed;
}

function marked(before: string, after: string): Line | undefined {
  try {
    const line = JSON.parse(`${before}${FIELD}${MARK}${after}`) as Line;
    return line.object?.metadata?.managedFields === MARK ? line : undefined;
  } catch {
    return undefined; // cut in the wrong place, or no JSON at all: parsing the whole line tells
  }
}
