// The agent's own reads, on the bare servers of a stage.

import type { Mysqld } from "../../fixtures/mysqld/mod.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secret.ts";
import { type DataFacts, readData } from "../../src/mysql/queries.ts";
import { openSession } from "../../src/mysql/session.ts";

const login = { user: "root", password: new Secret("rootpw") };
const limits = { connectTimeoutMs: 5_000, queryTimeoutMs: 5_000 };

/** What data a server holds, as its agent would read it. */
export async function dataOf({ host, port }: Mysqld): Promise<DataFacts> {
  const session = await openSession({ server: { host, port }, login, ...limits, clock });
  try {
    return await readData(session);
  } finally {
    session.close();
  }
}
