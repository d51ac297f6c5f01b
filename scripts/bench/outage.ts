// bench.sh outage: SIGKILL of every mysqld at once, under load; the time until all are ONLINE and all is right.

import { getPods } from "../../test/e2e/database.ts";
import { killServer } from "../../test/e2e/faults.ts";
import { bench, forgetRestarts } from "./stage.ts";

await bench("outage", 10, () => {
  const values: number[] = [];
  return {
    play: async ({ database }) => {
      const pods = (await getPods(database)).map(({ metadata }) => metadata.name);
      await Promise.all(pods.map((pod) => forgetRestarts(database, pod)));
      const killed = Date.now();
      await Promise.all(pods.map((pod) => killServer(database, pod)));
      return async ({ wholeAt }) => void values.push((wholeAt - killed) / 1000);
    },
    figures: () => [
      { what: "kill of all mysqld → all ONLINE and right", of: "median", values, most: 25 },
      { what: "the same, never longer than", of: "worst", values, most: 90 },
    ],
  };
});
