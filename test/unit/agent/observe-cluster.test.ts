import t from "tap";
import { clusterFacts } from "../../../src/agent/observe-cluster.ts";
import type { InstanceStatus } from "../../../src/api/cluster.ts";

const KIND = { apiVersion: "mysql.oracle.com/v1alpha1", kind: "Cluster" } as const;
const instance = (ordinal: number, more: Partial<InstanceStatus>): InstanceStatus => ({
  name: `main-${ordinal}`,
  ordinal,
  state: "Online",
  ...more,
});

t.test("whose disk takes no writes is told by the reason, not by the words of a message", (t) => {
  const status = {
    instances: [
      instance(0, { waiting: "DiskFull", message: "in other words" }),
      instance(1, { waiting: "DiskStalled" }),
      instance(2, { waiting: "NoQuorum", message: "DiskFull: of another one" }),
      instance(3, {}),
    ],
  };
  const facts = clusterFacts({ ...KIND, metadata: { name: "main" }, spec: {}, status }, 0);
  t.strictSame(facts.stuck, ["main-0", "main-1"]);
  t.end();
});
