// The rendered objects: golden files, and what must hold for every Cluster.
//
// UPDATE_FIXTURES=1 writes the golden files anew; the change is then reviewed as a diff.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import t from "tap";
import { stringify } from "yaml";
import { type ClusterSpecInput, parseClusterSpec } from "../../../../src/api/cluster.ts";
import { renderAccess } from "../../../../src/controllers/cluster/render/access.ts";
import { renderConfigMap } from "../../../../src/controllers/cluster/render/config-map.ts";
import type { RenderContext } from "../../../../src/controllers/cluster/render/context.ts";
import { renderDisruptionBudget } from "../../../../src/controllers/cluster/render/disruption-budget.ts";
import { renderLease } from "../../../../src/controllers/cluster/render/lease.ts";
import {
  renderHeadlessService,
  renderPrimaryService,
  renderReplicasService,
} from "../../../../src/controllers/cluster/render/services.ts";
import { renderStatefulSet } from "../../../../src/controllers/cluster/render/stateful-set.ts";
import { fingerprint } from "../../../../src/controllers/fingerprint.ts";
import type { KubeObject } from "../../../../src/kube/object.ts";
import { aCluster, EVERYTHING, SETTINGS } from "./builders.ts";

const GOLDEN = "fixtures/rendered";

function contextOf(input: ClusterSpecInput = {}): RenderContext {
  const parsed = parseClusterSpec(input);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  const { spec } = parsed;
  const serverImage = `${spec.repository ?? SETTINGS.serverRepository}:${spec.version}`;
  return {
    cluster: aCluster(input),
    spec,
    members: spec.members,
    serverImage,
    settings: SETTINGS,
  };
}

function renderAll(context: RenderContext): KubeObject[] {
  return [
    ...renderAccess(context),
    renderConfigMap(context),
    renderHeadlessService(context),
    renderPrimaryService(context),
    renderReplicasService(context),
    renderDisruptionBudget(context),
    renderLease(context),
    renderStatefulSet(context),
  ];
}

for (
  const [name, spec] of Object.entries({
    minimal: {},
    "multi-primary": { members: 2, multiMaster: true },
    everything: EVERYTHING,
  })
) {
  t.test(`${name}.yaml is what is rendered`, async (t) => {
    const text = renderAll(contextOf(spec)).map((object) =>
      stringify(JSON.parse(JSON.stringify(object)), { aliasDuplicateObjects: false, lineWidth: 0 })
    ).join("---\n");
    const file = join(GOLDEN, `${name}.yaml`);
    if (process.env["UPDATE_FIXTURES"] === "1") {
      mkdirSync(GOLDEN, { recursive: true });
      writeFileSync(file, text);
    }
    t.equal(text, readFileSync(file, "utf8"));
  });
}

t.test("the Pod template does not depend on the number of members", async (t) => {
  const templates = [1, 3, 9].map((members) => {
    return JSON.stringify(renderStatefulSet(contextOf({ members })).spec.template);
  });
  t.equal(new Set(templates).size, 1);
  const maps = [1, 3, 9].map((members) => JSON.stringify(renderConfigMap(contextOf({ members }))));
  t.equal(new Set(maps).size, 1, "nor does the agents' configuration");
});

t.test("a new operator version alone does not change the Pod template", async (t) => {
  const context = contextOf();
  const newer = { ...context, settings: { ...SETTINGS, operatorVersion: "9.9.9" } };
  t.strictSame(renderStatefulSet(newer).spec.template, renderStatefulSet(context).spec.template);
});

t.test("the order of keys in the spec changes nothing", async (t) => {
  const shuffled = Object.fromEntries(Object.entries(EVERYTHING).reverse());
  const [a, b] = [EVERYTHING, shuffled].map((spec) => renderAll(contextOf(spec)).map(fingerprint));
  t.strictSame(a, b);
});

for (const [name, spec] of Object.entries({ minimal: {}, everything: EVERYTHING })) {
  t.test(`${name}: every container fulfils the restricted standard`, async (t) => {
    const pod = renderStatefulSet(contextOf(spec)).spec.template.spec;
    const containers = [...pod.initContainers ?? [], ...pod.containers];
    t.strictSame(
      containers.map((container) => container.name),
      ["config", "initialize", "agent", "mysql"],
    );
    t.match(pod.securityContext, {
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    t.equal(pod.automountServiceAccountToken, false);
    for (const { name, securityContext, resources } of containers) {
      t.strictSame(securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      }, name);
      t.ok(resources?.requests, `${name} has requests`);
    }
  });

  t.test(`${name}: secrets are mounted only where they are needed, and nowhere else`, async (t) => {
    const pod = renderStatefulSet(contextOf(spec)).spec.template.spec;
    const mountsOf = (container: string) =>
      [...pod.initContainers ?? [], ...pod.containers]
        .find(({ name }) => name === container)?.volumeMounts?.map(({ name }) => name) ?? [];
    for (const volume of ["root-password", "agent-password"]) {
      t.ok(mountsOf("config").includes(volume) && mountsOf("agent").includes(volume), volume);
      t.notOk(mountsOf("mysql").includes(volume) || mountsOf("initialize").includes(volume));
    }
    const token = ["config", "initialize", "agent", "mysql"]
      .filter((container) => mountsOf(container).includes("api-token"));
    t.strictSame(token, ["agent"], "the API token");
    const names = pod.volumes?.map((volume) => volume.name) ?? [];
    const mounted = ["config", "initialize", "agent", "mysql"].flatMap(mountsOf);
    t.strictSame(names.filter((volume) => !mounted.includes(volume)), [], "no unused volume");
    t.notMatch(JSON.stringify(pod), /secretKeyRef/, "no secret in an environment");
  });
}

t.test("the agents' rights are on named objects, without wildcards", async (t) => {
  for (const spec of [{}, EVERYTHING, { multiPrimary: true }]) {
    const role = renderAccess(contextOf(spec)).find(({ kind }) => kind === "Role");
    const { rules } = role as KubeObject & {
      rules: { resources: string[]; verbs: string[]; resourceNames?: string[] }[];
    };
    for (const { resources, verbs, resourceNames } of rules) {
      t.ok(resourceNames !== undefined || resources[0] === "events", resources.join());
      t.notOk(verbs.includes("*") || verbs.includes("delete") || resources.includes("secrets"));
    }
  }
});
