// The kinds of Kubernetes that we make, watch or read: wire shapes (only the fields that this project reads
// or writes) and where each lives in the API.

import type { Identity, KubeObject, ObjectMeta } from "../kube/object.ts";
import { resourceType } from "../kube/resource.ts";
import type {
  Deployment,
  IntOrString,
  LabelSelector,
  LooseCondition,
  Pod,
  PodTemplateSpec,
  Quantities,
} from "./pod.ts";

export type * from "./pod.ts";

export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

export type ObjectReference = Partial<Identity> & { namespace?: string; resourceVersion?: string };

/** A core/v1 Event. */
export interface Event extends KubeObject {
  involvedObject: ObjectReference;
  type: "Normal" | "Warning";
  reason: string;
  message: string;
  count?: number;
  firstTimestamp?: string;
  lastTimestamp?: string;
  source?: { component?: string; host?: string };
  reportingComponent?: string;
  reportingInstance?: string;
}

export interface PersistentVolumeClaimSpec {
  accessModes?: string[];
  resources?: { requests?: Quantities; limits?: Quantities };
  storageClassName?: string;
  volumeMode?: string;
  volumeName?: string;
  selector?: LabelSelector;
}

export interface PersistentVolumeClaim extends KubeObject {
  spec: PersistentVolumeClaimSpec;
  status?: { phase?: string; capacity?: Quantities; conditions?: LooseCondition[] };
}

export interface PersistentVolume extends KubeObject {
  spec: {
    capacity?: Quantities;
    accessModes?: string[];
    persistentVolumeReclaimPolicy?: string;
    storageClassName?: string;
    volumeMode?: string;
    local?: { path: string };
    nodeAffinity?: {
      required?: { nodeSelectorTerms: Pick<LabelSelector, "matchExpressions">[] };
    };
    claimRef?: ObjectReference;
  };
  status?: { phase?: string };
}

export interface StatefulSet extends KubeObject {
  spec: {
    replicas?: number;
    serviceName: string;
    selector: LabelSelector;
    template: PodTemplateSpec;
    volumeClaimTemplates?: {
      apiVersion?: string;
      kind?: string;
      metadata: Pick<ObjectMeta, "name" | "labels" | "annotations">;
      spec: PersistentVolumeClaimSpec;
    }[];
    podManagementPolicy?: string;
    updateStrategy?: { type: string };
    revisionHistoryLimit?: number;
    minReadySeconds?: number;
    persistentVolumeClaimRetentionPolicy?: { whenDeleted?: string; whenScaled?: string };
  };
  status?: {
    replicas?: number;
    readyReplicas?: number;
    updateRevision?: string;
    observedGeneration?: number;
  };
}

export interface ServicePort {
  name?: string;
  port: number;
  targetPort?: IntOrString;
  protocol?: string;
}

export interface Service extends KubeObject {
  spec: {
    type?: string;
    clusterIP?: string;
    selector?: Record<string, string> | null;
    publishNotReadyAddresses?: boolean;
    ports?: ServicePort[];
  };
}

/** A core/v1 Secret. Values in data are base64. */
export interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  immutable?: boolean;
}

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  immutable?: boolean;
}

export interface ServiceAccount extends KubeObject {
  automountServiceAccountToken?: boolean;
  imagePullSecrets?: { name: string }[];
}

export interface Role extends KubeObject {
  rules: { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] }[];
}

export interface RoleBinding extends KubeObject {
  roleRef: { apiGroup: string; kind: string; name: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
}

export interface PodDisruptionBudget extends KubeObject {
  spec: { maxUnavailable?: IntOrString; minAvailable?: IntOrString; selector: LabelSelector };
}

export interface Node extends KubeObject {
  spec?: { taints?: { key: string; effect: string }[] };
  status?: { conditions?: LooseCondition[]; addresses?: { type: string; address: string }[] };
}

export interface StorageClass extends KubeObject {
  provisioner: string;
  reclaimPolicy?: string;
  volumeBindingMode?: string;
  allowVolumeExpansion?: boolean;
}

export interface Namespace extends KubeObject {
  status?: { phase?: string };
}

export const pods = resourceType<Pod>("v1", "Pod", "pods");
export const events = resourceType<Event>("v1", "Event", "events");
export const services = resourceType<Service>("v1", "Service", "services");
export const secrets = resourceType<Secret>("v1", "Secret", "secrets");
export const configMaps = resourceType<ConfigMap>("v1", "ConfigMap", "configmaps");
export const serviceAccounts = resourceType<ServiceAccount>(
  "v1",
  "ServiceAccount",
  "serviceaccounts",
);
export const persistentVolumeClaims = resourceType<PersistentVolumeClaim>(
  "v1",
  "PersistentVolumeClaim",
  "persistentvolumeclaims",
);
export const persistentVolumes = resourceType<PersistentVolume>(
  "v1",
  "PersistentVolume",
  "persistentvolumes",
  false,
);
export const nodes = resourceType<Node>("v1", "Node", "nodes", false);
export const namespaces = resourceType<Namespace>("v1", "Namespace", "namespaces", false);
export const statefulSets = resourceType<StatefulSet>("apps/v1", "StatefulSet", "statefulsets");
export const deployments = resourceType<Deployment>("apps/v1", "Deployment", "deployments");
export const roles = resourceType<Role>("rbac.authorization.k8s.io/v1", "Role", "roles");
export const roleBindings = resourceType<RoleBinding>(
  "rbac.authorization.k8s.io/v1",
  "RoleBinding",
  "rolebindings",
);
export const podDisruptionBudgets = resourceType<PodDisruptionBudget>(
  "policy/v1",
  "PodDisruptionBudget",
  "poddisruptionbudgets",
);
export const storageClasses = resourceType<StorageClass>(
  "storage.k8s.io/v1",
  "StorageClass",
  "storageclasses",
  false,
);
