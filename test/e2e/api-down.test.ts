// The API server away, ended and not only silent, for two minutes (API_DOWN_SECONDS sets another time): what is
// written through the Service goes on, and members that crash come back. A primary that crashes is replaced in its
// group at once; the Service follows when the API server is back.

import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import t, { type Test } from "tap";
import { killApiServer } from "./api-server.ts";
import {
  type Database,
  getPods,
  manifest,
  primaryOf,
  secondariesOf,
  waitUntilRight,
} from "./database.ts";
import { type Container, execOnNode, killContainer } from "./faults.ts";
import { wholeAt } from "./healing.ts";
import { apply, kubectlJson } from "./kubectl.ts";
import { restrictedNamespace } from "./namespace.ts";
import { startWriterOutside } from "./outside-writer.ts";
import { waitFor } from "./wait.ts";
import { countOf, everyRowIsEverywhere, type Writer } from "./writer.ts";

const DOWN_SECONDS = Number(process.env["API_DOWN_SECONDS"] ?? 120);
/** Of them so many after the primary has crashed. */
const LAST_SECONDS = 60;

t.test("a Cluster without the API server", async (t) => {
  const database: Database = { namespace: await restrictedNamespace(t, "api-down"), name: "main" };
  await apply(manifest(database));
  await waitUntilRight(database, 3, 240_000);
  const restarts = await restartsOf(database);
  const members = await placesOf(database);
  const [primary, [secondary = ""]] = [await primaryOf(database), await secondariesOf(database)];
  const writer = await startWriterOutside(t, database, { clients: 2, number: 1 });
  const back = await killApiServer();
  let away = true;
  const once = async () => {
    if (away) await back();
    away = false;
  };
  t.teardown(once);

  await withoutApi(t, { members, secondary, writer });
  const took = countOf(await writer.report());
  await replaced(t, { members, primary, secondary });
  await pause(LAST_SECONDS * 1000); // the fault itself lasts so long
  const rows = countOf(await writer.report());
  t.ok(
    rows - took < 1000,
    `the Service still led to ${primary}: ${rows - took} rows while it lasted`,
  );

  const start = Date.now();
  await once();
  await waitFor("the Service moved", 60_000, async () => {
    const service = ["-n", database.namespace, "get", "service", "main-primary"];
    const { spec } = await kubectlJson<{ spec: { selector: object } }>(service);
    return !JSON.stringify(spec.selector).includes(`"${primary}"`) || `it leads to ${primary}`;
  });
  t.pass(`the Service moved ${seconds(start)} s after the API server was started`);
  // kube-proxy and the controllers ask again up to a minute later each (client-go's reflector: 30 s, up to doubled).
  await waitFor("a row acknowledged", 180_000, async () => {
    return countOf(await writer.report()) > rows || "none";
  });
  t.pass(`written again ${seconds(start)} s after the API server was started`);
  const whole = await wholeAt(database, 3, { healed: waitUntilRight, limitMs: 120_000 });
  t.pass(`everything right ${seconds(start, whole)} s after the API server was started`);
  await everyRowIsEverywhere(t, database, await writer.stop());
  const crashed = new Set([primary, secondary].map((pod) => `${pod} mysql`));
  const kept = (all: Map<string, string>) => [...all].filter(([name]) => !crashed.has(name));
  t.strictSame(
    kept(await restartsOf(database)),
    kept(restarts),
    "no agent gave up, no Pod was replaced",
  );
});

type Members = ReadonlyMap<string, { node: string; container: Container }>;

/** Most of the time: rows are written all along, and a secondary that crashes comes back by itself. */
async function withoutApi(
  t: Test,
  { members, secondary, writer }: { members: Members; secondary: string; writer: Writer },
): Promise<void> {
  const start = Date.now();
  await writer.lap();
  await crash(members, secondary);
  await waitFor(`${secondary} ONLINE again`, 120_000, async () => {
    const view = await ask(members, secondary, "SELECT member_state");
    return view === "ONLINE ONLINE ONLINE" || view;
  });
  t.pass(`${secondary} crashed and was ONLINE again ${seconds(start)} s later`);
  await pause(Math.max(0, start + (DOWN_SECONDS - LAST_SECONDS) * 1000 - Date.now()));
  const { lapGapMs } = await writer.lap();
  t.ok(lapGapMs < 15_000, `never longer than ${lapGapMs} ms without a row in ${seconds(start)} s`);
}

/** The primary crashes: its group elects another. */
async function replaced(
  t: Test,
  { members, primary, secondary }: { members: Members; primary: string; secondary: string },
): Promise<void> {
  const start = Date.now();
  await crash(members, primary);
  await waitFor(`another primary than ${primary}`, 60_000, async () => {
    const hosts = await ask(
      members,
      secondary,
      "SELECT IF(member_role = 'PRIMARY', member_host, '')",
    );
    return hosts !== "" && !hosts.includes(`${primary}.`) || hosts;
  });
  t.pass(`${primary} crashed, the group had another primary ${seconds(start)} s later`);
}

async function crash(members: Members, pod: string): Promise<void> {
  const { container, node } = placeOf(members, pod);
  await killContainer(node, container);
}

/** What a column of the member's own view of its group has, asked on its node. */
async function ask(members: Members, pod: string, select: string): Promise<string> {
  const { container, node } = placeOf(members, pod);
  const query = `${select} FROM performance_schema.replication_group_members`;
  const client = ["mysql", "--defaults-file=/run/mysql-operator/client.cnf", "-h127.0.0.1", "-Ne"];
  return (await execOnNode(node, container, [...client, query])).trim().replaceAll(/\s+/g, " ");
}

function placeOf(members: Members, pod: string) {
  const place = members.get(pod);
  if (place === undefined) throw new Error(`no Pod ${pod}`);
  return place;
}

async function placesOf(database: Database): Promise<Members> {
  const pods = await getPods(database);
  return new Map(pods.map(({ metadata: { name }, spec }) => {
    const container = { pod: name, container: "mysql", namespace: database.namespace };
    return [name, { node: spec.nodeName ?? "", container }];
  }));
}

/** By Pod and container: the Pod's identity and how often the container was started again. */
async function restartsOf(database: Database): Promise<Map<string, string>> {
  const pods = await getPods(database);
  return new Map(
    pods.flatMap(({ metadata, status }) =>
      (status.containerStatuses ?? []).map(({ name, restartCount }) =>
        [`${metadata.name} ${name}`, `${metadata.uid} ${restartCount}`] as const
      )
    ),
  );
}

function seconds(from: number, to = Date.now()): string {
  return ((to - from) / 1000).toFixed(1);
}
