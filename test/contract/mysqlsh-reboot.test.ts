// The stand-in against the recorded I series, every server of a cluster up again and none in a group,
// and W, a reboot without the server that has most, which is diverged when it comes back.
// Group Replication does not start at boot here, which spares the minute in which the recorded servers
// tried to join by themselves; the lines that speak of it are levelled.
import t from "tap";
import { USED } from "./mysqlsh-cases.ts";
import { openStage, type Stage } from "./mysqlsh-stage.ts";

t.setTimeout(300_000);
const PORTS = [4101, 4102, 4103];

await t.test("transcripts I and W", async (t) => {
  const stage = await openStage(t, 10_040);
  await stage.formCluster(PORTS);
  const states: Record<string, () => Promise<unknown>> = {
    I01: async () => {
      await stopInTurn(stage, "i01", [4103, 4102]);
      await Promise.all(PORTS.map((port) => stage.server(port).start()));
    },
    I10: async () => {
      await stopInTurn(stage, "i10", [4103, 4102]);
      await Promise.all([4102, 4103].map((port) => stage.server(port).start()));
    },
    I15: () => stage.server(4101).start(),
    W01: async () => {
      await stopInTurn(stage, "w01", [4102]);
      await Promise.all([4102, 4103].map((port) => stage.server(port).start()));
    },
    W04: () => stage.server(4101).start(),
  };
  for (const name of USED.reboot) {
    await states[name.split("-")[0]!]?.();
    await stage.replay(t, name);
  }
  t.strictSame(stage.replayed, USED.reboot);
});

/** The third, the second, the first; each of `writes` is followed by a write: the first has everything. */
async function stopInTurn(stage: Stage, database: string, writes: number[]): Promise<void> {
  const primary = stage.server(4101);
  for (const port of PORTS) await stage.manualStart(port);
  for (const port of [4103, 4102]) {
    await stage.server(port).stop();
    if (writes.includes(port)) await primary.query(`CREATE DATABASE ${database}_${port}`);
  }
  await primary.stop();
}
