// Runs fixtures/writer in the cluster and holds the database to what it acknowledged.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import type { Witnessed } from "../../fixtures/writer/witness.ts";
import { type Database, getPods, sql } from "./database.ts";
import { apply, kubectl, ROOT } from "./kubectl.ts";
import { waitFor } from "./wait.ts";

export type Report = {
  acknowledged: [number, number][];
  failed: number;
  longestGapMs: number;
  /** The longest time without an acknowledged row since the last lap. */
  lapGapMs: number;
  /** When in the lap that began, in milliseconds. */
  lapGapAtMs: number;
} & Partial<Witnessed>;
export type Writer = {
  report(): Promise<Report>;
  /** A report that begins a new lap. */
  lap(): Promise<Report>;
  stop(): Promise<Report>;
};
export type WriterOptions = {
  /** Services or Pods, as a client in the namespace names them. */
  readonly hosts: string[];
  readonly clients: number;
  /** Tells writers of one test apart, their rows too. */
  readonly number?: number;
  /** The node it must not run on, because that node is going to lose its power. */
  readonly awayFrom?: string;
  /** After each row of a client; slow enough for a member that comes back late to catch up. */
  readonly pauseMs?: number;
};

const OPERATOR_IMAGE = "localhost/mysql-operator:dev";

/** Starts writing to the hosts (Services or Pods) and waits for the first acknowledged row. */
export async function startWriter(
  t: Test,
  database: Database,
  options: WriterOptions,
): Promise<Writer> {
  const { namespace, name } = database;
  const script = readFileSync(join(ROOT, "fixtures/writer/main.ts"), "utf8");
  const metadata = { name: `${name}-writer-${options.number ?? 0}`, namespace };
  await apply(
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "main.ts": script } },
    { apiVersion: "v1", kind: "Pod", metadata, spec: podSpec(database, metadata.name, options) },
  );
  const get = async (path: string): Promise<Report> =>
    JSON.parse(
      await kubectl([
        "get",
        "--raw",
        `/api/v1/namespaces/${namespace}/pods/${metadata.name}:8080/proxy/${path}`,
      ]),
    );
  t.teardown(() =>
    kubectl([
      "-n",
      namespace,
      "delete",
      "pod",
      metadata.name,
      "--grace-period=1",
      "--ignore-not-found",
    ])
  );
  return await oncePerClient(options, get);
}

/** Hands the writer out once every client's first row has been acknowledged. */
export async function oncePerClient(
  { clients }: Pick<WriterOptions, "clients">,
  get: (path: string) => Promise<Report>,
): Promise<Writer> {
  await waitFor("the writer's first rows", 60_000, async () => {
    const { acknowledged } = await get("report");
    return acknowledged.length >= clients || `${acknowledged.length} of ${clients} clients wrote`;
  });
  return { report: () => get("report"), lap: () => get("lap"), stop: () => get("stop") };
}

function podSpec({ name }: Database, writer: string, options: WriterOptions): object {
  const { hosts, clients, number = 0, awayFrom = "nowhere", pauseMs = 5 } = options;
  const args = [hosts.join(","), clients, number, "/secret/password", pauseMs].map(String);
  const elsewhere = { key: "kubernetes.io/hostname", operator: "NotIn", values: [awayFrom] };
  const nodeSelectorTerms = [{ matchExpressions: [elsewhere] }];
  return {
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
    },
    automountServiceAccountToken: false,
    restartPolicy: "Never",
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 27,
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [{
      name: "writer",
      image: OPERATOR_IMAGE,
      imagePullPolicy: "IfNotPresent",
      command: ["node", "/script/main.ts", ...args],
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      volumeMounts: [{ name: "script", mountPath: "/script" }, {
        name: "secret",
        mountPath: "/secret",
      }],
    }],
    volumes: [
      { name: "script", configMap: { name: writer } },
      { name: "secret", secret: { secretName: `${name}-root-password` } },
    ],
  };
}

/** Asserts that every acknowledged row is on every member (a secondary may still be applying), and none twice. */
export async function everyRowIsEverywhere(
  t: Test,
  database: Database,
  report: Report,
): Promise<void> {
  const count = countOf(report);
  t.ok(
    count > 0,
    `${count} rows acknowledged, ${report.failed} writes failed, longest gap ${report.longestGapMs} ms`,
  );
  for (const pod of await getPods(database)) {
    await waitFor(`${count} rows on ${pod.metadata.name}`, 60_000, async () => {
      const missing = await missingRows(database, pod.metadata.name, report);
      return missing.length === 0 ||
        `${missing.length} acknowledged rows missing, first ${missing[0]}`;
    });
    t.pass(`all ${count} acknowledged rows are on ${pod.metadata.name}`);
    t.strictSame(await rowsTwice(database, pod.metadata.name), [], "none of them twice");
  }
}

/** How many rows were acknowledged. */
export function countOf({ acknowledged }: Report): number {
  return acknowledged.reduce((sum, [from, to]) => sum + to - from + 1, 0);
}

/** The rows that a server has more than once. */
export function rowsTwice(database: Database, pod: string): Promise<string[]> {
  const query = "SELECT id, COUNT(*) FROM app.written GROUP BY id HAVING COUNT(*) > 1";
  return sql(database, pod, query);
}

/** The acknowledged rows that a server does not have. */
export async function missingRows(
  database: Database,
  pod: string,
  report: Report,
): Promise<number[]> {
  const present = new Set((await sql(database, pod, "SELECT id FROM app.written")).map(Number));
  const missing: number[] = [];
  for (const [from, to] of report.acknowledged) {
    for (let id = from; id <= to; id++) if (!present.has(id)) missing.push(id);
  }
  return missing;
}

/**
 * What is wrong after all is over: acknowledged rows that a member still does not have after limitMs, with who that is, and
 * rows that are somewhere twice.
 */
export async function wrongRows(
  database: Database,
  report: Report,
  { limitMs, say }: { limitMs: number; say: (text: string) => void },
): Promise<{ lost: Map<number, string>; twice: Set<string> }> {
  const lost = new Map<number, string>();
  const twice = new Set<string>();
  for (const { metadata: { name } } of await getPods(database)) {
    let missing: number[] = [];
    await waitFor(`the rows on ${name}`, limitMs, async () => {
      missing = await missingRows(database, name, report);
      return missing.length === 0 || `${missing.length} are missing`;
    }).catch((error: unknown) => say(String(error)));
    for (const id of missing) lost.set(id, `${lost.get(id) ?? id} ${name}`);
    for (const row of await rowsTwice(database, name)) twice.add(row);
  }
  return { lost, twice };
}
