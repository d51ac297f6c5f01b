// The stand-in against the recorded G and H series: the primary lost, then a majority lost under a
// secondary and under the primary, and what every command says then. What force-quorum does is not
// replayed; a group of one whose others are up and outside comes from a bootstrap.
import t from "tap";
import { USED } from "./mysqlsh-cases.ts";
import { openStage, type Stage } from "./mysqlsh-stage.ts";

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
    G05: async () => {
      await stage.server(4101).start();
      await stage.shell(survivor, "cluster", "rejoin-instance", "127.0.0.1:4101");
    },
    H21: () => loseAllBut(stage, 4101),
    H22: () => Promise.all([4102, 4103].map((port) => stage.server(port).start())),
    H28: () => bootstrapAlone(stage, 4101),
    H01: async () => {
      await stage.shell(4101, "cluster", "set-primary-instance", `127.0.0.1:${survivor}`);
      await loseAllBut(stage, survivor);
    },
  };
  for (const name of USED.quorum) {
    await states[name.split("-")[0]!]?.();
    await stage.replay(t, name);
  }
  t.strictSame(stage.replayed, USED.quorum);
});

/** The others are killed and do not start Group Replication when they come back. */
async function loseAllBut(stage: Stage, survivor: number): Promise<void> {
  const others = [4101, 4102, 4103].filter((port) => port !== survivor);
  for (const port of others) await stage.manualStart(port);
  await Promise.all(others.map((port) => stage.server(port).kill()));
  await stage.eventually(survivor, "MEMBER_STATE = 'UNREACHABLE'", 2);
}

/** The member is a group of its own, without any other in view. */
async function bootstrapAlone(stage: Stage, port: number): Promise<void> {
  const server = stage.server(port);
  await stage.manualStart(port);
  await server.kill();
  await server.start();
  await server.query("SET GLOBAL group_replication_bootstrap_group = ON");
  await server.query("START GROUP_REPLICATION");
  await server.query("SET GLOBAL group_replication_bootstrap_group = OFF");
  await stage.eventually(port, "MEMBER_STATE = 'ONLINE' AND MEMBER_ROLE = 'PRIMARY'");
}
