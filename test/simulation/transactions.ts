// Transactions, and logs of them as a server keeps them: by GTID, with their text as servers write it.
// A transaction is the same only if it is the same object: two of one GTID are a divergence.

export type Effect =
  | { readonly type: "row"; readonly row: number }
  /** `passwords`: those of the recovery accounts, from then on. */
  | { readonly type: "account"; readonly passwords?: number }
  | { readonly type: "createSchema" }
  | {
    readonly type: "createMetadata";
    readonly name: string;
    readonly groupName: string;
    readonly uuid: string;
    readonly address: string;
  }
  | { readonly type: "addInstance" | "changeUuid"; readonly uuid: string; readonly address: string }
  | { readonly type: "removeInstance"; readonly address: string };

export type Transaction = {
  readonly source: string;
  readonly number: number;
  readonly effect: Effect;
};

/** A set of transactions, in the order in which they came. */
export class TransactionLog {
  #all: Transaction[] = [];
  readonly #sources = new Map<string, Map<number, Transaction>>();
  readonly #last = new Map<string, number>();
  #text: string | undefined;

  static of(...logs: readonly Iterable<Transaction>[]): TransactionLog {
    const log = new TransactionLog();
    for (const one of logs) for (const transaction of one) log.add(transaction);
    return log;
  }

  [Symbol.iterator](): IterableIterator<Transaction> {
    return this.#all[Symbol.iterator]();
  }

  get size(): number {
    return this.#all.length;
  }

  /** False when it held that GTID already. */
  add(transaction: Transaction): boolean {
    const { source, number } = transaction;
    const numbers = this.#sources.get(source) ?? new Map<number, Transaction>();
    if (numbers.has(number)) return false;
    this.#sources.set(source, numbers.set(number, transaction));
    this.#all.push(transaction);
    if (number > this.last(source)) this.#last.set(source, number);
    this.#text = undefined;
    return true;
  }

  /** What it holds under the GTID of this one. */
  get({ source, number }: Transaction): Transaction | undefined {
    return this.#sources.get(source)?.get(number);
  }

  /** Those of others whose GTID is not here. */
  missing(others: Iterable<Transaction>): Transaction[] {
    return [...others].filter((one) => this.get(one) === undefined);
  }

  /** Highest number of a source. */
  last(source: string): number {
    return this.#last.get(source) ?? 0;
  }

  /** As a server writes it. */
  get text(): string {
    return this.#text ??= formatSet(this.#sources);
  }

  copy(): TransactionLog {
    return TransactionLog.of(this.#all);
  }
}

type GtidSet = Map<string, Set<number>>;
type Numbers = { readonly size: number; keys(): IterableIterator<number> };

/** GTID_SUBTRACT of two texts. */
export function subtractSets(set: string, within: string): string {
  const key = `${set} - ${within}`;
  const known = subtracted.get(key);
  if (known !== undefined) return known;
  const less = parseSet(within);
  const rest: GtidSet = new Map();
  for (const [source, numbers] of parseSet(set)) {
    const left = [...numbers].filter((number) => !less.get(source)?.has(number));
    if (left.length > 0) rest.set(source, new Set(left));
  }
  if (subtracted.size > 5_000) subtracted.clear();
  const text = formatSet(rest);
  subtracted.set(key, text);
  return text;
}

const subtracted = new Map<string, string>();

function parseSet(text: string): GtidSet {
  const set: GtidSet = new Map();
  for (const part of text.split(",")) {
    const [source = "", ...intervals] = part.trim().split(":");
    if (source === "") continue;
    const numbers = set.get(source) ?? new Set<number>();
    for (const interval of intervals) {
      const [first = 0, last = first] = interval.split("-").map(Number);
      for (let number = first; number <= last; number++) numbers.add(number);
    }
    set.set(source, numbers);
  }
  return set;
}

function formatSet(set: ReadonlyMap<string, Numbers>): string {
  const parts: string[] = [];
  for (const [source, numbers] of [...set].sort(([a], [b]) => a < b ? -1 : 1)) {
    const intervals: [number, number][] = [];
    for (const number of [...numbers.keys()].sort((a, b) => a - b)) {
      const last = intervals.at(-1);
      if (last !== undefined && last[1] === number - 1) last[1] = number;
      else intervals.push([number, number]);
    }
    const text = intervals.map(([first, last]) => first === last ? first : `${first}-${last}`);
    if (text.length > 0) parts.push([source, ...text].join(":"));
  }
  return parts.join(",");
}
