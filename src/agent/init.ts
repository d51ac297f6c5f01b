// `agent init`: writes the files of one instance into the memory volume, before any server runs. The same
// input gives the same files, so that running it again, also after an interruption, changes nothing.
// Files with a password are readable by the Pod's user only and are replaced whole.

import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { AGENT_USER } from "../api/names.ts";
import { parseVersion } from "../api/version.ts";
import type { Logger } from "../base/log.ts";
import { renderInitSql, renderOptionFile, renderTakeOverSql } from "../mysql/accounts.ts";
import { type InstancePlace, renderMyCnf } from "../mysql/my-cnf.ts";
import { dataDirectory, renderInitializeScript, renderServerScript } from "./scripts.ts";
import { type AgentSettings, type Identity, ownEndpoint } from "./settings.ts";

export type InitOptions = {
  readonly identity: Identity;
  readonly settings: AgentSettings;
  readonly runDirectory: string;
  readonly volumeDirectory: string;
  readonly temporaryDirectory: string;
  readonly userConfigFiles: readonly string[];
  readonly rootPasswordFile: string;
  readonly agentPasswordFile: string;
  readonly tlsDirectory: string;
  readonly log: Logger;
};

/** Writes all files. @throws when a mounted file is missing or a password cannot be used */
export async function initialise(options: InitOptions): Promise<void> {
  const { identity, log, runDirectory, settings } = options;
  await mkdir(`${runDirectory}/shell`, { recursive: true });
  const [rootPassword, agentPassword] = await Promise.all([
    readPassword(options.rootPasswordFile),
    readPassword(options.agentPasswordFile),
  ]);
  const userText = (await Promise.all(options.userConfigFiles.map(readOptional))).join("\n");
  const render = (initialize: boolean) =>
    renderMyCnf({ place: placeOf(options), userText, mysqld: settings.mysqld, initialize });
  const myCnf = render(false);
  for (const ignored of myCnf.ignored) log.warn("server variable ignored", ignored);
  const mark = {
    cluster: `${identity.namespace}/${identity.clusterName}`,
    clusterUid: settings.clusterUid,
    pod: identity.podName,
  };
  const accounts = {
    rootPassword,
    agentUser: AGENT_USER,
    agentPassword,
    gtidTags: knowsTags(settings),
  };
  const caFile = settings.tls ? `${options.tlsDirectory}/ca.crt` : undefined;
  const files: [name: string, text: string, mode: number][] = [
    ["my.cnf", myCnf.text, 0o644],
    ["initialize.cnf", render(true).text, 0o644],
    ["initialize.sh", renderInitializeScript(options, mark), 0o755],
    ["mysqld.sh", renderServerScript(options), 0o755],
    ["init.sql", renderInitSql(accounts), 0o600],
    ["take-over.sql", renderTakeOverSql(accounts), 0o600],
    ["client.cnf", renderOptionFile({ user: AGENT_USER, password: agentPassword, caFile }), 0o600],
  ];
  for (const [name, text, mode] of files) await replaceFile(`${runDirectory}/${name}`, text, mode);
  log.info("instance files written", {
    directory: runDirectory,
    files: files.map(([name]) => name),
  });
}

function placeOf(options: InitOptions): InstancePlace {
  const { identity, settings } = options;
  return {
    serverId: settings.baseServerId + identity.ordinal,
    reportHost: ownEndpoint(identity).host,
    port: ownEndpoint(identity).port,
    dataDirectory: dataDirectory(options),
    runDirectory: options.runDirectory,
    temporaryDirectory: options.temporaryDirectory,
    tlsDirectory: settings.tls ? options.tlsDirectory : undefined,
    unreachableMajorityTimeoutSeconds: settings.groupReplication.unreachableMajorityTimeoutSeconds,
  };
}

// TRANSACTION_GTID_TAG came with 8.3; an older server would refuse the whole GRANT.
function knowsTags(settings: AgentSettings): boolean {
  const version = parseVersion(settings.serverVersion);
  return version === undefined || version.major > 8 || version.major === 8 && version.minor >= 3;
}

/** A mounted password; the line break that an editor leaves at the end is not part of it. */
export async function readPassword(file: string): Promise<string> {
  const text = (await readFile(file, "utf8")).replace(/\r?\n$/, "");
  if (text === "") throw new Error(`Cannot use the password in ${file}: it is empty`);
  return text;
}

async function readOptional(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const temporary = `${file}.new`;
  await writeFile(temporary, text, { mode });
  await chmod(temporary, mode); // the mode above does not count for a file left by an interrupted run
  await rename(temporary, file);
}
