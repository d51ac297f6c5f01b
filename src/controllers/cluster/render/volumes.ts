// The volumes of a Pod and where each container mounts them.
//
// Passwords are on the volumes root-password and agent-password, which only the containers of the
// operator's image mount; mysqld never sees them. The API token is mounted into the agent alone.
// The memory volume `run` is how the containers of one Pod talk: option files, scripts, the socket.

import {
  agentSecretName,
  configMapName,
  DEFAULT_DATA_VOLUME,
  PASSWORD_KEY,
  rootPasswordSecretName,
} from "../../../api/names.ts";
import type { Container, StatefulSet, Volume } from "../../../api/kinds.ts";
import type { RenderContext } from "./context.ts";

type Mount = NonNullable<Container["volumeMounts"]>[number];
type ClaimTemplate = NonNullable<StatefulSet["spec"]["volumeClaimTemplates"]>[number];

/** Readable by the group that all containers run as (fsGroup), by nobody else. */
const GROUP_READABLE = 0o440;
const TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";

export function renderVolumes({ cluster, spec }: RenderContext): Volume[] {
  const name = cluster.metadata.name;
  const volumes: Volume[] = [
    { name: "run", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
    { name: "tmp", emptyDir: {} },
    { name: "config", configMap: { name: configMapName(name) } },
    passwordVolume("root-password", rootPasswordSecretName(name, spec)),
    passwordVolume("agent-password", agentSecretName(name)),
    apiTokenVolume(),
  ];
  if (spec.volumeClaimTemplate === undefined) {
    volumes.unshift({ name: DEFAULT_DATA_VOLUME, emptyDir: {} });
  }
  if (spec.config !== undefined) {
    const items = [{ key: "my.cnf", path: "my.cnf" }];
    volumes.push({ name: "user-config", configMap: { name: spec.config.name, items } });
  }
  if (spec.sslSecret !== undefined) {
    const items = ["ca.crt", "tls.crt", "tls.key"].map((key) => ({ key, path: key }));
    const secretName = spec.sslSecret.name;
    volumes.push({ name: "ssl", secret: { secretName, items, defaultMode: GROUP_READABLE } });
  }
  return volumes;
}

function passwordVolume(name: string, secretName: string): Volume {
  const items = [{ key: PASSWORD_KEY, path: PASSWORD_KEY }];
  return { name, secret: { secretName, items, defaultMode: GROUP_READABLE } };
}

/** What Kubernetes would mount into every container by itself; here it is mounted into one. */
function apiTokenVolume(): Volume {
  const namespace = { path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } };
  return {
    name: "api-token",
    projected: {
      defaultMode: GROUP_READABLE,
      sources: [
        { serviceAccountToken: { path: "token", expirationSeconds: 3607 } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        { downwardAPI: { items: [namespace] } },
      ],
    },
  };
}

/** What every container has: the data, the memory volume and a place for temporary files. */
export function sharedMounts({ spec }: RenderContext): Mount[] {
  const data = spec.volumeClaimTemplate?.metadata.name ?? DEFAULT_DATA_VOLUME;
  return [
    { name: data, mountPath: "/var/lib/mysql", subPath: "mysql" },
    { name: "run", mountPath: "/run/mysql-operator" },
    { name: "tmp", mountPath: "/tmp" },
  ];
}

export function tlsMounts({ spec }: RenderContext): Mount[] {
  return spec.sslSecret === undefined
    ? []
    : [{ name: "ssl", mountPath: "/etc/ssl/mysql", readOnly: true }];
}

/** What the containers of the operator's image have besides. */
export function settingsMounts({ spec }: RenderContext): Mount[] {
  const mounts: Mount[] = [
    { name: "config", mountPath: "/etc/mysql-operator/config", readOnly: true },
    { name: "root-password", mountPath: "/etc/mysql-operator/root", readOnly: true },
    { name: "agent-password", mountPath: "/etc/mysql-operator/agent", readOnly: true },
  ];
  if (spec.config !== undefined) {
    mounts.push({ name: "user-config", mountPath: "/etc/mysql-operator/user", readOnly: true });
  }
  return mounts;
}

/** What only the running agent has: the API token, and the original's backup volume if one is given. */
export function agentMounts({ spec }: RenderContext): Mount[] {
  const mounts: Mount[] = [{ name: "api-token", mountPath: TOKEN_PATH, readOnly: true }];
  const backup = spec.backupVolumeClaimTemplate;
  if (backup !== undefined) {
    const name = backup.metadata.name;
    mounts.push({ name, mountPath: "/var/lib/mysql-agent", subPath: "mysql" });
  }
  return mounts;
}

export function renderClaimTemplates({ spec }: RenderContext): ClaimTemplate[] {
  const templates = [spec.volumeClaimTemplate, spec.backupVolumeClaimTemplate];
  return templates.filter((template) => template !== undefined).map(({ metadata, spec }) => ({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata,
    spec,
  } as ClaimTemplate));
}
