// Where the limit on a Cluster's name comes from, on the real StatefulSet controller: it labels each Pod with
// the name of its revision, which is the StatefulSet's name, a dash and a hash. Names as long as we allow get
// their Pods; a name that leaves no room for the hash gets none, with nothing but an Event to say why.

import t from "tap";
import { startApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { MAX_CLUSTER_NAME_LENGTH, podName } from "../../src/api/names.ts";
import { type Pod, pods, type StatefulSet, statefulSets } from "../../src/api/kinds.ts";
import { events } from "../../src/api/kinds.ts";
import type { Event } from "../../src/api/kinds.ts";
import { waitFor } from "../e2e/wait.ts";

const namespace = "default";
const LIMIT_MS = 60_000;
const server = await startApiServer(t);
const client = server.client();
const signal = AbortSignal.timeout(2 * LIMIT_MS);

async function makeStatefulSet(name: string): Promise<void> {
  const labels = { app: name.slice(0, 20) };
  const object: StatefulSet = {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      serviceName: "none",
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "mysql", image: "none" }] },
      },
    },
  };
  await client.of(statefulSets).create(object, signal);
}

t.test("a StatefulSet with the longest name that a Cluster may have gets its Pod", async (t) => {
  const name = "a".repeat(MAX_CLUSTER_NAME_LENGTH);
  await makeStatefulSet(name);
  let pod: Pod | undefined;
  await waitFor("the Pod", LIMIT_MS, async () => {
    pod = await client.of(pods).get({ namespace, name: podName(name, 0) }, signal);
    return pod !== undefined || "no Pod";
  });
  const label = pod?.metadata.labels?.["controller-revision-hash"] ?? "";
  t.ok(label.startsWith(`${name}-`) && label.length <= 63, label);
});

t.test("a StatefulSet with a name that only Pods and Services could have gets none", async (t) => {
  const name = "b".repeat(61);
  await makeStatefulSet(name);
  const fieldSelector = `involvedObject.name=${name},reason=FailedCreate`;
  let refused: Event | undefined;
  await waitFor("the Event", LIMIT_MS, async () => {
    refused = (await client.of(events).list({ namespace, fieldSelector }, signal)).items[0];
    return refused !== undefined || "no Event";
  });
  t.match(refused?.message, /must be no more than 63 (bytes|characters)/);
  t.equal(await client.of(pods).get({ namespace, name: podName(name, 0) }, signal), undefined);
});
