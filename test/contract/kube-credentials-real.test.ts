// Service account tokens against a real API server: they run out, are rotated in their file and become
// invalid while watches run and requests come and go.

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { signToken } from "../../fixtures/apiserver/certificates.ts";
import { startApiServer } from "../../fixtures/apiserver/real-apiserver.ts";
import { startProxy } from "../../fixtures/apiserver/tcp-proxy.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { configMaps, serviceAccounts } from "../../src/api/kinds.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { follow, limit, map, newNamespace } from "./kube-support.ts";

t.setTimeout(120_000);
// Side by side: two of them wait until a token has run out.
t.jobs = 4;
const buffered = true;
const server = await startApiServer(t, { controllers: false });
const admin = server.client();

/** A service account that may do everything in a namespace of its own, and the file with its token. */
async function account(name: string) {
  const namespace = await newNamespace(admin, name);
  const metadata = { name, namespace };
  const made = await admin.of(serviceAccounts).create(
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    limit(),
  );
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`;
  await post(path, {
    metadata,
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", name, namespace }],
  });
  const uid = made.metadata.uid ?? "";
  const file = join(server.dir, `token-${name}`);
  return {
    namespace,
    file,
    write: (token: string) => writeFileSync(file, `${token}\n`, { mode: 0o600 }),
    /** A token that is taken for so many seconds. */
    sign: (lifeSeconds: number) => signToken(server.dir, { namespace, name, uid }, lifeSeconds),
    /** The shortest one that the API gives. */
    request: async () => {
      const to = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
      const { status } = await post(to, { spec: { expirationSeconds: 600 } }) as {
        status: { token: string };
      };
      return status.token;
    },
  };
}

function post(path: string, body: unknown): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  return admin.raw(
    { method: "POST", path, query: {}, headers, body: JSON.stringify(body) },
    limit(),
  );
}

const list = (client: KubeClient, namespace: string) =>
  client.of(configMaps).list({ namespace }, limit());

/** Asks until the server refuses; it remembers for some seconds that a token was good. */
async function refused(client: KubeClient, namespace: string): Promise<unknown> {
  for (const signal = limit(); !signal.aborted; await clock.sleep(200, signal)) {
    const error = await list(client, namespace).then(() => undefined, (error: unknown) => error);
    if (error) return error;
  }
  throw new Error("the token was never refused");
}

t.test(
  "a token that ran out is read again, and running watches do not notice",
  { buffered },
  async (t) => {
    const { namespace, file, write, sign, request } = await account("expiring");
    write(sign(3));
    const client = await server.tokenClient(file);
    const following = follow(t, client, configMaps, namespace);
    await following.until((store) => store.synced);
    await list(client, namespace);
    t.match(await refused(client, namespace), { httpStatus: 401, reason: "Unauthorized" });
    write(await request());
    t.ok(await client.of(configMaps).create(map("after", {}, namespace), limit()), "a write");
    await following.until((store) => store.get(`${namespace}/after`) !== undefined);
    t.strictSame(following.restarts, []);
  },
);

t.test(
  "a watch that is refused for its token goes on when there is another",
  { buffered },
  async (t) => {
    const { namespace, file, write, sign, request } = await account("refused");
    const proxy = await startProxy(t, { upstreams: [server.port] });
    write(sign(3));
    const client = await server.tokenClient(file, { port: proxy.port });
    const following = follow(t, client, configMaps, namespace);
    await following.until((store) => store.synced);
    await refused(client, namespace);
    proxy.cut();
    await following.restarted;
    await admin.of(configMaps).create(map("meanwhile", {}, namespace), limit());
    while (!following.restarts.some((why) => why.includes("401"))) {
      await clock.sleep(50, limit());
    }
    write(await request());
    await following.until((store) => store.get(`${namespace}/meanwhile`) !== undefined);
    t.equal(following.inits(), 1, "no new list");
  },
);

t.test("a file that is gone or empty while it is rotated does no harm", { buffered }, async (t) => {
  const { namespace, file, write, request } = await account("rotating");
  write(await request());
  // Any two looks at this clock are further apart than the age at which a token is read again (10 s), and the
  // two that a request's limit of 30 s is made of are not too far apart.
  let looks = 0;
  const aging = { ...clock, monotonic: () => clock.monotonic() + 11_000 * looks++ };
  const client = await server.tokenClient(file, { clock: aging, deadMs: Number.MAX_SAFE_INTEGER });
  await list(client, namespace);
  for (const damage of [() => rmSync(file), () => write(""), () => write(" ")]) {
    damage();
    t.ok(await list(client, namespace));
  }
  write("not a token");
  t.match(await refused(client, namespace), { httpStatus: 401 });
  write(await request());
  t.ok(await list(client, namespace));
});

t.test("many requests that are refused at once are all repeated", { buffered }, async (t) => {
  const { namespace, file, write, request } = await account("storm");
  write("not a token");
  const client = await server.tokenClient(file);
  t.match(await refused(client, namespace), { httpStatus: 401 });
  write(await request());
  const all = await Promise.all(Array.from({ length: 50 }, () => list(client, namespace)));
  t.equal(all.length, 50);
});
