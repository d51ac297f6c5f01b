// bench.sh handover: the primary's Pod deleted, and its node drained, in turn, under load: the longest time without an
// acknowledged row until the Pod is gone, and from then on until its successor is a member again.

import { primaryOf } from "../../test/e2e/database.ts";
import { deletePod, nodeOf } from "../../test/e2e/faults.ts";
import { kubectl } from "../../test/e2e/kubectl.ts";
import { bench } from "./stage.ts";

const DRAIN_MS = 180_000;

async function drain(node: string): Promise<void> {
  const flags = ["--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=150s"];
  try {
    await kubectl(["drain", node, ...flags], { limitMs: DRAIN_MS });
  } finally {
    await kubectl(["uncordon", node]);
  }
}

await bench("handover", 20, () => {
  const deleted: number[] = [];
  const drained: number[] = [];
  const joining: number[] = [];
  return {
    play: async ({ database, writer }, run) => {
      const primary = await primaryOf(database);
      const byDeletion = run % 2 === 1;
      if (byDeletion) await deletePod(database, primary);
      else await drain(await nodeOf(database, primary));
      const { lapGapMs } = await writer.lap();
      (byDeletion ? deleted : drained).push(lapGapMs / 1000);
      return async ({ gapS }) => void joining.push(gapS);
    },
    figures: () => [
      { what: "primary's Pod deleted: no row for", of: "median", values: deleted, most: 0.5 },
      { what: "the same", of: "worst", values: deleted, most: 1 },
      { what: "its node drained: no row for", of: "median", values: drained, most: 0.5 },
      { what: "the same", of: "worst", values: drained, most: 1 },
      { what: "while it joins again: no row for", of: "median", values: joining },
    ],
  };
});
