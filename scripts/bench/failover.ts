// bench.sh failover: SIGKILL of the primary's mysqld under load: how long nothing is acknowledged, and how long after the
// group elected anew its labels and its Service say so.

import { primaryOf } from "../../test/e2e/database.ts";
import { killServer } from "../../test/e2e/faults.ts";
import { rightAt } from "./roles-right.ts";
import { electedAt, RolesSeen } from "./roles-seen.ts";
import { bench, forgetRestarts } from "./stage.ts";

await bench("failover", 20, () => {
  const elected: number[] = [];
  const published: number[] = [];
  const written: number[] = [];
  return {
    play: async ({ database }) => {
      const before = await primaryOf(database);
      await forgetRestarts(database, before);
      const seen = new RolesSeen(database);
      const killed = Date.now();
      await killServer(database, before);
      return async ({ gapS }) => {
        await seen.end();
        const now = await primaryOf(database);
        if (now === before) throw new Error(`${before} is the primary still`);
        const at = await electedAt(database, now);
        const right = rightAt(seen.changes, now, at);
        if (right === undefined) throw new Error("labels and Service were not seen right");
        elected.push((at - killed) / 1000);
        published.push((right - at) / 1000);
        written.push(gapS);
      };
    },
    figures: () => [
      { what: "SIGKILL → the group elected", of: "median", values: elected },
      { what: "elected → labels and Service right", of: "median", values: published, most: 0.5 },
      { what: "SIGKILL → first acknowledged row", of: "median", values: written, most: 7.5 },
    ],
  };
});
