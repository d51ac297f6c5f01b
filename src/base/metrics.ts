// Counters, gauges and histograms with the Prometheus text format. A registry is made by the composition
// root and passed down; there is no global one. Registering a name again gives the same metric back, so
// that every controller may ask for the shared ones.

export type Labels = Record<string, string>;

abstract class Metric {
  abstract readonly kind: "counter" | "gauge" | "histogram";
  readonly name: string;
  readonly help: string;
  readonly #labelNames: readonly string[];

  constructor(name: string, help: string, labelNames: readonly string[]) {
    this.name = name;
    this.help = help;
    this.#labelNames = labelNames;
  }

  /** The rendered label set is the identity of a series. */
  protected series(labels: Labels): string {
    const unknown = Object.keys(labels).find((name) => !this.#labelNames.includes(name));
    if (unknown !== undefined) throw new Error(`metric ${this.name} has no label ${unknown}`);
    const escape = (text: string) => text.replace(/[\\"\n]/g, (c) => c === "\n" ? "\\n" : `\\${c}`);
    return this.#labelNames.map((name) => `${name}="${escape(labels[name] ?? "")}"`).join(",");
  }

  abstract lines(): string[];
}

function line(name: string, series: string, value: number): string {
  return `${name}${series === "" ? "" : `{${series}}`} ${String(value).replace("Infinity", "Inf")}`;
}

abstract class SingleValue extends Metric {
  protected readonly values = new Map<string, number>();

  lines(): string[] {
    return [...this.values].map(([series, value]) => line(this.name, series, value));
  }
}

/** Only goes up. */
export class Counter extends SingleValue {
  readonly kind = "counter";

  inc(labels: Labels = {}, by = 1): void {
    const series = this.series(labels);
    this.values.set(series, (this.values.get(series) ?? 0) + by);
  }
}

/** Goes up and down. */
export class Gauge extends SingleValue {
  readonly kind = "gauge";

  set(labels: Labels, value: number): void {
    this.values.set(this.series(labels), value);
  }

  /** Forgets all series, for gauges whose label values come and go. */
  clear(): void {
    this.values.clear();
  }
}

type Distribution = { counts: number[]; sum: number; count: number };

/** Observations counted into buckets (upper limits, ascending). */
export class Histogram extends Metric {
  readonly kind = "histogram";
  readonly #values = new Map<string, Distribution>();
  readonly #buckets: readonly number[];

  constructor(
    name: string,
    help: string,
    labelNames: readonly string[],
    buckets: readonly number[],
  ) {
    super(name, help, labelNames);
    this.#buckets = buckets;
  }

  observe(labels: Labels, value: number): void {
    const series = this.series(labels);
    const into = this.#values.get(series) ??
      { counts: this.#buckets.map(() => 0), sum: 0, count: 0 };
    this.#values.set(series, into);
    const index = this.#buckets.findIndex((limit) => value <= limit);
    if (index >= 0) into.counts[index] = (into.counts[index] ?? 0) + 1;
    into.sum += value;
    into.count += 1;
  }

  lines(): string[] {
    return [...this.#values].flatMap(([series, { counts, sum, count }]) => {
      const at = (le: string): string => series === "" ? `le="${le}"` : `${series},le="${le}"`;
      let below = 0;
      const buckets = this.#buckets.map((limit, index) => {
        below += counts[index] ?? 0;
        return line(`${this.name}_bucket`, at(String(limit)), below);
      });
      return [
        ...buckets,
        line(`${this.name}_bucket`, at("+Inf"), count),
        line(`${this.name}_sum`, series, sum),
        line(`${this.name}_count`, series, count),
      ];
    });
  }
}

/** Upper limits in seconds that suit reconciles and requests. */
export const SECONDS_BUCKETS: readonly number[] = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
  60,
];

export class MetricRegistry {
  readonly #metrics = new Map<string, Metric>();
  readonly #collectors: (() => void)[] = [];

  counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return this.#register(name, () => new Counter(name, help, labelNames));
  }

  gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    return this.#register(name, () => new Gauge(name, help, labelNames));
  }

  histogram(
    name: string,
    help: string,
    labelNames: readonly string[] = [],
    buckets: readonly number[] = SECONDS_BUCKETS,
  ): Histogram {
    return this.#register(name, () => new Histogram(name, help, labelNames, buckets));
  }

  /** Metrics of one series each, with these labels: functions that count one more, set or observe. */
  labelled(labels: Labels) {
    const names = Object.keys(labels);
    return {
      /** Begins at 0, so that a dashboard sees the first one. */
      counter: (name: string, help: string): () => void => {
        const counter = this.counter(name, help, names);
        counter.inc(labels, 0);
        return () => counter.inc(labels);
      },
      gauge: (name: string, help: string): (value: number) => void => {
        const gauge = this.gauge(name, help, names);
        return (value) => gauge.set(labels, value);
      },
      histogram: (name: string, help: string): (value: number) => void => {
        const histogram = this.histogram(name, help, names);
        return (value) => histogram.observe(labels, value);
      },
    };
  }

  /** Calls collect before every render(), for values that are computed when asked for. */
  beforeRender(collect: () => void): void {
    this.#collectors.push(collect);
  }

  /** The Prometheus text exposition (content type text/plain; version=0.0.4). */
  render(): string {
    for (const collect of this.#collectors) collect();
    return [...this.#metrics.values()].flatMap((metric) => [
      `# HELP ${metric.name} ${metric.help.replace(/\n/g, " ")}`,
      `# TYPE ${metric.name} ${metric.kind}`,
      ...metric.lines(),
    ]).join("\n") + "\n";
  }

  #register<M extends Metric>(name: string, make: () => M): M {
    const made = make();
    const known = this.#metrics.get(name) ?? made;
    if (known.kind !== made.kind) throw new Error(`metric ${name} is already a ${known.kind}`);
    this.#metrics.set(name, known);
    return known as M;
  }
}
