// A primary that is cut off from one other member only: the others expel it and take rows, and it does not know that for some
// seconds. Its agent does, and lets no client read there meanwhile.

import t, { type Test } from "tap";
import { type Database, getPods, manifest, primaryOf, sql, waitUntilRight } from "./database.ts";
import { nodeOf } from "./faults.ts";
import { apply, cluster, kubectl } from "./kubectl.ts";
import { restrictedNamespace } from "./namespace.ts";
import { startWriterOutside } from "./outside-writer.ts";
import { waitFor } from "./wait.ts";
import { wrongRows } from "./writer.ts";

/** Clients come in through node1. Each member joins while there is one node for it. */
const PLACES = ["node2", "node1", "node3"];

t.test("nobody reads old rows from a primary that was expelled", async (t) => {
  const database: Database = { namespace: await restrictedNamespace(t, "expelled"), name: "main" };
  await placeMembers(t, database);
  // The first member expels, and who is not the first that it reaches expels nobody.
  await makePrimary(database, "main-2");
  const members = (await getPods(database)).map(({ metadata }) => metadata.name);
  const load = { clients: 4, number: 1, pauseMs: 40, members };
  const writer = await startWriterOutside(t, database, load);

  await cluster(["cut", "node2", "node3"]);
  t.teardown(() => cluster(["heal"]));
  await waitFor("another primary", 30_000, async () => {
    const primary = await primaryOf(database);
    return primary !== "main-2" || primary;
  });
  await waitFor("the expelled member is out of its group", 30_000, async () => {
    const state = await ownState(database, "main-2");
    return state !== "ONLINE" || state;
  });
  const { firstStale, reads = 0, splits, stale = 0 } = await writer.lap();
  // One may fall between the first row of the new primary and the answer that tells the agent of the old one; without that they are ten.
  t.ok(reads > 0 && stale <= 1, `${stale} of ${reads} reads were stale: ${firstStale}`);
  t.equal(splits, 0);

  await cluster(["heal"]);
  await waitUntilRight(database, 3);
  const say = (text: string) => t.comment(text);
  const { lost, twice } = await wrongRows(database, await writer.stop(), { limitMs: 30_000, say });
  t.strictSame({ lost: [...lost.values()], twice: [...twice] }, { lost: [], twice: [] });
});

/** The Cluster, with its members in order on the nodes of PLACES. */
async function placeMembers(t: Test, database: Database): Promise<void> {
  t.teardown(() => kubectl(["uncordon", ...PLACES]));
  await kubectl(["cordon", ...PLACES]);
  for (const [ordinal, node] of PLACES.entries()) {
    await kubectl(["uncordon", node]);
    await apply(manifest(database, { members: ordinal + 1 }));
    await waitUntilRight(database, ordinal + 1);
    t.equal(await nodeOf(database, `main-${ordinal}`), node, `main-${ordinal} runs on ${node}`);
  }
}

async function makePrimary(database: Database, pod: string): Promise<void> {
  const [uuid = ""] = await sql(database, pod, "SELECT @@server_uuid");
  await sql(
    database,
    await primaryOf(database),
    `SELECT group_replication_set_as_primary('${uuid}')`,
  );
  await waitUntilRight(database, 3);
}

async function ownState(database: Database, pod: string): Promise<string | undefined> {
  const own = `SELECT MEMBER_STATE FROM performance_schema.replication_group_members
    WHERE MEMBER_ID = @@server_uuid`;
  return (await sql(database, pod, own))[0];
}
