// One Cluster as its users and its on-call engineer see it: applied as a manifest, asked by SQL in
// its own Pods, and compared as a whole (members, roles, Services, status) with what it should be.

import { CLUSTER_LABEL, ROLE_LABEL } from "../../src/api/labels.ts";
import type { RecoveryPlan } from "../../src/api/recovery-plan.ts";
import { kubectl, kubectlJson } from "./kubectl.ts";
import { type Seen, waitFor } from "./wait.ts";

export type Spec = Record<string, unknown>;
export type Database = { readonly namespace: string; readonly name: string };
type Meta = { name: string; uid: string; labels?: Record<string, string>; generation?: number };
export type Pod = {
  metadata: Meta;
  spec: { nodeName?: string };
  status: { podIP?: string; containerStatuses?: { name: string; restartCount: number }[] };
};
type Condition = { type: string; status: string; reason: string; message: string };
export type ClusterObject = {
  metadata: Meta;
  spec: Spec;
  status?: {
    conditions?: Condition[];
    observedGeneration?: number;
    onlineMembers?: number;
    primary?: string;
    bootstrap?: { groupName?: string };
    instances?: { name: string; state: string; role?: string }[];
    plans?: RecoveryPlan[];
    recovery?: unknown;
  };
};

const VOLUME = {
  metadata: { name: "data" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
};

/** A Cluster manifest for the images of the local cluster, on volumes of its default class. */
export function manifest({ namespace, name }: Database, spec: Spec = {}): object {
  return {
    apiVersion: "mysql.oracle.com/v1alpha1",
    kind: "Cluster",
    metadata: { name, namespace },
    spec: { volumeClaimTemplate: VOLUME, ...spec },
  };
}

export function getCluster({ namespace, name }: Database): Promise<ClusterObject> {
  return kubectlJson(["-n", namespace, "get", "mysqlcluster", name]);
}

export async function getPods({ namespace, name }: Database): Promise<Pod[]> {
  const list = await kubectlJson<{ items: Pod[] }>([
    "-n",
    namespace,
    "get",
    "pods",
    "-l",
    `${CLUSTER_LABEL}=${name}`,
  ]);
  return list.items;
}

export function condition(object: ClusterObject, type: string): Condition | undefined {
  return object.status?.conditions?.find((each) => each.type === type);
}

/** Runs SQL on the server of one Pod with the agent's account; tab-separated rows without a header. */
export async function sql(
  { namespace }: Database,
  pod: string,
  statement: string,
): Promise<string[]> {
  const client = [
    "mysql",
    "--defaults-file=/run/mysql-operator/client.cnf",
    "-h127.0.0.1",
    "-Ne",
    statement,
  ];
  const text = await kubectl(["-n", namespace, "exec", pod, "-c", "mysql", "--", ...client]);
  return text.split("\n").filter((line) => line !== "");
}

/** Waits until the Cluster says Ready for its present spec and everything about it agrees. */
export async function waitUntilRight(
  database: Database,
  members: number,
  limitMs = 120_000,
): Promise<void> {
  await waitFor(
    `${database.namespace}/${database.name} with ${members} members`,
    limitMs,
    () => isRight(database, members),
  );
}

/** Whether status, Pods' labels, Services and every server's own view tell the same, whole story. */
export async function isRight(database: Database, members: number): Promise<Seen> {
  const object = await getCluster(database);
  const ready = condition(object, "Ready");
  if (object.status?.observedGeneration !== object.metadata.generation) {
    return "status is of an older spec";
  }
  if (ready?.status !== "True") {
    return `Ready is ${ready?.status} ${ready?.reason}: ${ready?.message}`;
  }
  if (object.status?.onlineMembers !== members) {
    return `${object.status?.onlineMembers} online in status`;
  }
  const pods = await getPods(database);
  const online = await everyoneIsOnline(database, pods, members);
  if (online !== true) return online;
  return await rolesAreRight(database, { object, pods });
}

/** Whether there are `members` Pods, and the server of each sees that many members, all ONLINE. */
export async function everyoneIsOnline(
  database: Database,
  pods: Pod[],
  members: number,
): Promise<Seen> {
  if (pods.length !== members) return `${pods.length} Pods`;
  for (const pod of pods) {
    const view = await sql(database, pod.metadata.name, MEMBERS);
    if (view.join() !== Array(members).fill("ONLINE").join()) {
      return `${pod.metadata.name} sees ${view.join()}`;
    }
  }
  return true;
}

const MEMBERS = "SELECT member_state FROM performance_schema.replication_group_members";
const PRIMARY =
  "SELECT member_host FROM performance_schema.replication_group_members WHERE member_role='PRIMARY'";

async function rolesAreRight(
  database: Database,
  seen: { object: ClusterObject; pods: Pod[] },
): Promise<Seen> {
  const first = seen.pods[0]?.metadata.name ?? "";
  const primaries = (await sql(database, first, PRIMARY)).map((host) => host.split(".")[0] ?? "")
    .sort();
  const labelled = withRole(seen.pods, "primary");
  if (labelled.join() !== primaries.join()) {
    return `labelled primary: ${labelled}, in the group: ${primaries}`;
  }
  if (withRole(seen.pods, "secondary").length !== seen.pods.length - primaries.length) {
    return "a secondary has no label";
  }
  const said = (seen.object.status?.primary ?? "").split(/,\s*/).sort();
  if (said.join() !== primaries.join()) return `status.primary ${said}, in the group: ${primaries}`;
  const ips = (names: string[]) =>
    seen.pods.filter((pod) => names.includes(pod.metadata.name)).map((pod) => pod.status.podIP)
      .sort().join();
  const others = seen.pods.map((pod) => pod.metadata.name).filter((name) =>
    !primaries.includes(name)
  );
  const replicas = primaries.length > 1 ? primaries : others;
  for (const [service, names] of [["primary", primaries], ["replicas", replicas]] as const) {
    const addresses = (await endpoints(database, `${database.name}-${service}`)).sort().join();
    if (addresses !== ips(names)) {
      return `${service} Service leads to ${addresses}, not ${ips(names)}`;
    }
  }
  return true;
}

function withRole(pods: Pod[], role: string): string[] {
  return pods.filter((pod) => pod.metadata.labels?.[ROLE_LABEL] === role).map((pod) =>
    pod.metadata.name
  )
    .sort();
}

/** The Pod that is labelled primary. @throws Error when there is none or more than one */
export async function primaryOf(database: Database): Promise<string> {
  const [name, ...more] = withRole(await getPods(database), "primary");
  if (!name || more.length > 0) {
    throw new Error(`primaries of ${database.name}: ${[name, ...more]}`);
  }
  return name;
}

export async function secondariesOf(database: Database): Promise<string[]> {
  return withRole(await getPods(database), "secondary");
}

async function endpoints({ namespace }: Database, service: string): Promise<string[]> {
  type Slice = { endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[] };
  const selector = `kubernetes.io/service-name=${service}`;
  const slices = await kubectlJson<{ items: Slice[] }>([
    "-n",
    namespace,
    "get",
    "endpointslices",
    "-l",
    selector,
  ]);
  return slices.items.flatMap((slice) => slice.endpoints ?? [])
    .filter((endpoint) => endpoint.conditions?.ready !== false)
    .flatMap((endpoint) => endpoint.addresses);
}
