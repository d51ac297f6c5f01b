// Pure: JSON that others wrote.

/** What the text says; undefined when it is no JSON. The parser's message would quote it, perhaps a secret. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
