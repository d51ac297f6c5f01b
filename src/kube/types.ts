// The Kubernetes wire shapes, only the fields that this project reads or writes. Objects from the server
// hold more than their type says; server-side apply sends only what we own, so nothing is lost by that.

import type { IntOrString, LooseCondition, PodTemplateSpec } from "./pod.ts";

export type * from "./pod.ts";

export type Quantities = Record<string, string>;

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

/** What the server says about a request that failed (and about some deletions). */
export interface Status {
  kind?: "Status";
  code?: number;
  reason?: string;
  message?: string;
  details?: { name?: string; kind?: string; retryAfterSeconds?: number };
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
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

export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export interface ObjectReference {
  apiVersion?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  resourceVersion?: string;
}

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

export interface Node extends KubeObject {
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
