// The containers of a Pod. In order: `config` writes the instance's files, `initialize` makes the data
// directory, `agent` (a native sidecar: up before mysqld and still there while it stops), `mysql`.
//
// All of them fulfil the restricted Pod Security Standard. Nothing here may depend on the number of
// members or on anything else that scaling changes: the Pod template must stay the same.
// No container has a password in its arguments or environment.

import type { Container, EnvVar, Probe } from "../../../api/kinds.ts";
import type { RenderContext } from "./context.ts";
import { MYSQL_PORT } from "./services.ts";
import { agentMounts, settingsMounts, sharedMounts, tlsMounts } from "./volumes.ts";

export const AGENT_PORT = 10512;
const RUN = "/run/mysql-operator";

const RESTRICTED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};
const SERVER_REQUESTS = { requests: { cpu: "100m", memory: "512Mi" } };
const AGENT_REQUESTS = { requests: { cpu: "20m", memory: "96Mi" } };

/** Probes are answered by the agent over HTTP: the server image may hold no client at all. */
function probe(path: string, timing: Omit<Probe, "httpGet">): Probe {
  return { httpGet: { path, port: AGENT_PORT, scheme: "HTTP" }, timeoutSeconds: 3, ...timing };
}

/** Quick to say ready, so that the Services follow; two failures, so that one late answer is none. */
const READINESS = probe("/ready", { periodSeconds: 2, failureThreshold: 2 });

function agentEnvironment({ cluster, settings }: RenderContext): EnvVar[] {
  const field = (name: string, fieldPath: string) => ({
    name,
    valueFrom: { fieldRef: { apiVersion: "v1", fieldPath } },
  });
  return [
    field("POD_NAME", "metadata.name"),
    field("POD_NAMESPACE", "metadata.namespace"),
    field("POD_UID", "metadata.uid"),
    { name: "MYSQL_CLUSTER_NAME", value: cluster.metadata.name },
    { name: "CLUSTER_DOMAIN", value: settings.clusterDomain },
  ];
}

function fromAgentImage(context: RenderContext): Omit<Container, "name"> {
  const { settings, spec } = context;
  return {
    image: settings.agentImage,
    imagePullPolicy: settings.imagePullPolicy,
    env: agentEnvironment(context),
    resources: resourcesOf(spec.resources?.agent, AGENT_REQUESTS),
    securityContext: RESTRICTED,
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}

function fromServerImage({ settings, spec, serverImage }: RenderContext): Omit<Container, "name"> {
  return {
    image: serverImage,
    imagePullPolicy: settings.imagePullPolicy,
    resources: resourcesOf(spec.resources?.server, SERVER_REQUESTS),
    securityContext: RESTRICTED,
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}

/** The user's amounts as given, a plain number as the text that the API server makes of it. */
function resourcesOf(
  given:
    | Readonly<Record<string, Readonly<Record<string, string | number>> | undefined>>
    | undefined,
  otherwise: Container["resources"] & object,
): Container["resources"] & object {
  if (given === undefined) return otherwise;
  const kinds = Object.entries(given).flatMap(([kind, amounts]) =>
    amounts === undefined ? [] : [[kind, asTexts(amounts)]]
  );
  return Object.fromEntries(kinds);
}

function asTexts(amounts: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, String(value)]));
}

export function renderInitContainers(context: RenderContext): Container[] {
  const settings = [...sharedMounts(context), ...settingsMounts(context), ...tlsMounts(context)];
  return [{
    name: "config",
    ...fromAgentImage(context),
    args: ["agent", "init"],
    volumeMounts: settings,
  }, {
    name: "initialize",
    ...fromServerImage(context),
    command: ["/bin/sh", `${RUN}/initialize.sh`],
    volumeMounts: sharedMounts(context),
  }, {
    name: "agent",
    ...fromAgentImage(context),
    args: ["agent", "run"],
    restartPolicy: "Always",
    ports: [{ name: "agent", containerPort: AGENT_PORT, protocol: "TCP" }],
    // mysqld starts after the agent has started, so that is asked for often.
    startupProbe: probe("/live", { periodSeconds: 1, failureThreshold: 120 }),
    livenessProbe: probe("/live", { periodSeconds: 10, failureThreshold: 6 }),
    readinessProbe: READINESS,
    volumeMounts: [...settings, ...agentMounts(context)],
  }];
}

export function renderServerContainer(context: RenderContext): Container {
  return {
    name: "mysql",
    ...fromServerImage(context),
    command: ["/bin/sh", `${RUN}/mysqld.sh`],
    ports: [{ name: "mysql", containerPort: MYSQL_PORT, protocol: "TCP" }],
    // Crash recovery of a large database may take long: one hour before the kubelet gives up.
    startupProbe: probe("/startup", { periodSeconds: 1, failureThreshold: 3600 }),
    readinessProbe: READINESS,
    // No liveness probe: a server that clones or recovers looks dead and must not be killed; one that
    // died is started again by its own loop.
    lifecycle: { preStop: { httpGet: { path: "/drain", port: AGENT_PORT, scheme: "HTTP" } } },
    volumeMounts: [...sharedMounts(context), ...tlsMounts(context)],
  };
}
