// What somebody with the root password may do to a member behind the operator's back.

import { type Database, primaryOf, sql } from "./database.ts";
import { kubectl } from "./kubectl.ts";
import { rootPassword } from "./outside-writer.ts";
import { waitFor } from "./wait.ts";

/** Takes a secondary out of the group and writes to it; returns the transactions that only it has. */
export async function writeByHand(
  database: Database,
  pod: string,
  statement: string,
): Promise<string> {
  const script = `STOP GROUP_REPLICATION; SET GLOBAL super_read_only = OFF; ${statement}`;
  const login = `[client]\nuser=root\npassword=${await rootPassword(database)}\n`;
  const client = ["mysql", "--defaults-file=/dev/stdin", "-h127.0.0.1", "-e", script];
  const exec = ["-n", database.namespace, "exec", "-i", pod, "-c", "mysql", "--", ...client];
  // Its agent brings the member back within a second, which makes it read-only again.
  await waitFor(`written to ${pod} by hand`, 60_000, async () => {
    await kubectl(exec, { input: login });
    return true;
  });
  const [groups = ""] = await sql(database, await primaryOf(database), "SELECT @@gtid_executed");
  const own = `SELECT GTID_SUBTRACT(@@gtid_executed, '${groups.replaceAll("\\n", "")}')`;
  return (await sql(database, pod, own))[0] ?? "";
}
