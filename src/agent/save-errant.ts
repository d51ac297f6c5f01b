// Keeps what a re-clone will discard: a folder on the volume, beside the data directory where no clone reaches it,
// with a list of the transactions for people and the binary and relay logs that hold them, whole. The list alone
// has no rows; `mysqlbinlog --verbose` shows them from the logs, and `mysqlbinlog | mysql` brings them back. When
// nobody knows which transaction has other rows than the group's, that is every log, and no list.
//
// Made under another name and renamed when whole and on the disk: a folder under its own name is complete, and
// saving the same transactions again does nothing.

import {
  constants,
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { shortHash } from "../base/hash.ts";
import { parseGtidSet } from "../mysql/gtid.ts";
import { binaryLogEvents, binaryLogs, readData, subtractGtids } from "../mysql/queries.ts";
import type { Session } from "../mysql/session.ts";

export type Discarded = {
  /** Transactions that the group does not have. */
  readonly errant: string;
  /** Not empty: why its rows cannot be the group's; any log may hold those. */
  readonly conflict: string;
};

export type SaveOptions = Discarded & {
  readonly session: Session;
  readonly volumeDirectory: string;
  readonly dataDirectory: string;
};

const RELAY_LOG = /-group_replication_applier\.\d+$/;

/**
 * Saves them; returns the folder, which is named by what is in it: after a clone the next ones have the same GTIDs.
 * @throws when one is in no log any more, or when it cannot be written
 */
export async function saveErrant(options: SaveOptions): Promise<string> {
  const { dataDirectory, volumeDirectory } = options;
  const logs = await logsWith(options);
  const lists = await Promise.all(
    logs.filter(({ set }) => set !== "").map((log) => listOf(log, options)),
  );
  const text = `${header(options)}${lists.flat().join("\n")}\n`;
  const sizes = await Promise.all(
    logs.map(async ({ name }) => `${name} ${(await stat(`${dataDirectory}/${name}`)).size}`),
  );
  const folder = `${volumeDirectory}/errant/${shortHash(`${text}${sizes.join()}`)}`;
  if (await stat(folder).then(() => true, () => false)) return folder;
  const making = `${folder}.new`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true });
  try {
    for (const log of logs) await keepWhole(log, dataDirectory, making);
    await writeWhole(`${making}/transactions.txt`, text);
    await syncFolder(making);
    await rename(making, folder);
    await syncFolder(`${volumeDirectory}/errant`);
    return folder;
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    throw error;
  }
}

type Log = {
  readonly name: string;
  /** What it holds of the errant transactions, as far as is known. */
  readonly set: string;
  /** Nothing is written to it any more. */
  readonly closed: boolean;
};

/** The logs that hold any of them, or may. */
async function logsWith(options: SaveOptions): Promise<Log[]> {
  const { conflict, dataDirectory, errant, session } = options;
  const { executed, purged } = await readData(session);
  const gone = await common(session, errant, purged);
  if (gone !== "") {
    throw new Error(
      `${gone} is in no binary log any more and cannot be saved; to give it up, delete this member's ` +
        "volume claim and Pod",
    );
  }
  const all = await binaryLogs(session);
  const logs: Log[] = [];
  for (const [index, { name, before }] of all.entries()) {
    const inside = await subtractGtids(session, all[index + 1]?.before ?? executed, before);
    const set = await common(session, errant, inside);
    if (set !== "" || conflict !== "") logs.push({ name, set, closed: index < all.length - 1 });
  }
  // Received and never applied: only relay logs have them.
  const applied = await subtractGtids(session, errant, executed) === "";
  if (applied && conflict === "") return logs;
  const relayLogs = (await readdir(dataDirectory)).filter((name) => RELAY_LOG.test(name)).sort();
  return [...logs, ...relayLogs.map((name) => ({ name, set: "", closed: false }))];
}

async function common(session: Session, a: string, b: string): Promise<string> {
  return await subtractGtids(session, a, await subtractGtids(session, a, b));
}

async function listOf({ name, set }: Log, { session }: SaveOptions): Promise<string[]> {
  const wanted = parseGtidSet(set) ?? [];
  const lines = [`\n# ${name}`];
  let keep = false;
  for await (const { type, info } of binaryLogEvents(session, name)) {
    const gtid = /GTID_NEXT\s*=\s*'([^']+)'/.exec(info)?.[1];
    const [one] = gtid === undefined ? [] : parseGtidSet(gtid) ?? [];
    if (gtid !== undefined) {
      keep = one !== undefined &&
        wanted.some(({ source, tag, first, last }) =>
          source === one.source && tag === one.tag && first <= one.first && one.last <= last
        );
    }
    if (keep) lines.push(gtid === undefined ? `  ${type}  ${info}` : gtid);
  }
  return lines;
}

function header({ conflict, errant }: SaveOptions): string {
  const read = "mysqlbinlog --verbose --base64-output=DECODE-ROWS";
  const own = errant === "" ? "" : `\
# Transactions that were on this member and not in its group, saved before it was cloned anew:
# ${errant}
# The logs beside this file hold them whole. Rows and statements, to read:
#   ${read} --include-gtids='${errant}' LOG...
`;
  const other = conflict === "" ? "" : `\
# All logs of a member that had other rows than its group, saved before it was cloned anew. What showed it:
# ${conflict.replaceAll("\n", " ")}
# Rows and statements, to read:
#   ${read} LOG...
`;
  return `${own}${other}`;
}

// A link keeps a closed log without taking room, and all of them may be more than the volume has.
async function keepWhole({ closed, name }: Log, source: string, folder: string): Promise<void> {
  const [from, to] = [`${source}/${name}`, `${folder}/${name}`];
  const linked = closed && await link(from, to).then(() => true, () => false);
  if (linked) return;
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await sync(to, "r+");
}

async function writeWhole(file: string, text: string): Promise<void> {
  const handle = await open(file, "w");
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function sync(path: string, flags: string): Promise<void> {
  const handle = await open(path, flags);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  await sync(path, "r");
}
