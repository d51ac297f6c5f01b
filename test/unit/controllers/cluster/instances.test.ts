import t from "tap";
import { deriveInstances, instanceStatus } from "../../../../src/controllers/cluster/instances.ts";
import type { Pod } from "../../../../src/api/kinds.ts";
import { anOnlinePod, NOW } from "./builders.ts";

const full = { reason: "DiskFull", message: "text", since: "" } as const;
const notReady = { type: "Ready", status: "False", lastTransitionTime: "2026-01-02T03:04:05Z" };

t.test("why an instance waits is in one word, too, while its agent can be believed", (t) => {
  const waiting = anOnlinePod(0, 3, { waiting: full });
  const lost = anOnlinePod(1, 3, { waiting: full });
  const pods: Pod[] = [
    waiting,
    { ...lost, status: { ...lost.status, conditions: [notReady] } },
    anOnlinePod(2),
  ];
  const reasons = deriveInstances("main", 3, { pods, nodes: new Map() })
    .map((instance) => instanceStatus(instance, undefined, NOW))
    .map(({ state, waiting }) => ({ state, waiting }));
  t.strictSame(reasons, [
    { state: "Online", waiting: "DiskFull" },
    { state: "Unknown", waiting: undefined },
    { state: "Online", waiting: undefined },
  ]);
  t.end();
});
