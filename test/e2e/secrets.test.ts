// The search for leaked secrets, which every other end-to-end test ends with, finds what it looks for:
// a secret is planted in each kind of place and has to be reported there.

import { randomBytes } from "node:crypto";
import t from "tap";
import { apply, kubectl } from "./kubectl.ts";
import { findLeakedSecrets } from "./secrets.ts";
import { waitFor } from "./wait.ts";

t.test("planted secrets are found", async (t) => {
  const namespace = "planted";
  const value = randomBytes(12).toString("hex");
  await kubectl(["create", "namespace", namespace]);
  t.teardown(() => kubectl(["delete", "namespace", namespace, "--wait=false"]));
  const meta = (name: string) => ({ name, namespace });
  await apply(
    { apiVersion: "v1", kind: "Secret", metadata: meta("s"), stringData: { password: value } },
    { apiVersion: "v1", kind: "ConfigMap", metadata: meta("c"), data: { text: `it is ${value}` } },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { ...meta("annotated"), annotations: { note: value } },
      spec: { ports: [{ port: 1 }] },
    },
    { apiVersion: "v1", kind: "Pod", metadata: meta("loud"), spec: podThatTells(value) },
  );
  const expected = [
    "ConfigMap c",
    "Service annotated",
    "Pod loud",
    "the logs of loud",
    "environ of",
    "cmdline of",
  ];
  await waitFor("every planted secret found", 60_000, async () => {
    const found = await findLeakedSecrets(namespace);
    const missing = expected.filter((place) =>
      !found.some((leak) => leak.includes(`s/password in ${place}`))
    );
    return missing.length === 0 || `not found in ${missing.join(", ")}`;
  });
  t.pass(`found in ${expected.length} kinds of places`);
});

/** Says it in its arguments, its environment and its log, and stays. */
function podThatTells(value: string): object {
  const script = `echo ${value}; while :; do sleep 1; done`;
  return {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    containers: [{
      name: "loud",
      image: "localhost/mysql-server:9.7.4",
      command: ["/bin/sh", "-c", script],
      env: [{ name: "TOLD", value }],
    }],
  };
}
