// Leases and the controller loop on the real API server.

import t from "tap";
import { startApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { systemClock as clock, untilAborted } from "../../src/base/clock.ts";
import { TerminalError } from "../../src/base/errors.ts";
import { createLogger, silentLogger as log } from "../../src/base/log.ts";
import { MetricRegistry } from "../../src/base/metrics.ts";
import { type ConfigMap, configMaps, secrets } from "../../src/api/kinds.ts";
import { leases } from "../../src/kube/resource.ts";
import { keyOf } from "../../src/kube/store.ts";
import { Controller, type ReconcileResult } from "../../src/runtime/controller.ts";
import { LeaseLock, type LeaseOptions } from "../../src/runtime/lease.ts";

const server = await startApiServer(t, { controllers: false });
const client = server.client();
const limit = () => AbortSignal.timeout(60_000);
const namespace = "default";
const TIMES = { leaseDurationMs: 3000, renewDeadlineMs: 2000, retryPeriodMs: 200 };

const optionsOf = (name: string, identity: string): LeaseOptions => ({
  client: server.client(),
  namespace,
  name,
  identity,
  clock,
  log,
  ...TIMES,
});

/** A candidate that notes what happens to it. */
function candidate(name: string, identity: string) {
  const stop = new AbortController();
  const led = Promise.withResolvers<AbortSignal>();
  const lost = Promise.withResolvers<number>();
  const lock = new LeaseLock({ ...optionsOf(name, identity), mayCreate: true });
  const ended = (async () => {
    const held = await lock.acquire(stop.signal);
    if (held === undefined) return;
    led.resolve(held.lost);
    await Promise.race([untilAborted(held.lost), untilAborted(stop.signal)]);
    lost.resolve(clock.monotonic());
    await held.release();
  })();
  t.teardown(async () => {
    stop.abort();
    await ended;
  });
  return { lock, led: led.promise, lost: lost.promise, ended, stop: () => stop.abort() };
}

t.test("one leads, the other takes over as soon as the Lease is given up", async (t) => {
  const first = candidate("election", "first");
  await first.led;
  const second = candidate("election", "second");
  t.ok(first.lock.held);
  t.match((await client.of(leases).get({ namespace, name: "election" }, limit()))?.spec, {
    holderIdentity: "first",
    leaseDurationSeconds: 3,
    leaseTransitions: 0,
  });
  const releasedAt = clock.monotonic();
  first.stop();
  await first.ended;
  t.notOk(first.lock.held);
  await second.led;
  t.ok(
    clock.monotonic() - releasedAt < TIMES.leaseDurationMs,
    "nobody had to wait for it to expire",
  );
  t.match((await client.of(leases).get({ namespace, name: "election" }, limit()))?.spec, {
    holderIdentity: "second",
    leaseTransitions: 1,
  });
});

const OUTAGES = [
  { name: "is killed", begin: () => server.killApiServer(), end: () => server.startApiServer() },
  { name: "stands still", begin: () => server.freeze(), end: () => server.thaw() },
];

for (const { name, begin, end } of OUTAGES) {
  t.test(`a leader whose API server ${name} stops before anybody else can begin`, async (t) => {
    const first = candidate(`cut-off-${name.replaceAll(" ", "-")}`, "first");
    const signal = await first.led;
    const before = clock.monotonic();
    await begin();
    const lostAt = await first.lost;
    t.ok(signal.aborted);
    t.ok(lostAt - before < TIMES.leaseDurationMs, "earlier than the Lease expires for others");
    await end();
  });
}

t.test("a leader that failed is followed when its Lease has expired", async (t) => {
  const spec = {
    holderIdentity: "dead",
    leaseDurationSeconds: 1,
    renewTime: "2099-01-01T00:00:00.000000Z",
    leaseTransitions: 7,
  };
  await client.of(leases).create({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { namespace, name: "expiring" },
    spec,
  }, limit());
  const second = candidate("expiring", "second");
  await second.led;
  t.match((await client.of(leases).get({ namespace, name: "expiring" }, limit()))?.spec, {
    holderIdentity: "second",
    leaseTransitions: 8,
  });
});

t.test("an action holds a Lease that exists, one at a time", async (t) => {
  const name = "action";
  const [one, two] = [
    new LeaseLock(optionsOf(name, "main-0")),
    new LeaseLock(optionsOf(name, "main-1")),
  ];
  await t.rejects(one.tryAcquire("join", limit()), /Lease default\/action does not exist/);
  await client.of(leases).create({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { namespace, name },
  }, limit());
  const held = await one.tryAcquire("join", limit());
  t.ok(held?.stillMine());
  t.equal(await one.tryAcquire("again", limit()), undefined, "not twice by the same holder");
  t.equal(await two.tryAcquire("rejoin", limit()), undefined);
  t.equal(two.holder, "main-0");
  const lease = await client.of(leases).get({ namespace, name }, limit());
  t.equal(lease?.metadata.annotations?.["mysql.oracle.com/action"], "join");
  await held?.release();
  t.notOk(held?.stillMine());
  const next = await two.tryAcquire("rejoin", limit());
  t.ok(next?.stillMine());
  await next?.release();
  t.equal((await client.of(leases).get({ namespace, name }, limit()))?.spec?.holderIdentity, "");
});

t.test("an action is told when its Lease was taken from it", async (t) => {
  const name = "taken";
  await client.of(leases).create({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { namespace, name },
  }, limit());
  const held = await new LeaseLock(optionsOf(name, "main-0")).tryAcquire("create", limit());
  const told = new Promise<void>((resolve) =>
    held?.lost.addEventListener("abort", () => resolve(), { once: true })
  );
  const spec = { holderIdentity: "main-1", leaseDurationSeconds: 3600 };
  await client.of(leases).patch({ namespace, name }, { body: { spec } }, limit());
  await told;
  t.notOk(held?.stillMine());
  await held?.release();
  t.equal(
    (await client.of(leases).get({ namespace, name }, limit()))?.spec?.holderIdentity,
    "main-1",
    "what is somebody else's is not given up",
  );
});

const OTHER = "kube-public";

const map = (name: string, data: Record<string, string>, where = namespace): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: where, labels: { tested: "yes" } },
  data,
});

function controllerOf(
  reconcile: (key: string, controller: Controller, reason: string) => Promise<ReconcileResult>,
) {
  const stop = new AbortController();
  const metrics = new MetricRegistry();
  const lines: string[] = [];
  const noted = createLogger({
    level: "debug",
    format: "json",
    write: (line) => lines.push(line),
    clock,
  });
  const controller: Controller = new Controller({
    name: "test",
    workers: 2,
    client,
    sources: [
      {
        type: configMaps,
        namespaces: [namespace, OTHER],
        labelSelector: "tested=yes",
        keys: (object) => [keyOf(object)],
      },
      { type: secrets, namespaces: [namespace], keys: () => [] },
    ],
    reconcile: (key, { reason }) => reconcile(key, controller, reason),
    log: noted,
    clock,
    metrics,
  });
  const ended = controller.run(stop.signal);
  const end = async () => {
    stop.abort();
    await ended;
  };
  t.teardown(end);
  return { controller, metrics, lines, end };
}

t.test("a controller reconciles each key once all its stores are synced", async (t) => {
  await client.of(configMaps).apply(map("early", { a: "1" }), { fieldManager: "t" }, limit());
  await client.of(configMaps).apply(
    map("there", { a: "3" }, OTHER),
    { fieldManager: "t" },
    limit(),
  );
  const seen: string[] = [];
  const late = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const { end, metrics } = controllerOf(async (key, controller, reason) => {
    t.same(controller.missing, []);
    const object = controller.store(configMaps).get(key);
    seen.push(`${key} ${object?.data?.a ?? "gone"} ${reason}`);
    if (key.endsWith("late")) (object ? late : gone).resolve();
    return {};
  });
  await client.of(configMaps).apply(map("late", { a: "2" }), { fieldManager: "t" }, limit());
  await late.promise;
  await client.of(configMaps).delete({ namespace, name: "late" }, {}, limit());
  await gone.promise;
  await end();
  t.same(seen.sort(), [
    "default/early 1 ConfigMap appeared",
    "default/late 2 ConfigMap appeared",
    "default/late gone ConfigMap gone",
    `${OTHER}/there 3 ConfigMap appeared`,
  ]);
  t.match(
    metrics.render(),
    'controller_runtime_reconcile_total{controller="test",result="success"} 4',
  );
});

t.test("a controller repeats what failed, drops what cannot succeed and survives throws", async (t) => {
  const tries = new Map<string, number>();
  const done = Promise.withResolvers<void>();
  const { controller, end, lines, metrics } = controllerOf(async (key) => {
    const count = (tries.get(key) ?? 0) + 1;
    tries.set(key, count);
    if (key === "terminal") throw new TerminalError("the spec is wrong");
    if (key === "flaky" && count < 4) throw new TypeError("a bug");
    if (key === "again" && count === 1) return { requeueAfterMs: 1 };
    if (
      [...tries].filter(([name, n]) =>
        (name === "flaky" && n === 4) || (name === "again" && n === 2)
      ).length === 2
    ) done.resolve();
    return {};
  });
  for (const key of ["terminal", "flaky", "again"]) controller.enqueue(key, "test");
  await done.promise;
  await end();
  t.match([tries.get("terminal"), tries.get("flaky"), tries.get("again")], [1, 4, 2]);
  const text = lines.join("\n");
  t.match(text, /"msg":"reconcile failed, not repeated".*"key":"terminal".*the spec is wrong/);
  t.match(text, /"msg":"reconcile failed".*"key":"flaky".*"err":"a bug","stack":"TypeError/);
  t.match(
    metrics.render(),
    /controller_runtime_reconcile_total\{controller="test",result="requeue_after"\} 1/,
  );
  t.match(
    metrics.render(),
    /controller_runtime_reconcile_total\{controller="test",result="error"\} 4/,
  );
});

t.test("a controller knows only the types that it watches", async (t) => {
  const { controller, end } = controllerOf(() => Promise.resolve({}));
  t.throws(() => controller.store(leases), /controller test does not watch Lease/);
  await end();
});
