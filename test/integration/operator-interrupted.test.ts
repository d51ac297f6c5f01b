// An operator that ends after any of its writes: the next one completes the Cluster. And a spec that an
// older schema let in: refused by a condition, nothing made.

import { readFileSync } from "node:fs";
import t from "tap";
import { parse } from "yaml";
import { parseClusterSpec } from "../../src/api/cluster.ts";
import { neededObjects } from "../../src/controllers/cluster/needs.ts";
import { secrets, statefulSets } from "../../src/api/kinds.ts";
import type { KubeObject } from "../../src/kube/object.ts";
import { apply, LIMIT, waitFor, World } from "./operator-world.ts";

const SECONDS = 60_000;

t.test("interruptions and old objects", async (t) => {
  const world = await World.start(t);
  const parsed = parseClusterSpec({});
  if (!parsed.ok) throw new Error("an empty spec is valid");
  const needed = neededObjects("main", parsed.spec);

  await t.test("an operator that ends after any write", async (t) => {
    for (const writes of needed.keys()) {
      const namespace = await world.namespace(`interrupted-${writes}`);
      const args = [`--namespace=${namespace}`];
      const operator = world.operator(t, args, { stopAfterWrites: writes + 1 });
      await world.create(namespace, { members: 1 });
      await operator.ended;
      const made = operator.lines.filter(({ msg }) => msg === "applied").length;
      const secret = { namespace, name: "main-agent" };
      const before = await world.client.of(secrets).get(secret, LIMIT);
      const next = world.operator(t, args);
      await world.untilCondition(namespace, "Ready", "False Creating");
      const ref = { namespace, name: "main" };
      await waitFor("the StatefulSet", SECONDS, async () => {
        return await world.client.of(statefulSets).get(ref, LIMIT) !== undefined || "none";
      });
      const after = await world.client.of(secrets).get(secret, LIMIT);
      if (before !== undefined) t.strictSame(after?.data, before.data, "the password is kept");
      await next.stop();
      t.equal(made, writes + 1, `completed after ${made} of ${needed.length} writes`);
    }
  });

  await t.test("a stored spec that is not valid", async (t) => {
    const namespace = await world.namespace("invalid");
    const definition = parse(readFileSync("deploy/crds/mysqlclusters.yaml", "utf8")) as KubeObject;
    const loose = structuredClone(definition) as KubeObject & {
      spec: { versions: { schema: unknown }[] };
    };
    for (const version of loose.spec.versions) {
      const openAPIV3Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
      version.schema = { openAPIV3Schema };
    }
    await apply(world.client, loose);
    await waitFor("the loose schema", SECONDS, async () => {
      await world.create(namespace, { members: 99 } as never);
      return true;
    });
    await apply(world.client, definition);
    const operator = world.operator(t, [`--namespace=${namespace}`]);
    const ready = await world.untilCondition(namespace, "Ready", "False InvalidSpec");
    t.match(ready.message, /spec\.members/);
    t.strictSame(operator.lines.filter(({ msg }) => msg === "applied"), [], "nothing was made");
  });
});
