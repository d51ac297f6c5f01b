// The world of the operator's integration tests: a real API server with the CRD and the shipped RBAC, and
// operators in this process that talk to it as their ServiceAccount. There are no nodes: Pods are made by
// the StatefulSet controller and stay Pending; what an agent would report, a test writes itself.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import {
  type RealApiServer,
  type ServerOptions,
  startApiServer,
} from "../../fixtures/apiserver/real-apiserver.ts";
import { requestToken } from "../../fixtures/apiserver/tokens.ts";
import type { Cluster } from "../../src/api/cluster.ts";
import { clusters } from "../../src/api/group.ts";
import { type InstanceReport, renderInstanceReport } from "../../src/api/instance-report.ts";
import { INSTANCE_ANNOTATION } from "../../src/api/labels.ts";
import { systemClock } from "../../src/base/clock.ts";
import { abortReason } from "../../src/base/errors.ts";
import { createLogger } from "../../src/base/log.ts";
import { type OperatorConfig, parseCommandLine } from "../../src/config.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { type Condition, pods } from "../../src/api/kinds.ts";
import type { ResourceType } from "../../src/kube/resource.ts";
import type { KubeObject } from "../../src/kube/object.ts";
import { runOperator } from "../../src/run-operator.ts";
import { waitFor } from "../e2e/wait.ts";

const TEST_LIMIT_MS = 60_000;
export const LIMIT = new AbortController().signal;

type Test = {
  teardown(run: () => Promise<void>): void;
};

/** Every kind that is applied from files, by plural. */
const PLURALS: Readonly<Record<string, string>> = {
  CustomResourceDefinition: "customresourcedefinitions",
  Namespace: "namespaces",
  ServiceAccount: "serviceaccounts",
  ClusterRole: "clusterroles",
  ClusterRoleBinding: "clusterrolebindings",
  Role: "roles",
  RoleBinding: "rolebindings",
};

/** Of deploy/, besides the operator's rights. */
const FILES = [
  "operator/namespace.yaml",
  "operator/service-account.yaml",
  "crds/mysqlclusters.yaml",
];

export type WorldOptions = ServerOptions & {
  /** Files of deploy/ with the operator's rights. */
  readonly rights?: readonly string[];
};

export type RunningOperator = {
  /** What it logged, parsed. */
  readonly lines: readonly Record<string, unknown>[];
  /** As SIGTERM: resolves when it has ended. */
  stop(): Promise<void>;
  /** Settles when it ends by itself. */
  readonly ended: Promise<void>;
};

export class World {
  readonly server: RealApiServer;
  readonly client: KubeClient;
  /** Path; with the shipped rights of the operator's ServiceAccount. */
  readonly operatorKubeconfig: string;

  static async start(t: Test, options: WorldOptions = {}): Promise<World> {
    const server = await startApiServer(t, options);
    const client = server.client();
    const { rights = ["rbac.yaml"] } = options;
    for (const file of [...FILES, ...rights]) await applyFile(client, join("deploy", file));
    await waitFor("the CRD is served", TEST_LIMIT_MS, async () => {
      await client.of(clusters).list({}, LIMIT);
      return true;
    });
    const kubeconfig = join(server.dir, "operator-kubeconfig");
    // With the operator's ServiceAccount, so that the shipped rights are tried.
    const account = { namespace: "mysql-operator", name: "mysql-operator" };
    server.writeKubeconfig(kubeconfig, { token: await requestToken(client, account, LIMIT) });
    return new World(server, client, kubeconfig);
  }

  private constructor(server: RealApiServer, client: KubeClient, kubeconfig: string) {
    this.server = server;
    this.client = client;
    this.operatorKubeconfig = kubeconfig;
  }

  /** Runs an operator with the shipped rights until stop() or the test's end. */
  operator(
    t: Test,
    args: readonly string[] = [],
    { hostname = "operator-a", stopAfterWrites = Infinity } = {},
  ): RunningOperator {
    const lines: Record<string, unknown>[] = [];
    const stopping = new AbortController();
    let writes = 0;
    const write = (text: string) => {
      const line = JSON.parse(text) as Record<string, unknown>;
      lines.push(line);
      // In the middle of a pass: the request is answered, the next one not yet sent.
      if (line["msg"] === "applied" && ++writes === stopAfterWrites) {
        stopping.abort(abortReason("killed by the test"));
      }
    };
    const log = createLogger({ level: "debug", format: "json", clock: systemClock, write });
    const config = this.config([`--hostname=${hostname}`, ...args]);
    const deps = { log, clock: systemClock, env: {} };
    const ended = runOperator(config, deps, stopping.signal);
    const stop = async () => {
      stopping.abort(abortReason("SIGTERM"));
      await ended;
    };
    t.teardown(() => stop().catch(() => {}));
    return { lines, stop, ended };
  }

  config(args: readonly string[]): OperatorConfig {
    const command = parseCommandLine({
      args: [
        "operator",
        `--kubeconfig=${this.operatorKubeconfig}`,
        "--mysql-agent-image=localhost/mysql-operator:dev",
        "--health-address=127.0.0.1:0",
        "--metrics-address=127.0.0.1:0",
        "--leader-elect=false",
        "--leader-election-namespace=mysql-operator",
        ...args,
      ],
      env: {},
      readFile: () => undefined,
    });
    if (command.type !== "operator") throw new Error(`not the operator: ${command.type}`);
    return command.config;
  }

  async namespace(name: string): Promise<string> {
    await apply(this.client, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    return name;
  }

  async create(namespace: string, spec: Cluster["spec"] & object, name = "main"): Promise<Cluster> {
    const object: Cluster = {
      apiVersion: "mysql.oracle.com/v1alpha1",
      kind: "Cluster",
      metadata: { name, namespace },
      spec,
    };
    return await this.client.of(clusters).create(object, LIMIT);
  }

  async cluster(namespace: string, name = "main"): Promise<Cluster> {
    const found = await this.client.of(clusters).get({ namespace, name }, LIMIT);
    if (found === undefined) throw new Error(`no Cluster ${namespace}/${name}`);
    return found;
  }

  async list<T extends KubeObject>(type: ResourceType<T>, namespace: string): Promise<T[]> {
    return (await this.client.of(type).list({ namespace }, LIMIT)).items;
  }

  /** Waits until a condition of Cluster main has this status and reason. */
  async untilCondition(namespace: string, type: string, expected: string): Promise<Condition> {
    let found: Condition | undefined;
    await waitFor(`${type} is ${expected}`, TEST_LIMIT_MS, async () => {
      const { status } = await this.cluster(namespace);
      found = (status?.conditions as Condition[] | undefined)?.find((one) => one.type === type);
      const seen = found === undefined ? "none" : `${found.status} ${found.reason}`;
      return seen === expected || `${seen}: ${found?.message}`;
    });
    return found as Condition;
  }

  /** Writes what the kubelet and the agent of a running member would have written. */
  async pretendOnline(
    namespace: string,
    pod: string,
    report: Partial<InstanceReport>,
  ): Promise<void> {
    const ref = { namespace, name: pod };
    const at = new Date().toISOString();
    const running = { running: { startedAt: at } };
    const container = { restartCount: 0, image: "x", imageID: "x", ready: true, started: true };
    const status = {
      phase: "Running",
      conditions: [{ type: "Ready", status: "True", lastTransitionTime: at }],
      initContainerStatuses: [{ ...container, name: "agent", state: running }],
      containerStatuses: [{ ...container, name: "mysql", state: running }],
    };
    await this.client.of(pods).patch(ref, { body: { status }, subresource: "status" }, LIMIT);
    const annotation = renderInstanceReport({
      observedAt: at,
      state: "Online",
      quorum: true,
      members: [],
      hasData: true,
      mysqldRestarts: 0,
      serverVersion: "9.7.4",
      ...report,
    });
    const body = { metadata: { annotations: { [INSTANCE_ANNOTATION]: annotation } } };
    await this.client.of(pods).patch(ref, { body }, LIMIT);
  }

  /** What agent 0 writes when it has created the group. */
  async pretendBootstrapped(namespace: string): Promise<void> {
    const at = new Date().toISOString();
    const bootstrap = { instance: "main-0", serverUuid: "u", intentAt: at, groupName: "g", at };
    const options = { body: { status: { bootstrap } }, subresource: "status" };
    await this.client.of(clusters).patch({ namespace, name: "main" }, options, LIMIT);
  }
}

export { waitFor };

/** Applies an object of a kind from the files under deploy. */
export async function apply(client: KubeClient, object: KubeObject): Promise<void> {
  const [group, version] = object.apiVersion.includes("/")
    ? object.apiVersion.split("/") as [string, string]
    : ["", object.apiVersion];
  const plural = PLURALS[object.kind];
  if (plural === undefined) throw new Error(`unknown kind ${object.kind}`);
  const type = { group, version, kind: object.kind, plural };
  const namespaced = object.metadata.namespace !== undefined;
  await client.of({ ...type, namespaced }).apply(object, { fieldManager: "test" }, LIMIT);
}

export async function applyFile(client: KubeClient, file: string): Promise<void> {
  await applyAll(client, readFileSync(file, "utf8"));
}

/** Applies every object of a YAML text, or those of the kinds. */
export async function applyAll(
  client: KubeClient,
  text: string,
  kinds?: readonly string[],
): Promise<void> {
  for (const document of parseAllDocuments(text)) {
    const object = document.toJS() as KubeObject;
    if (kinds === undefined || kinds.includes(object.kind)) await apply(client, object);
  }
}
