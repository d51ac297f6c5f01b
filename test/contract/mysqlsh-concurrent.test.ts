// The stand-in against the recorded P series (calls while another one runs, forced removal), V (a Shell
// killed in the middle of a clone, what it leaves, and the repair) and X (options, dissolving).
import { rm } from "node:fs/promises";
import t from "tap";
import { USED } from "./mysqlsh-cases.ts";
import { openStage, type ReplayOptions, type Stage, X_PROTOCOL } from "./mysqlsh-stage.ts";

t.setTimeout(300_000);

await t.test("transcripts P, V and X", async (t) => {
  const stage = await openStage(t, 10_060);
  await stage.formCluster([4101, 4102, 4103]);
  await stage.start(4104);
  const [background, ...rest] = USED.concurrent;
  // The window in which P02 to P06 were recorded: accounts are changed, the joiner not yet started.
  const held = await stage.file("held", "");
  const clone = stage.replay(t, background!, { env: { MYSQLSH_FAULTS: `delay-start=${held}` } });
  await stage.eventuallyUses(4102, "mysql_innodb_cluster_3004");
  const states: Record<string, () => Promise<unknown>> = {
    P07: async () => {
      await rm(held);
      await clone;
    },
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
    V01: () => receiver(stage),
    V02: () => stage.server(4104).kill(),
    V04: async () => {
      await stage.eventually(4101, "MEMBER_STATE = 'ONLINE'", 3, "= 3");
      await stage.server(4104).start();
      for (const port of [4101, 4104]) await stage.eventually(port, "MEMBER_STATE = 'ONLINE'", 4);
    },
    X01: () => stage.shell(4101, "cluster", "set-primary-instance", "127.0.0.1:4102"),
  };
  const options: Record<string, () => ReplayOptions> = {
    V01: () => ({
      prefix: true,
      killWhen: stage.eventually(4101, "MEMBER_STATE = 'RECOVERING'"),
    }),
  };
  for (const name of rest) {
    const id = name.split("-")[0]!;
    await states[id]?.();
    const end = id === "V02" ? await stage.resets(4104) : undefined;
    await stage.replay(t, name, options[id]?.());
    await end?.();
  }
  t.strictSame(stage.replayed.sort(), [...USED.concurrent].sort());
});

/** V01: an empty server, and members whose binary logs begin too late for it. */
async function receiver(stage: Stage): Promise<void> {
  await stage.start(4104, { options: X_PROTOCOL });
  await stage.purge([4101, 4102, 4103]);
}
