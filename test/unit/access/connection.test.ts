import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type AccessOptions, loadConnection } from "../../../src/access/connection.ts";
import type { RunProgram } from "../../../src/access/exec-plugin.ts";
import { createLogger, silentLogger } from "../../../src/base/log.ts";
import { FakeClock } from "../base/fake-clock.ts";

const deps = () => ({ clock: new FakeClock(), log: silentLogger });
const load = (options: Omit<AccessOptions, "clock" | "log">) =>
  loadConnection({ ...deps(), ...options });

function config(more: { cluster?: object; user?: object } = {}): string {
  return JSON.stringify({
    "current-context": "here",
    clusters: [{ name: "c", cluster: { server: "https://api:6443", ...more.cluster } }],
    users: [{ name: "u", user: more.user ?? { token: "abc" } }],
    contexts: [{ name: "here", context: { cluster: "c", user: "u" } }],
  });
}

t.test("loadConnection() looks in the documented order", async (t) => {
  const dir = t.testdir({
    flag: config({ cluster: { server: "https://flag" } }),
    env: config({ cluster: { server: "https://env/" } }),
    token: "tok\n",
    "ca.crt": "CA",
    namespace: "db\n",
  });
  const pod = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
  const env = { ...pod, KUBECONFIG: `${dir}/missing:${dir}/env` };
  t.equal((await load({ kubeconfig: `${dir}/flag`, env })).server, "https://flag");
  t.equal((await load({ env })).server, "https://env");
  const inside = await load({ env: pod, serviceAccountDir: dir });
  t.equal(inside.server, "https://[fd00::1]:443");
  t.equal(inside.namespace, "db");
  const { tls, token } = await inside.credentials();
  t.equal(token?.reveal(), "tok");
  t.same(tls, { ca: "CA", insecure: false });
  t.equal(inside.dial, undefined);
  const elsewhere = { env: pod, master: "https://master:1/", serviceAccountDir: dir };
  t.equal((await load(elsewhere)).server, "https://master:1");
  await t.rejects(
    load({ kubeconfig: `${dir}/missing`, env }),
    /cannot read kubeconfig .*missing/,
  );
  await t.rejects(
    load({ env: { KUBECONFIG: `${dir}/missing` } }),
    /none of the files in \$KUBECONFIG exists/,
  );
  await t.rejects(load({ env, master: "api:6443" }), /not an http\(s\) URL/);
});

t.test("credentials in files are read again", async (t) => {
  const dir = t.testdir();
  mkdirSync(join(dir, "sa"));
  const write = (name: string, text: string) => writeFileSync(join(dir, "sa", name), text);
  write("token", "one");
  write("ca.crt", "CA1");
  const { clock, log } = deps();
  const connection = await loadConnection({
    env: { KUBERNETES_SERVICE_HOST: "h" },
    serviceAccountDir: join(dir, "sa"),
    clock,
    log,
  });
  const seen = async () => {
    const { tls, token } = await connection.credentials();
    return [tls.ca, token?.reveal()];
  };
  t.same(await seen(), ["CA1", "one"]);
  const first = await connection.credentials();
  await clock.advance(10_000);
  t.equal(await connection.credentials(), first, "unchanged, so the same object");
  t.equal(await connection.renew(first), first);
  write("token", "two");
  write("ca.crt", "CA2");
  await clock.advance(9_999);
  t.same(await seen(), ["CA1", "one"], "not for every request");
  await clock.advance(1);
  t.same(await seen(), ["CA2", "two"]);
  write("token", "three");
  const used = await connection.credentials();
  const renewed = await connection.renew(used);
  t.equal(renewed.token?.reveal(), "three", "at once when refused");
  t.equal(renewed.tls, used.tls, "connections can stay");
  for (const useless of ["", " \n"]) {
    write("token", useless);
    await clock.advance(20_000);
    t.same(await seen(), ["CA2", "three"], "an empty file is being written: the old token stays");
  }
});

t.test("credentials are never sent without TLS", async (t) => {
  const dir = t.testdir({
    config: config({ cluster: { server: "http://127.0.0.1:8080" }, user: { token: "abc" } }),
  });
  const connection = await load({ kubeconfig: `${dir}/config`, env: {} });
  t.same(await connection.credentials(), { tls: { insecure: false } });
});

t.test("a server that is not verified is warned of", async (t) => {
  const dir = t.testdir({ config: config({ cluster: { "insecure-skip-tls-verify": true } }) });
  const lines: string[] = [];
  const clock = new FakeClock();
  const write = (line: string) => lines.push(line);
  const log = createLogger({ level: "debug", format: "text", write, clock });
  const connection = await loadConnection({ kubeconfig: `${dir}/config`, env: {}, clock, log });
  await connection.credentials();
  await connection.credentials();
  t.equal(lines.length, 1);
  t.match(lines[0], /WARN .*certificate is not verified/);
});

const plugin = { apiVersion: "client.authentication.k8s.io/v1", command: "get-token" };
const answer = (status: object): string =>
  JSON.stringify({ apiVersion: plugin.apiVersion, kind: "ExecCredential", status });

t.test("a credential plugin", async (t) => {
  const dir = t.testdir({
    config: config({
      cluster: { "certificate-authority": "ca.crt" },
      user: { exec: { ...plugin, provideClusterInfo: true } },
    }),
    "ca.crt": "CA",
  });
  const { clock, log } = deps();
  let says = answer({ token: "one", expirationTimestamp: later(clock, 3_600_000) });
  const requests: Parameters<RunProgram>[0][] = [];
  const run: RunProgram = (request) => {
    requests.push(request);
    return Promise.resolve({ code: 0, stdout: says, stderr: "", timedOut: false });
  };
  const env = { PATH: "/bin", HOME: undefined };
  const options = { kubeconfig: `${dir}/config`, env, clock, log };
  await t.rejects(loadConnection(options), /credential plugin get-token cannot be run/);
  const connection = await loadConnection({ ...options, run });
  const token = async () => (await connection.credentials()).token?.reveal();

  t.same(
    await Promise.all(Array.from({ length: 100 }, token)),
    Array.from({ length: 100 }, () => "one"),
  );
  t.equal(requests.length, 1, "runs once for many requests");
  t.match(requests[0], { file: "get-token", args: [], env: { PATH: "/bin" } });
  t.strictSame(Object.keys(requests[0]?.env ?? {}), ["PATH", "KUBERNETES_EXEC_INFO"]);
  t.strictSame(JSON.parse(requests[0]?.env.KUBERNETES_EXEC_INFO ?? ""), {
    apiVersion: plugin.apiVersion,
    kind: "ExecCredential",
    spec: {
      interactive: false,
      cluster: { server: "https://api:6443", "certificate-authority-data": btoa("CA") },
    },
  }, "and is told of the cluster, with the content of the authority's file");

  says = answer({ token: "two" });
  await clock.advance(3_600_000 - 61_000);
  t.equal(await token(), "one");
  await clock.advance(10_000);
  t.equal(await token(), "two", "runs again before the end");
  await clock.advance(30 * 86_400_000);
  t.equal(await token(), "two", "what has no end is kept");
  t.equal(requests.length, 2);

  says = answer({ token: "three" });
  const refused = await connection.credentials();
  const renewed = await Promise.all(Array.from({ length: 50 }, () => connection.renew(refused)));
  t.same(new Set(renewed.map((one) => one.token?.reveal())), new Set(["three"]));
  t.equal(requests.length, 3, "runs once when many are refused");
  const again = await connection.renew(await connection.credentials());
  t.equal(again.token?.reveal(), "three");
  t.equal(requests.length, 3, "not for a credential that is seconds old");

  says = answer({ clientCertificateData: "CERT", clientKeyData: "KEY" });
  await clock.advance(5_000);
  t.same(await connection.renew(await connection.credentials()), {
    tls: { insecure: false, ca: "CA", cert: "CERT", key: "KEY" },
  }, "a certificate instead of a token");
});

function later(clock: FakeClock, ms: number): string {
  return new Date(clock.now() + ms).toISOString();
}
