import t from "tap";
import { MetricRegistry } from "../../../src/base/metrics.ts";

t.test("render() is the Prometheus text format", async (t) => {
  const registry = new MetricRegistry();
  registry.counter("runs_total", "Runs", ["result"]).inc({ result: 'a"b\\c\nd' });
  registry.gauge("depth", "Depth").set({}, 3);
  const seconds = registry.histogram("seconds", "Time", ["op"], [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe({ op: "x" }, value);
  t.equal(
    registry.render(),
    [
      "# HELP runs_total Runs",
      "# TYPE runs_total counter",
      'runs_total{result="a\\"b\\\\c\\nd"} 1',
      "# HELP depth Depth",
      "# TYPE depth gauge",
      "depth 3",
      "# HELP seconds Time",
      "# TYPE seconds histogram",
      'seconds_bucket{op="x",le="0.1"} 2',
      'seconds_bucket{op="x",le="1"} 3',
      'seconds_bucket{op="x",le="+Inf"} 4',
      'seconds_sum{op="x"} 7.65',
      'seconds_count{op="x"} 4',
      "",
    ].join("\n"),
  );
});

t.test("a registry gives the same metric for the same name", async (t) => {
  const registry = new MetricRegistry();
  registry.counter("runs_total", "Runs").inc();
  registry.counter("runs_total", "Runs").inc({}, 2);
  t.match(registry.render(), "runs_total 3");
  t.throws(() => registry.gauge("runs_total", "Runs"), /already a counter/);
  t.throws(() => registry.counter("runs_total", "Runs").inc({ colour: "red" }), /no label colour/);
});

t.test("beforeRender() computes values when they are asked for", async (t) => {
  const registry = new MetricRegistry();
  let age = 0;
  const gauge = registry.gauge("age", "Age");
  registry.beforeRender(() => gauge.set({}, ++age));
  registry.render();
  t.match(registry.render(), "age 2");
});

t.test("labelled() gives functions for one series each; counters begin at 0", async (t) => {
  const registry = new MetricRegistry();
  const { counter, gauge, histogram } = registry.labelled({ name: "a" });
  const runs = counter("runs_total", "Runs");
  t.match(registry.render(), 'runs_total{name="a"} 0');
  runs();
  gauge("depth", "Depth")(3);
  histogram("seconds", "Time")(0.2);
  for (const line of ['runs_total{name="a"} 1', 'depth{name="a"} 3', 'seconds_sum{name="a"} 0.2']) {
    t.match(registry.render(), line);
  }
});
