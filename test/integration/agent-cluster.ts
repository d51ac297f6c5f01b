// A Cluster of instances without Pods: made by the operator, run by agent-instance.ts, and what may be
// expected of it.

import { parseInstanceReport } from "../../src/api/instance-report.ts";
import { INSTANCE_ANNOTATION, ROLE_LABEL } from "../../src/api/labels.ts";
import { silentLogger } from "../../src/base/log.ts";
import { pods, services } from "../../src/api/kinds.ts";
import { leases } from "../../src/kube/resource.ts";
import { Instance } from "./agent-instance.ts";
import { LIMIT, waitFor, type World } from "./operator-world.ts";

export const FORM_MS = 120_000;
export const HEAL_MS = 90_000;

export type Member = { pod: string; state: string; role: string | undefined };

export async function startInstances(
  t: { teardown(run: () => Promise<void>): void },
  world: World,
  place: {
    namespace: string;
    members: number;
    port: number;
    spec?: object;
    /** Called for each instance before it starts. */
    prepare?: (instance: Instance, ordinal: number) => Promise<void>;
  },
): Promise<Instance[]> {
  const { members, namespace, port } = place;
  await world.namespace(namespace);
  await world.create(namespace, { members, ...place.spec });
  await waitFor("the operator has made the Pods", 60_000, async () => {
    const found = await world.list(pods, namespace);
    const lease = await world.list(leases, namespace);
    return (found.length === members && lease.length === 1) || `${found.length} Pods`;
  });
  const instances: Instance[] = [];
  t.teardown(async () => {
    await Promise.all(instances.map((instance) => instance.destroy()));
  });
  for (let ordinal = 0; ordinal < members; ordinal++) {
    instances.push(await Instance.make(world, { namespace, ordinal, port }));
  }
  await Promise.all(instances.map(async (instance, ordinal) => {
    await place.prepare?.(instance, ordinal);
    await instance.initialise(silentLogger);
    await instance.startAgent();
    instance.startServer();
  }));
  return instances;
}

export async function membersOf(world: World, namespace: string): Promise<Member[]> {
  const found = await world.list(pods, namespace);
  return found.map((pod) => {
    const report = parseInstanceReport(pod.metadata.annotations?.[INSTANCE_ANNOTATION]);
    const waiting = report?.waiting === undefined
      ? ""
      : ` ${report.waiting.reason}: ${report.waiting.message}`;
    return {
      pod: pod.metadata.name,
      state: `${report?.state}${waiting}`,
      role: pod.metadata.labels?.[ROLE_LABEL],
    };
  }).toSorted((a, b) => a.pod < b.pod ? -1 : 1);
}

export async function untilHealthy(
  world: World,
  namespace: string,
  limitMs: number,
): Promise<string> {
  let primary = "";
  await waitFor(
    "every member is ONLINE with its role, and the Service follows",
    limitMs,
    async () => {
      const members = await membersOf(world, namespace);
      const service = await world.client.of(services).get(
        { namespace, name: "main-primary" },
        LIMIT,
      );
      primary = service?.spec.selector?.["statefulset.kubernetes.io/pod-name"] ?? "";
      const right = members.every(({ pod, role, state }) =>
        state === "Online" && role === (pod === primary ? "primary" : "secondary")
      );
      return (right && primary !== "") || JSON.stringify({ members, primary });
    },
  );
  return primary;
}

/** How many members an instance sees ONLINE. */
export async function onlineIn(instance: Instance): Promise<number> {
  const [row] = await instance.sql(
    "SELECT COUNT(*) n FROM performance_schema.replication_group_members WHERE MEMBER_STATE = 'ONLINE'",
  );
  return Number(row?.n);
}
