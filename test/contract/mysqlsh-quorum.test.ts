// The stand-in against the recorded G and H series as far as they are not about waiting: the primary
// lost, then the majority lost, and what every command says then.
import t from "tap";
import { USED } from "./mysqlsh-cases.ts";
import { openStage } from "./mysqlsh-stage.ts";

t.setTimeout(240_000);

await t.test("transcripts G and H", async (t) => {
  const stage = await openStage(t, 10_050);
  await stage.formCluster([4101, 4102, 4103]);
  const survivor = 4102;
  await stage.server(survivor).query("SET GLOBAL group_replication_member_weight = 90");
  const states: Record<string, () => Promise<unknown>> = {
    G01: () => stage.server(4101).kill(),
    G02: () => stage.eventually(survivor, "MEMBER_STATE = 'UNREACHABLE'"),
    G03: () =>
      stage.eventually(
        survivor,
        "MEMBER_ROLE = 'PRIMARY' AND MEMBER_ID = @@server_uuid",
      ),
    H01: async () => {
      await stage.server(4101).start();
      await stage.shell(
        survivor,
        "cluster",
        "rejoin-instance",
        "127.0.0.1:4101",
      );
      await Promise.all([4101, 4103].map((port) => stage.server(port).kill()));
      await stage.eventually(survivor, "MEMBER_STATE = 'UNREACHABLE'", 2);
    },
  };
  for (const name of USED.quorum) {
    await states[name.split("-")[0]!]?.();
    await stage.replay(t, name);
  }
  t.strictSame(stage.replayed, USED.quorum);
});
