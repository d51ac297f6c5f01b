// What a member has received from its group may be all that is left of a transaction. After a crash it must
// still say so: who starts the group again is chosen by that.

import t from "tap";
import { enforcedSettings } from "../../src/mysql/enforced-settings.ts";
import { dataOf } from "./mysql-session.ts";
import { openStage, type Stage } from "./mysqlsh-stage.ts";

t.setTimeout(120_000);

const enforced = enforcedSettings.find(({ name }) => name === "relay_log_recovery")?.value;

async function received(stage: Stage, port: number): Promise<string> {
  return (await dataOf(stage.server(port))).received;
}

for (const mode of [String(enforced), "ON"]) {
  await t.test(`a member that was killed, with relay_log_recovery = ${mode}`, async (t) => {
    const stage = await openStage(t, mode === "ON" ? 12_110 : 12_010);
    const options = { "relay-log-recovery": mode };
    await Promise.all([4101, 4102].map((port) => stage.start(port, { options })));
    await stage.shell(4101, "dba", "create-cluster", "c1");
    await stage.shell(
      4101,
      "cluster",
      "add-instance",
      "127.0.0.1:4102",
      "--recoveryMethod=incremental",
    );
    await stage.manualStart(4102);
    await stage.server(4101).query("CREATE DATABASE app");
    await stage.eventuallySome(4102, "information_schema.SCHEMATA WHERE SCHEMA_NAME = 'app'");
    const before = await received(stage, 4102);
    t.not(before, "");
    await stage.server(4102).kill();
    await stage.server(4102).start();
    const after = await received(stage, 4102);
    t.equal(after, mode === "ON" ? "" : before, "this is why it is enforced");
  });
}
