// What a user may write in a Cluster: every field with its default, limits and rules.
//
// The one source of the types, of run-time validation and of deploy/crds/mysqlclusters.yaml. A description
// states default, unit and trade-off, because it is what `kubectl explain` shows. Names, defaults and limits
// of the original operator's fields are kept; a field that is unset means the safe behaviour.

import { z } from "zod";
import { mysqldSchema } from "./mysqld-field.ts";
import { DEFAULT_BACKUP_VOLUME, DEFAULT_DATA_VOLUME } from "./names.ts";
import * as pod from "./pod-fields.ts";
import { immutable, type Rule, stringMap, type Transition, withRules } from "./rule.ts";
import {
  DEFAULT_VERSION,
  isSupportedVersion,
  SUPPORTED_VERSION_PATTERN,
  VERSION_PATTERN,
} from "./version.ts";
import { volumeClaimSchema } from "./volume-claim.ts";

/** Highest base that leaves room for nine members below 2^32. */
const MAX_BASE_SERVER_ID = 4_294_967_286;

const versionSchema = withRules(
  z.string().max(64).regex(new RegExp(VERSION_PATTERN), {
    error: "must be a version such as 9.7.4, 8.4 or 9.7.4-2",
  }),
  [{
    cel: `self.matches('${SUPPORTED_VERSION_PATTERN}')`,
    check: isSupportedVersion,
    message: "this version of MySQL is not supported",
    remedy: "use 8.0.34 or a newer 8.0, 8.4 or 9.7",
  }],
).describe(
  "MySQL version, which is also the tag of the image: a patch release such as 9.7.4, with a package revision " +
    "(9.7.4-2), or a series (8.4), which floats with the registry. Supported: 8.0 from 8.0.34, 8.4, 9.7. " +
    `Default: ${DEFAULT_VERSION}.`,
).default(DEFAULT_VERSION);

const REPOSITORY_PATTERN = "^([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?(:[0-9]+)?/)?" +
  "[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(@sha256:[0-9a-f]{64})?$";

const HOST_PATTERN = "^([0-9.]{7,15}|[0-9a-fA-F:.]{2,45})(/[0-9]{1,3})?$";

const serviceSchema = (what: string) =>
  z.object({
    type: z.enum(["ClusterIP", "NodePort", "LoadBalancer"])
      .describe("How it can be reached. Default: ClusterIP, from inside the cluster only.")
      .default("ClusterIP"),
    annotations: stringMap({ maxEntries: 32, maxLength: 4096 })
      .describe("Added to the Service, for example for a cloud's load balancer.").optional(),
    loadBalancerSourceRanges: z.array(z.string().max(49).regex(new RegExp(HOST_PATTERN))).max(64)
      .meta({ "x-kubernetes-list-type": "atomic" })
      .describe("CIDR blocks that may use the load balancer. Default: all.").optional(),
  }).describe(what).prefault({});

const servicesSchema = z.object({
  primary: serviceSchema("The Service NAME-primary: always the member that accepts writes."),
  replicas: serviceSchema("The Service NAME-replicas: the ONLINE secondaries."),
}).describe("The Services for clients. Default: reachable from inside the Kubernetes cluster.")
  .prefault({});

const recoverySchema = z.object({
  completeOutage: z.enum(["Automatic", "Manual"]).describe(
    "What happens when no member is in a group any more. Automatic: once all are up, the most advanced one " +
      "restarts the group, but never when that could lose a transaction. Manual: a person decides. " +
      "Default: Automatic. Wherever it is not automatic, status.plans has what would be done.",
  ).default("Automatic"),
  diverged: z.enum(["Report", "Reclone"]).describe(
    "What happens to a member with transactions that the group does not have. Report: it is fenced and a " +
      "person decides. Reclone: those transactions are saved on its volume, then the member is cloned anew. " +
      "Default: Report.",
  ).default("Report"),
}).describe("How failures that may cost data are handled.").prefault({});

const groupReplicationSchema = z.object({
  expelTimeoutSeconds: z.int().min(0).max(3600).describe(
    "Seconds that an unreachable member may stay before it is expelled. Default: 0, a failed primary is " +
      "replaced after about 6.5 s; any higher value makes that 20 s and more, because the server looks at " +
      "suspicions every 15 s, and until then a lost member blocks writes. Raise it only where networks or " +
      "disks stall often: an expelled member rejoins by itself.",
  ).default(0),
  unreachableMajorityTimeoutSeconds: z.int().min(1).max(3600).describe(
    "Seconds after which a member cut off from the majority stops waiting: it fails its pending writes and " +
      "turns read-only. Default: 10. Longer rides out longer network cuts, with clients hanging meanwhile.",
  ).default(10),
  consistency: z.enum([
    "EVENTUAL",
    "BEFORE_ON_PRIMARY_FAILOVER",
    "BEFORE",
    "AFTER",
    "BEFORE_AND_AFTER",
  ]).describe(
    "Guarantee of reads and writes (group_replication_consistency). Default: BEFORE_ON_PRIMARY_FAILOVER, a " +
      "new primary first applies what it has received. AFTER and BEFORE_AND_AFTER make every write wait for " +
      "all members, also for a lost one until it is expelled.",
  ).default("BEFORE_ON_PRIMARY_FAILOVER"),
  autoRejoinTries: z.int().min(0).max(2016).describe(
    "How often an expelled member tries to come back by itself, every five minutes after the first try. " +
      "Default: 3. Afterwards the agent takes over.",
  ).default(3),
}).describe("Settings of Group Replication.").prefault({});

const initFromSchema = withRules(
  z.object({
    backup: pod.localReference("A Backup to restore.").optional(),
    clone: pod.localReference("Another Cluster in this namespace to clone.").optional(),
  }),
  [{
    cel: "has(self.backup) != has(self.clone)",
    check: (value) => (value.backup === undefined) !== (value.clone === undefined),
    message: "a Cluster starts from exactly one source",
    remedy: "set either backup or clone",
  }],
  [immutable("a Cluster starts only once", "put the old value back, or make a new Cluster")],
).describe(
  "Where the data of a new Cluster comes from. Default: empty. Fixed after creation. Not available in this version.",
);

const metricsSchema = z.object({
  exporterImage: z.string().min(1).max(512).describe(
    "Image of a MySQL metrics exporter run beside mysqld.",
  ),
  serviceMonitor: z.boolean().describe("Whether a ServiceMonitor is made. Default: false.").default(
    false,
  ),
}).describe(
  "Metrics of the MySQL servers. Default: only those of the agents. Not available in this version.",
);

/** Original fields first, in their original order, then the newer ones. */
const fields = {
  version: versionSchema,
  repository: z.string().min(1).max(255).regex(new RegExp(REPOSITORY_PATTERN), {
    error: "must be an image repository without a tag: [HOST[:PORT]/]PATH[@sha256:DIGEST]",
  }).describe(
    "Repository of the server image, without tag; the image is REPOSITORY:VERSION. A registry port and a " +
      "digest are possible. Default: the operator's --mysql-server-image.",
  ).optional(),
  imagePullSecret: pod.pullSecrets(
    "The original name of imagePullSecrets; only one of them can be set. Default: none.",
  )
    .optional(),
  members: z.int().min(1).max(9).describe(
    "Number of members, 1 to 9. Default: 3, which tolerates one failure; 5 tolerate two. An even number " +
      "tolerates no more failures than one member less.",
  ).default(3),
  baseServerId: withRules(z.int().min(1).max(MAX_BASE_SERVER_ID), [], [
    immutable(
      "the server ids are part of accounts and binary logs",
      "put the old value back; for other ids make a new Cluster and copy the data",
    ),
  ]).describe(
    "server_id of the first member; the others count up. Different Clusters that replicate from each other " +
      "need ranges that do not overlap. 1 to 4294967286. Default: 1000. Fixed after creation.",
  ).default(1000),
  multiMaster: z.boolean().describe(
    "The original name of multiPrimary, with the same meaning. Default: false.",
  ).optional(),
  nodeSelector: pod.nodeSelectorSchema.optional(),
  affinity: pod.affinitySchema.optional(),
  volumeClaimTemplate: volumeClaimSchema(
    DEFAULT_DATA_VOLUME,
    "The data volume of each member. Default: none, the data then lives and dies with the Pod.",
  ).optional(),
  backupVolumeClaimTemplate: volumeClaimSchema(
    DEFAULT_BACKUP_VOLUME,
    "Staging space for backups, mounted into the agent; kept for old manifests. Default: none.",
  ).optional(),
  rootPasswordSecret: pod.localReference(
    "Secret with the password of root under the key password. Default: generated, NAME-root-password.",
  ).optional(),
  config: pod.localReference(
    "ConfigMap with the key my.cnf, merged between our defaults and what we enforce. Default: none. A change " +
      "reaches a member when its Pod is next replaced.",
  ).optional(),
  sslSecret: pod.localReference(
    "Secret with ca.crt, tls.crt and tls.key for the servers. Default: each server makes its own.",
  ).optional(),
  securityContext: pod.securityContextSchema.optional(),
  tolerations: pod.tolerationsSchema.optional(),
  resources: pod.resourcesSchema.optional(),

  imagePullSecrets: pod.pullSecrets("Secrets for pulling the images. Default: none.").optional(),
  multiPrimary: z.boolean().describe(
    "Whether all members accept writes. Default: false, one primary. Conflicting transactions of two members " +
      "fail at commit, and a Service cannot tell which member a client should use. Fixed after creation.",
  ).optional(),
  mysqld: mysqldSchema.optional(),
  podMetadata: pod.podMetadataSchema.optional(),
  topologySpreadConstraints: pod.topologySpreadSchema.optional(),
  priorityClassName: z.string().min(1).max(253).describe(
    "PriorityClass of the Pods. Default: none.",
  ).optional(),
  terminationGracePeriodSeconds: z.int().min(10).max(3600).describe(
    "Seconds for a member to hand over the primary role and stop cleanly before it is killed. Default: 120.",
  ).default(120),
  ipAllowlist: z.array(
    z.string().max(49).regex(new RegExp(HOST_PATTERN), {
      error: "must be an IP address or a CIDR block",
    }),
  ).max(64).meta({ "x-kubernetes-list-type": "atomic" })
    .describe(
      "Addresses or CIDR blocks that may connect to the members. Default: all. Not available in this version.",
    ).optional(),
  services: servicesSchema,
  recovery: recoverySchema,
  groupReplication: groupReplicationSchema,
  deletionPolicy: z.enum(["Retain", "Delete"]).describe(
    "What happens to the data volumes when the Cluster is deleted. Default: Retain; a new Cluster of the same " +
      "name would find them.",
  ).default("Retain"),
  paused: z.boolean().describe(
    "Whether the operator leaves everything as it is; the status is still kept. Default: false.",
  ).default(false),
  initFrom: initFromSchema.optional(),
  metrics: metricsSchema.optional(),
};

type Fields = z.output<z.ZodObject<typeof fields>>;

const rules: Rule<Fields>[] = [{
  cel: "!has(self.imagePullSecret) || !has(self.imagePullSecrets)",
  check: (spec) => spec.imagePullSecret === undefined || spec.imagePullSecrets === undefined,
  at: "imagePullSecret",
  message: "imagePullSecret and imagePullSecrets are two names of one field",
  remedy: "put all Secrets into imagePullSecrets",
}, {
  cel: "!has(self.multiMaster) || !has(self.multiPrimary) || self.multiMaster == self.multiPrimary",
  check: ({ multiMaster, multiPrimary }) =>
    multiMaster === undefined || multiPrimary === undefined || multiMaster === multiPrimary,
  at: "multiMaster",
  message: "multiMaster and multiPrimary are two names of one field and contradict each other",
  remedy: "set only multiPrimary",
}, {
  cel: "!has(self.backupVolumeClaimTemplate) || self.backupVolumeClaimTemplate.metadata.name != " +
    `(has(self.volumeClaimTemplate) ? self.volumeClaimTemplate.metadata.name : '${DEFAULT_DATA_VOLUME}')`,
  check: ({ volumeClaimTemplate: data, backupVolumeClaimTemplate: backup }) =>
    backup?.metadata.name !== (data?.metadata.name ?? DEFAULT_DATA_VOLUME),
  at: "backupVolumeClaimTemplate",
  message: "the data volume and the backup volume have the same name",
  remedy: "give backupVolumeClaimTemplate another metadata.name, such as backup",
}];

const isMulti = (self: string): string =>
  `(${self}.?multiPrimary.orValue(false) || ${self}.?multiMaster.orValue(false))`;

const NEW_CLUSTER = "put the old value back, or make a new Cluster and copy the data";

const transitions: Transition[] = [{
  cel: `${isMulti("self")} == ${isMulti("oldSelf")}`,
  at: "multiPrimary",
  message: "a group does not change between one primary and many",
  remedy: NEW_CLUSTER,
}, {
  cel: "has(self.volumeClaimTemplate) == has(oldSelf.volumeClaimTemplate)",
  at: "volumeClaimTemplate",
  message: "the kind of storage is fixed after creation",
  remedy: NEW_CLUSTER,
}, {
  cel: "has(self.backupVolumeClaimTemplate) == has(oldSelf.backupVolumeClaimTemplate)",
  at: "backupVolumeClaimTemplate",
  message: "the Pods' volumes are fixed after creation",
  remedy: NEW_CLUSTER,
}, {
  cel: "has(self.initFrom) == has(oldSelf.initFrom)",
  at: "initFrom",
  message: "a Cluster starts only once",
  remedy: "put the old value back, or make a new Cluster",
}];

export const clusterSpecSchema = withRules(z.object(fields), rules, transitions)
  .describe("What the Cluster should be. Empty is fine: three members of the default version.");

/** As a user writes it and the API server may have stored it: almost everything optional. */
export type ClusterSpecInput = z.input<typeof clusterSpecSchema>;
