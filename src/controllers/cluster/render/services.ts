// The Services of a Cluster: NAME (headless: every member's own DNS name, ready or not), NAME-primary
// (where to write) and NAME-replicas (where to read).
//
// Single-primary: NAME-primary is applied without a selector. The agent of the primary sets it to one Pod
// by name, in one write, because moving a role label from Pod to Pod takes ten times as long to arrive.
// The operator never sends that field, so server-side apply leaves it to the agents.
// Multi-primary: both follow the role label, which every ONLINE member then has.

import { ROLE_LABEL, selectorLabels } from "../../../api/labels.ts";
import {
  headlessServiceName,
  primaryServiceName,
  replicasServiceName,
} from "../../../api/names.ts";
import { type Service, services } from "../../../api/kinds.ts";
import { envelope, type RenderContext } from "./context.ts";

export const MYSQL_PORT = 3306;
const PORTS = [{ name: "mysql", port: MYSQL_PORT, targetPort: "mysql", protocol: "TCP" }];

export function renderHeadlessService(context: RenderContext): Service {
  const name = context.cluster.metadata.name;
  return {
    ...envelope(context, { type: services, name: headlessServiceName(name) }),
    spec: {
      clusterIP: "None",
      // Members must find each other before they are ready: readiness means being in the group.
      publishNotReadyAddresses: true,
      selector: selectorLabels(name),
      ports: PORTS,
    },
  };
}

export function renderPrimaryService(context: RenderContext): Service {
  const { cluster, spec } = context;
  const name = primaryServiceName(cluster.metadata.name);
  const selector = spec.multiPrimary ? { selector: withRole(context, "primary") } : {};
  return clientService(context, { name, options: spec.services.primary, selector });
}

export function renderReplicasService(context: RenderContext): Service {
  const { cluster, spec } = context;
  const name = replicasServiceName(cluster.metadata.name);
  const selector = { selector: withRole(context, spec.multiPrimary ? "primary" : "secondary") };
  return clientService(context, { name, options: spec.services.replicas, selector });
}

function withRole({ cluster }: RenderContext, role: string): Record<string, string> {
  return { ...selectorLabels(cluster.metadata.name), [ROLE_LABEL]: role };
}

type ClientService = {
  readonly name: string;
  readonly options: RenderContext["spec"]["services"]["primary"];
  readonly selector: Pick<Service["spec"], "selector">;
};

function clientService(context: RenderContext, wanted: ClientService): Service {
  const { annotations, type, loadBalancerSourceRanges: ranges } = wanted.options;
  // The API server refuses source ranges on a Service that is no load balancer.
  const sources = type === "LoadBalancer" && ranges ? { loadBalancerSourceRanges: ranges } : {};
  return {
    ...envelope(context, { type: services, name: wanted.name }, annotations),
    spec: { type, ...sources, ...wanted.selector, ports: PORTS },
  };
}
