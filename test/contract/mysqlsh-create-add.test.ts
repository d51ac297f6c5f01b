// The stand-in against the recorded B, C and E series: creating a cluster, adding members by clone and by
// binary logs, every form of status, removing, taking over an unmanaged member, switching the primary.
import t, { type Test } from "tap";
import { USED } from "./mysqlsh-cases.ts";
import { openStage, type Stage, X_PROTOCOL } from "./mysqlsh-stage.ts";

t.setTimeout(300_000);

await t.test("transcripts B, C and E", async (t) => {
  const stage = await openStage(t, 10_010);
  await Promise.all([4101, 4102, 4103].map((port) => stage.start(port)));
  const states: Record<string, () => Promise<unknown>> = {
    E01: () => stage.start(4104),
    E10: () => stage.start(4104, { supervised: false, options: X_PROTOCOL }),
    E11: () => stage.server(4104).waitUntilDown(30_000),
    E12: () => startAndJoin(stage),
  };
  const env: Record<string, Record<string, string>> = {
    E10: { MYSQLSH_FAULTS: "restart-wait=2000" },
  };
  for (const name of USED.createAdd) {
    await step(t, stage, { name, states, env });
  }
  t.strictSame(stage.replayed, USED.createAdd);
});

async function step(
  t: Test,
  stage: Stage,
  { name, states, env }: {
    name: string;
    states: Record<string, () => Promise<unknown>>;
    env: Record<string, Record<string, string>>;
  },
): Promise<void> {
  const id = name.split("-")[0]!;
  await states[id]?.();
  await stage.replay(t, name, { ...(env[id] ? { env: env[id] } : {}) });
}

/** E12: somebody starts the cloned server by hand; it joins by itself. Seen where status is asked. */
async function startAndJoin(stage: Stage): Promise<void> {
  await stage.server(4104).start();
  await stage.eventually(4101, "MEMBER_STATE = 'ONLINE'", 4);
}
