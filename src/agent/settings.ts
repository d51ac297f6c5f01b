// Who this agent is, and what the operator told it (cluster.json in its ConfigMap). Only here are host
// names of members made: a test may replace `endpointOf` to run members on addresses of its own.

import { z } from "zod";
import { instanceHost, ordinalOf, podName } from "../api/names.ts";
import { address, type Endpoint } from "../mysql/shell-request.ts";

const settingsSchema = z.object({
  clusterUid: z.string().default(""),
  serverVersion: z.string().default(""),
  baseServerId: z.number().int().default(1000),
  multiPrimary: z.boolean().default(false),
  groupReplication: z.object({
    expelTimeoutSeconds: z.number().int().default(0),
    unreachableMajorityTimeoutSeconds: z.number().int().default(10),
    consistency: z.string().optional(),
    autoRejoinTries: z.number().int().default(3),
  }).prefault({}),
  mysqld: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  /** Name of the claim template; null: the data lives in an emptyDir. */
  dataClaim: z.string().nullable().default(null),
  /** Null in multi-primary: that Service selects by the role label. */
  primaryService: z.string().nullable().default(null),
  leaseName: z.string(),
  tls: z.boolean().default(false),
});

/** What the operator told all agents of the Cluster. */
export type AgentSettings = z.infer<typeof settingsSchema>;

/** Reads cluster.json. @throws when it is not one: the operator and the agent do not fit together. */
export function parseAgentSettings(text: string): AgentSettings {
  return settingsSchema.parse(JSON.parse(text));
}

/** This instance among the others. */
export type Identity = {
  readonly clusterName: string;
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string;
  readonly ordinal: number;
  /** Where the agent reaches its own server. */
  readonly local: Endpoint;
  /** Where all members reach the instance of an ordinal. */
  readonly endpointOf: (ordinal: number) => Endpoint;
};

/** The identity of a Pod. @throws if its name has no ordinal. */
export function identityOf(pod: {
  clusterName: string;
  podNamespace: string;
  podName: string;
  podUid: string;
  clusterDomain: string;
  port: number;
}): Identity {
  const { clusterName, podNamespace: namespace, clusterDomain: domain, port } = pod;
  const ordinal = ordinalOf(pod.podName);
  if (ordinal === undefined) throw new Error(`Pod name ${pod.podName} does not end in an ordinal`);
  return {
    clusterName,
    namespace,
    podName: pod.podName,
    podUid: pod.podUid,
    ordinal,
    local: { host: "127.0.0.1", port },
    endpointOf: (ordinal) => ({
      host: instanceHost({ clusterName, ordinal, namespace, domain }),
      port,
    }),
  };
}

/** Largest group that MySQL supports. */
export const MAX_MEMBERS = 9;

/** Where the others reach this instance. */
export function ownEndpoint(identity: Identity): Endpoint {
  return identity.endpointOf(identity.ordinal);
}

/** `host:port` by which the others reach an instance; its address in the metadata. */
export function addressOfOrdinal(identity: Identity, ordinal: number): string {
  return address(identity.endpointOf(ordinal));
}

/** The Pod behind a member, or undefined if it is none of this Cluster's. */
export function podOfMember(identity: Identity, member: Endpoint): string | undefined {
  for (let ordinal = 0; ordinal < MAX_MEMBERS; ordinal++) {
    const { host, port } = identity.endpointOf(ordinal);
    if (host === member.host && port === member.port) return podName(identity.clusterName, ordinal);
  }
  return undefined;
}
