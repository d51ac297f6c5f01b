// The stand-in against the recorded R series: a server that is not configured, configuring it, prompts
// without anybody to answer, and the forms of output (pretty JSON, no JSON, Python, TLS refusals).
import t from "tap";
import { USED } from "./mysqlsh-cases.ts";
import { openStage, type ReplayOptions, type Stage } from "./mysqlsh-stage.ts";

t.setTimeout(240_000);

await t.test("transcripts R", async (t) => {
  const stage = await openStage(t, 10_030);
  await stage.formCluster([4101, 4102, 4103]);
  await stage.purge([4101, 4102, 4103]);
  const states: Record<string, () => Promise<unknown>> = {
    R01: () =>
      stage.start(4104, {
        options: {
          "gtid-mode": "OFF",
          "enforce-gtid-consistency": "OFF",
        },
      }),
    R09: () => useForeignAccount(stage),
  };
  const options: Record<string, ReplayOptions> = {
    R10: { killAfterBytes: 200_000, prefix: true },
    R11: { limitMs: 3000 },
  };
  for (const name of USED.configure) {
    const id = name.split("-")[0]!;
    await states[id]?.();
    await stage.replay(t, name, options[id]);
  }
  t.strictSame(stage.replayed, USED.configure);
});

/** R09: the third member logs in to others with an account that the metadata does not give it. */
async function useForeignAccount(stage: Stage): Promise<void> {
  await stage.start(4104);
  await stage.server(4103).query(
    "CHANGE REPLICATION SOURCE TO SOURCE_USER = 'mysql_innodb_cluster_3001' " +
      "FOR CHANNEL 'group_replication_recovery'",
  );
}
