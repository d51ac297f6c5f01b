// One way to name a text by what it says.

import { createHash } from "node:crypto";

/** 16 hexadecimal digits of SHA-256: no two texts that are alike by chance share them. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
