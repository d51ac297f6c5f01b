// What the API server warns of (deprecated kinds, doubtful values): Warning headers, each text logged once.

import type { Logger } from "../base/log.ts";

// Object names in texts must not make the memory of them grow without end.
const MOST_REMEMBERED = 1000;

/** Pure: the texts of a Warning header: `299 - "a text", 299 - "with \"quotes\""`. Other codes are HTTP's own. */
export function parseWarnings(header: string): string[] {
  return [...header.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)]
    .map(([, quoted = ""]) => quoted.replace(/\\(.)/g, "$1"));
}

/** Logs the warnings of one answer, except those that were logged before. */
export function warningLog(log: Logger): (header: string | undefined, request: string) => void {
  const logged = new Set<string>();
  return (header, request) => {
    for (const warning of parseWarnings(header ?? "")) {
      if (logged.has(warning)) continue;
      if (logged.size >= MOST_REMEMBERED) logged.clear();
      logged.add(warning);
      log.warn("API server warning", { request, warning });
    }
  };
}
