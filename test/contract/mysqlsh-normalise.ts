// What differs between two honest runs of the same command, and how each difference is levelled before
// stdout and stderr are compared with a transcript. Both sides go through the same table; everything
// that is not in it must be equal to the letter.

interface Rule {
  what: string;
  pattern: RegExp;
  replacement: string;
}

/** Text rules, applied to the whole output. Ports are mapped back to the recorded ones before. */
export const TEXT_RULES: Rule[] = [
  {
    what: "server, group and transaction uuids are new in every run",
    pattern: /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g,
    replacement: "<uuid>",
  },
  {
    what: "the number of one transaction counts all since the bootstrap",
    pattern: /(<uuid>:)\d+(?![-\d])/g,
    replacement: "$1<n>",
  },
  {
    what: "when an applier failed",
    pattern: /( \(\d+\) at )\d{4}-\d\d-\d\d [\d:.]+/g,
    replacement: "$1<time>",
  },
  {
    what: "the server's error log differs in every run",
    pattern: /(?:\{"info":" {2}\d{4}-\d\d-\d\d [\d:.]+ \[[^\n]*\n)+/g,
    replacement: "<error log>\n",
  },
  {
    what: "view ids count views since the bootstrap (here inside of printed text)",
    pattern: /(\\"groupViewId\\": \\")\d+:\d+/g,
    replacement: "$1<view>",
  },
  {
    what: "the time that a statement took",
    pattern: /"executionTime":"[\d.]+ sec"/g,
    replacement: '"executionTime":"<time>"',
  },
  {
    what: "size and time of a clone",
    pattern: /[\d.]+ MB transferred in [^"]*?\(~[\d.]+ MB\/s\)/g,
    replacement: "<size> transferred in <time>",
  },
  {
    what: "the donor is chosen by Group Replication",
    pattern: /(is being (?:cloned|recovered) from '?)127\.0\.0\.1:\d+/g,
    replacement: "$1<donor>",
  },
  {
    what: "recovery may be over before the first look",
    pattern:
      /\{"info":"Incremental state recovery is now in progress\.\\n"\}\n\{"info":"\\n"\}\n\{"info":"\* Waiting for distributed recovery to finish\.\.\.\\n"\}\n(?:\{"note":"[^\n]*being recovered from[^\n]*\n)?\{"info":"\* Distributed recovery has finished\\n"\}/g,
    replacement: "<recovered>",
  },
  {
    what: "recovery may be over before the first look (the short form)",
    pattern: /\{"info":"State recovery already finished for '[^']*'\\n"\}/g,
    replacement: "<recovered>",
  },
  {
    what: "whether a background start of Group Replication was still running",
    pattern:
      /\{"note":"The instance '[^']*' is running auto-rejoin process, which will be cancelled\.\\n"\}\n\{"info":"\\n"\}\n|\{"note":"Cancelling active GR auto-initialization at [^\n]*\n/g,
    replacement: "",
  },
  {
    what: "a clone's progress is sampled: the restart may fall between two looks",
    pattern:
      /(?<=Stage REDO COPY: Completed\\n"\}\n)(?:\{"info":"\\n"\}\n\{"note":"[^\n]* is shutting down[^\n]*\n\{"info":"\\n"\}\n(?:\{"info":"\* Waiting for server restart[^\n]*\n)+\{"info":"\* [^\n]* has restarted, waiting for clone to finish[^\n]*\n)?/g,
    replacement: "<restart>\n",
  },
];

/** Values in a JSON result that are levelled by their key, everywhere or in one kind of object. */
const JSON_RULES: { what: string; keys: RegExp; within?: string; replacement: string }[] = [
  {
    what: "view ids count views since the bootstrap",
    keys: /^groupViewId$/,
    replacement: "<view>",
  },
  { what: "thread numbers", keys: /^threadId$/, replacement: "<thread>" },
  {
    what: "transaction counters",
    keys: /Count$|^receivedHeartbeats$|^retries$/,
    replacement: "<n>",
  },
  {
    what: "GTID sets",
    keys: /^(?:committedAllMembers|lastConflictFree|receivedTransactionSet|transaction)$/,
    replacement: "<gtids>",
  },
  {
    what: "what a recovery does at the moment of the look",
    keys: /^(?:applierQueuedTransactionSetSize|applierThreadState|receiverThreadState)$/,
    within: "recoveryChannel",
    replacement: "<now>",
  },
  {
    what: "the donor of a recovery, chosen by Group Replication",
    keys: /^source$/,
    within: "recoveryChannel",
    replacement: "<donor>",
  },
  {
    what: "times of transactions",
    keys: /Timestamp$|Time$/,
    replacement: "<time>",
  },
];

/** The lines of an output after levelling. */
export function normalise(output: string): string[] {
  let text = output;
  for (const { pattern, replacement } of TEXT_RULES) {
    text = text.replace(pattern, replacement);
  }
  return text.split("\n").filter((line, at, all) => line !== "" || at < all.length - 1).map(
    levelJson,
  );
}

function levelJson(line: string): string {
  if (!line.startsWith('{"clusterName":')) return line;
  return JSON.stringify(level(JSON.parse(line)));
}

function level(value: unknown, within = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => level(item, within));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const rule = JSON_RULES.find((rule) =>
        rule.keys.test(key) && (rule.within ?? within) === within
      );
      return [
        key,
        rule === undefined || typeof item === "object" && item !== null
          ? level(item, key)
          : rule.replacement,
      ];
    }),
  );
}
