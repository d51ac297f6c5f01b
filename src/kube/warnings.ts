// What the API server warns of (deprecated kinds, doubtful values): Warning headers, each text logged once.

import { type Logger, newsOf } from "../base/log.ts";

/** Pure: the texts of a Warning header: `299 - "a text", 299 - "with \"quotes\""`. Other codes are HTTP's own. */
export function parseWarnings(header: string): string[] {
  return [...header.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)]
    .map(([, quoted = ""]) => quoted.replace(/\\(.)/g, "$1"));
}

/** Logs the warnings of one answer, except those that were logged before. */
export function warningLog(log: Logger): (header: string | undefined, request: string) => void {
  const isNew = newsOf();
  return (header, request) => {
    for (const warning of parseWarnings(header ?? "").filter(isNew)) {
      log.warn("API server warning", { request, warning });
    }
  };
}
