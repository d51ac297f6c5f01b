// What the operator's probes say.

import t from "tap";
import { answerHealth } from "../../src/run-operator.ts";

const fine = { hasLost: false, missing: [] };
const rows = [
  { name: "alive", path: "/healthz", state: fine, status: 200, body: /^ok$/m },
  {
    name: "alive while its stores are filled",
    path: "/healthz",
    state: { ...fine, missing: ["Pod"] },
    status: 200,
    body: /^ok$/m,
  },
  {
    name: "to be ended when it leads without the Lease",
    path: "/healthz",
    state: { ...fine, hasLost: true },
    status: 503,
    body: /the Lease is lost/,
  },
  { name: "ready", path: "/readyz", state: fine, status: 200, body: /^ok$/m },
  {
    name: "not ready, and says what is missing",
    path: "/readyz",
    state: { ...fine, missing: ["Pod", "Lease"] },
    status: 503,
    body: /yet: Pod, Lease$/m,
  },
  { name: "nothing else", path: "/", state: fine, status: 404, body: /not found/ },
];

for (const { name, path, state, status, body } of rows) {
  t.test(`answerHealth() ${name}`, async (t) => {
    t.match(answerHealth(path, state), { status, body, contentType: "text/plain" });
  });
}
