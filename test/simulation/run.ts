// One run: the plan's faults on a world of real agents, until everything has healed or somebody is asked
// for help; what was wrong, if anything.

import type { Logger } from "../../src/base/log.ts";
import { Process } from "./clock.ts";
import { carryOut } from "./faults.ts";
import type { Incarnation } from "./instance.ts";
import { Judge } from "./judge.ts";
import { endOf, type Plan } from "./plan.ts";
import { type Violation, World } from "./world.ts";
import { Writer } from "./writer.ts";

const STEP_MS = 500;
const PROBE_MS = 2_000;
/** Virtual time in which everything heals once the last fault is over. */
const HEAL_MS = 240_000;
const LONGEST_MS = 1_000_000;

export type Result = {
  readonly violations: readonly Violation[];
  readonly notes: readonly string[];
  readonly seconds: number;
  readonly acknowledged: number;
  readonly outcome: "healed" | "person" | "violated";
};

export async function simulate(
  plan: Plan,
  how: { notes?: boolean; logOf?: (world: World) => (home: Incarnation) => Logger } = {},
): Promise<Result> {
  const world = new World(plan, how.notes);
  world.logOf = how.logOf?.(world);
  if (plan.formed) world.form();
  const writer = new Writer(world);
  const judge = new Judge(world, writer);
  for (const fault of plan.faults) world.clock.setTimer(fault.at, () => carryOut(world, fault));
  let calmAt = endOf(plan);
  let outcome: Result["outcome"] | undefined;
  const step = (): void => {
    world.groups.step();
    judge.step();
    const now = world.clock.monotonic();
    if (world.violations.length > 0) outcome = "violated";
    // Nothing but MySQL's own patience ends that.
    else if (now > calmAt && judge.stuckInRecovery && now < LONGEST_MS) calmAt = now;
    else if (now > calmAt && judge.healed) outcome = "healed";
    else if (now > calmAt + 60_000 && judge.waitsForPerson) outcome = "person";
    else if (now > calmAt + HEAL_MS) {
      const said = world.instances.map(({ ordinal }) =>
        world.reportOf(ordinal)?.waiting?.reason ?? "-"
      );
      world.blame("not healed", said.join(", "));
    }
    world.clock.setTimer(STEP_MS, step);
  };
  const probe = (): void => {
    for (const instance of world.instances) instance.probe();
    world.clock.setTimer(PROBE_MS, probe);
  };
  probe();
  step();
  while (outcome === undefined) {
    Process.touched = false;
    world.clock.next(Infinity);
    if (Process.touched) await new Promise((resolve) => setImmediate(resolve));
  }
  judge.conclude();
  for (const { agent } of [...world.instances, ...world.strays]) agent?.kill();
  return {
    violations: world.violations,
    notes: world.notes,
    seconds: world.clock.monotonic() / 1000,
    acknowledged: world.acknowledged.size,
    outcome: world.violations.length > 0 ? "violated" : outcome,
  };
}
