// The stand-in against the recorded P series (calls while another one runs, forced removal), V07–V10 (a
// Shell killed between a join and its bookkeeping) and X (options, dissolving).
import t from "tap";
import { USED } from "./mysqlsh-cases.ts";
import { openStage, type Stage } from "./mysqlsh-stage.ts";

t.setTimeout(300_000);

await t.test("transcripts P, V and X", async (t) => {
  const stage = await openStage(t, 10_060);
  await stage.formCluster([4101, 4102, 4103]);
  await stage.start(4104);
  const [background, ...rest] = USED.concurrent;
  // The window in which P02 to P06 were recorded: accounts are changed, the joiner not yet started.
  const clone = stage.replay(t, background!, {
    env: { MYSQLSH_FAULTS: "delay-start=8000" },
  });
  await stage.eventuallyUses(4102, "mysql_innodb_cluster_3004");
  const states: Record<string, () => Promise<unknown>> = {
    P07: () => clone,
    P08: async () => {
      await stage.eventuallyRegistered(4104);
      await stage.manualStart(4104);
      await stage.server(4104).kill();
    },
    P09: () => stage.eventually(4101, "MEMBER_STATE = 'UNREACHABLE'"),
    P10: async () => {
      await stage.server(4104).start();
      await stage.eventually(4101, "MEMBER_STATE = 'ONLINE'", 3, "= 3");
    },
    V07: () => killedAfterJoin(stage),
    X01: () => stage.shell(4101, "cluster", "set-primary-instance", "127.0.0.1:4102"),
  };
  for (const name of rest) {
    await states[name.split("-")[0]!]?.();
    await stage.replay(t, name);
  }
  t.strictSame(stage.replayed.sort(), [...USED.concurrent].sort());
});

/** 4104 is ONLINE in the group and unknown to the metadata. */
async function killedAfterJoin(stage: Stage): Promise<void> {
  await stage.start(4104);
  const outcome = await stage.run(
    [
      ...[
        "--defaults-extra-file=/t/pw.cnf",
        "--no-wizard",
        "--json=raw",
        "root@127.0.0.1:4101",
        "--",
      ],
      ...[
        "cluster",
        "add-instance",
        "127.0.0.1:4104",
        "--recoveryMethod=incremental",
      ],
    ],
    { env: { MYSQLSH_FAULTS: "fail-after-join" } },
  );
  if (outcome.exitCode !== -9) {
    throw new Error(`the fault did not happen: ${outcome.stdout}`);
  }
}
