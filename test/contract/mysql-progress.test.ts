// A member that takes in what it missed says how far it is. Held up by a lock, so that there is something to see.

import t from "tap";
import { systemClock as clock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secret.ts";
import { readJoinProgress } from "../../src/mysql/applier.ts";
import { openSession, type Session } from "../../src/mysql/session.ts";
import { waitFor } from "../e2e/wait.ts";
import { openStage, type Stage } from "./mysqlsh-stage.ts";

t.setTimeout(120_000);

async function sessionOf(stage: Stage, port: number): Promise<Session> {
  const { host, port: realPort } = stage.server(port);
  const login = { user: "root", password: new Secret("rootpw") };
  const limits = { connectTimeoutMs: 5_000, queryTimeoutMs: 30_000 };
  return await openSession({ server: { host, port: realPort }, login, ...limits, clock });
}

t.test("incremental recovery", async (t) => {
  const stage = await openStage(t, 12_310);
  await stage.formCluster([4101, 4102]);
  const [primary, joiner] = [stage.server(4101), stage.server(4102)];
  const three = await sessionOf(stage, 4101);
  t.teardown(() => three.close());
  await primary.query("CREATE DATABASE app");
  await primary.query("CREATE TABLE app.t (id INT PRIMARY KEY)");
  await stage.eventuallySome(4102, "information_schema.TABLES WHERE TABLE_SCHEMA = 'app'");
  await joiner.query("STOP GROUP_REPLICATION");
  // As if it had been written three and a half hours ago.
  await three.query("SET original_commit_timestamp = (UNIX_TIMESTAMP() - 12600) * 1000000");
  await three.query("INSERT INTO app.t VALUES (1)");

  const reader = await sessionOf(stage, 4102);
  t.teardown(() => reader.close());
  t.equal(await readJoinProgress(reader), undefined, "outside there is none");
  const release = await joiner.hold("LOCK TABLES app.t READ");
  await joiner.query("START GROUP_REPLICATION");
  await waitFor("its progress", 30_000, async () => {
    const progress = await readJoinProgress(reader);
    return progress === "recovery: applies what is 3 h old" || String(progress);
  });
  release();
  await stage.eventually(4102, "MEMBER_STATE = 'ONLINE'", 2);
  t.equal(await readJoinProgress(reader), undefined, "it is up to date");
});
