// The StatefulSet of a Cluster and its Pod template.
//
// Parallel: after a complete outage every member must be up before one can be chosen. OnDelete: a change
// of the template restarts nothing by itself; who restarts members, and in which order, is the operator.
// The selector and the claim templates can never change after the first apply.

import { APP_INSTANCE_LABEL, APP_NAME_LABEL, selectorLabels } from "../../../api/labels.ts";
import {
  agentServiceAccountName,
  headlessServiceName,
  statefulSetName,
} from "../../../api/names.ts";
import {
  type PodSpec,
  type PodTemplateSpec,
  type StatefulSet,
  statefulSets,
} from "../../../api/kinds.ts";
import { AGENT_PORT, renderInitContainers, renderServerContainer } from "./containers.ts";
import { envelope, type RenderContext } from "./context.ts";
import { renderClaimTemplates, renderVolumes } from "./volumes.ts";

/** uid and gid of everything in the Pod, as in MySQL's own images. */
const MYSQL_ID = 27;

export function renderStatefulSet(context: RenderContext): StatefulSet {
  const { cluster, spec, members } = context;
  const name = cluster.metadata.name;
  const claims = renderClaimTemplates(context);
  return {
    ...envelope(context, { type: statefulSets, name: statefulSetName(name) }),
    spec: {
      replicas: members,
      serviceName: headlessServiceName(name),
      podManagementPolicy: "Parallel",
      updateStrategy: { type: "OnDelete" },
      selector: { matchLabels: selectorLabels(name) },
      persistentVolumeClaimRetentionPolicy: {
        whenDeleted: spec.deletionPolicy,
        // A member that leaves may come back; its data then saves a clone.
        whenScaled: "Retain",
      },
      template: renderPodTemplate(context),
      ...(claims.length > 0 && { volumeClaimTemplates: claims }),
    },
  };
}

/** The operator's version is left out of the labels: a new operator alone must not change the template. */
function renderPodTemplate(context: RenderContext): PodTemplateSpec {
  const { cluster, spec } = context;
  const name = cluster.metadata.name;
  return {
    metadata: {
      labels: {
        ...spec.podMetadata?.labels,
        ...selectorLabels(name),
        [APP_NAME_LABEL]: "mysql",
        [APP_INSTANCE_LABEL]: name,
      },
      annotations: {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": String(AGENT_PORT),
        ...spec.podMetadata?.annotations,
      },
    },
    spec: renderPod(context),
  };
}

function renderPod(context: RenderContext): PodSpec {
  const { cluster, spec } = context;
  return {
    initContainers: renderInitContainers(context),
    containers: [renderServerContainer(context)],
    volumes: renderVolumes(context),
    serviceAccountName: agentServiceAccountName(cluster.metadata.name),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: MYSQL_ID,
      runAsGroup: MYSQL_ID,
      fsGroup: MYSQL_ID,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
      ...(spec.securityContext as PodSpec["securityContext"]),
    },
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds,
    ...renderPlacement(context),
  };
}

function renderPlacement({ cluster, spec }: RenderContext): Partial<PodSpec> {
  const labelSelector = { matchLabels: selectorLabels(cluster.metadata.name) };
  const placement: Partial<PodSpec> = {
    affinity: (spec.affinity as PodSpec["affinity"]) ?? apartFromEachOther(labelSelector),
  };
  if (spec.nodeSelector !== undefined) placement.nodeSelector = spec.nodeSelector;
  if (spec.tolerations !== undefined) {
    placement.tolerations = spec.tolerations as Record<string, unknown>[];
  }
  if (spec.topologySpreadConstraints !== undefined) {
    placement.topologySpreadConstraints = spec.topologySpreadConstraints.map((constraint) => ({
      labelSelector,
      ...constraint,
    }));
  }
  if (spec.priorityClassName !== undefined) placement.priorityClassName = spec.priorityClassName;
  if (spec.imagePullSecrets.length > 0) placement.imagePullSecrets = spec.imagePullSecrets;
  return placement;
}

/** Preferred, not required: a Cluster must also start on fewer nodes than it has members. */
function apartFromEachOther(labelSelector: object): Record<string, unknown> {
  const term = { labelSelector, topologyKey: "kubernetes.io/hostname" };
  return {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term }],
    },
  };
}
