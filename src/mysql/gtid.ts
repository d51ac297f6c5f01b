// Pure: GTID sets as text. Reads them, with tags (`uuid:1-5:tag:1-3`, servers from 8.3), and joins them.
// Which set contains which is never computed here but asked of a server (GTID_SUBTRACT, GTID_SUBSET),
// which knows every form it writes.

export type GtidInterval = {
  readonly source: string;
  readonly tag: string;
  readonly first: bigint;
  readonly last: bigint;
};

/** The intervals of a set, in its order; undefined if the text is no GTID set. */
export function parseGtidSet(text: string): readonly GtidInterval[] | undefined {
  const intervals: GtidInterval[] = [];
  for (const part of normaliseGtidSet(text).split(",")) {
    if (part === "") continue;
    const [source = "", ...fields] = part.split(":");
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(source)) return undefined;
    let tag = "";
    for (const field of fields) {
      const match = /^(\d+)(?:-(\d+))?$/.exec(field);
      if (match === null) {
        if (!/^[a-z_][a-z0-9_]{0,31}$/i.test(field)) return undefined;
        tag = field.toLowerCase();
        continue;
      }
      const first = BigInt(match[1] ?? "0");
      intervals.push({ source: source.toLowerCase(), tag, first, last: BigInt(match[2] ?? first) });
    }
  }
  return intervals;
}

/** How many transactions a set holds; 0 for a text that is no set. */
export function countTransactions(text: string): number {
  const intervals = parseGtidSet(text) ?? [];
  return Number(intervals.reduce((sum, { first, last }) => sum + last - first + 1n, 0n));
}

/** Without the line breaks and spaces that the server puts between sources. */
export function normaliseGtidSet(text: string): string {
  return text.replace(/\s+/g, "");
}

/**
 * A set holding all of the given ones, as a server would write it: one text for one set, however it was given. Texts
 * that are no sets stay as they are.
 */
export function unionGtidSets(...sets: readonly string[]): string {
  const text = sets.map(normaliseGtidSet).filter((set) => set !== "").join(",");
  const intervals = parseGtidSet(text);
  if (intervals === undefined) return text;
  const merged: GtidInterval[] = [];
  for (const next of intervals.toSorted(inOrder)) {
    const before = merged.at(-1);
    const same = before?.source === next.source && before.tag === next.tag;
    if (!same || next.first > before.last + 1n) merged.push(next);
    else if (next.last > before.last) merged[merged.length - 1] = { ...before, last: next.last };
  }
  return merged.map(({ source, tag, first, last }, n) => {
    const before = merged[n - 1];
    const begins = before?.source === source ? "" : `${before === undefined ? "" : ","}${source}`;
    const tagged = tag === "" || (begins === "" && before?.tag === tag) ? "" : `:${tag}`;
    return `${begins}${tagged}:${first === last ? first : `${first}-${last}`}`;
  }).join("");
}

// As a server orders what it writes: of a source what has no tag comes first.
function inOrder(a: GtidInterval, b: GtidInterval): number {
  if (a.source !== b.source) return a.source < b.source ? -1 : 1;
  if (a.tag !== b.tag) return a.tag < b.tag ? -1 : 1;
  return a.first < b.first ? -1 : 1;
}

/** The part of a set, as a server writes it, that comes from one source. */
export function ofSource(set: string, source: string): string {
  return normaliseGtidSet(set).split(",").filter((part) => part.startsWith(`${source}:`)).join(",");
}

/** For messages: the set, shortened to its first sources. */
export function describeGtidSet(text: string): string {
  const parts = normaliseGtidSet(text).split(",").filter((part) => part !== "");
  if (parts.length === 0) return "(empty)";
  const more = parts.length > 3 ? ` and ${parts.length - 3} more sources` : "";
  return parts.slice(0, 3).join(",") + more;
}
