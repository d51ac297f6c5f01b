import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { Secret } from "../../../src/base/secret.ts";
import { loadConnection } from "../../../src/access/connection.ts";
import { TokenSource } from "../../../src/kube/connection.ts";
import { parseKubeconfig, type ServerAccess } from "../../../src/access/kubeconfig.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

function config(
  more: { cluster?: object; user?: object | null; context?: object; current?: string | null } = {},
): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": more.current === undefined ? "here" : more.current,
    clusters: [{ name: "c", cluster: { server: "https://api:6443", ...more.cluster } }],
    users: [{ name: "u", user: more.user === undefined ? { token: "abc" } : more.user }],
    contexts: [{ name: "here", context: { cluster: "c", user: "u", ...more.context } }],
  });
}

const file = (text: string, directory = "/etc/kube", path = "/etc/kube/config") => ({
  path,
  directory,
  text,
});
const access = { server: "https://api:6443", namespace: "default", insecure: false };
const token = { token: { inline: new Secret("abc") } };

const GOOD: { name: string; text: string; want: ServerAccess }[] = [
  { name: "a token", text: config(), want: { ...access, ...token } },
  {
    name: "the context's namespace",
    text: config({ context: { namespace: "db" } }),
    want: { ...access, ...token, namespace: "db" },
  },
  {
    name: "inline credentials",
    text: config({
      cluster: { "certificate-authority-data": base64("CA") },
      user: { "client-certificate-data": base64("CERT"), "client-key-data": base64("KEY") },
    }),
    want: {
      ...access,
      ca: { inline: new Secret("CA") },
      clientCert: { inline: new Secret("CERT") },
      clientKey: { inline: new Secret("KEY") },
    },
  },
  {
    name: "files relative to the kubeconfig",
    text: config({
      cluster: { "certificate-authority": "pki/ca.crt" },
      user: { "client-certificate": "/abs/cert", "client-key": "../key" },
    }),
    want: {
      ...access,
      ca: { file: "/etc/kube/pki/ca.crt" },
      clientCert: { file: "/abs/cert" },
      clientKey: { file: "/etc/key" },
    },
  },
  {
    name: "inline data before a file",
    text: config({
      cluster: { "certificate-authority": "x", "certificate-authority-data": base64("CA") },
    }),
    want: { ...access, ...token, ca: { inline: new Secret("CA") } },
  },
  {
    name: "a token file before a token",
    text: config({ user: { token: "abc", tokenFile: "t" } }),
    want: { ...access, token: { file: "/etc/kube/t" } },
  },
  {
    name: "no verification when asked for",
    text: config({ cluster: { "insecure-skip-tls-verify": true } }),
    want: { ...access, ...token, insecure: true },
  },
  {
    name: "another name in the certificate",
    text: config({ cluster: { "tls-server-name": "kubernetes" } }),
    want: { ...access, ...token, serverName: "kubernetes" },
  },
  { name: "a user without credentials", text: config({ user: null }), want: access },
  {
    name: "empty strings and nulls as absent",
    text: config({
      cluster: { "certificate-authority": "", "proxy-url": null },
      user: { token: "abc", exec: null },
    }),
    want: { ...access, ...token },
  },
];

for (const { name, text, want } of GOOD) {
  t.test(`parseKubeconfig() takes ${name}`, async (t) => {
    const got = parseKubeconfig([file(text)]);
    const plain = (value: unknown) =>
      JSON.stringify(value, (_, v) => v instanceof Secret ? `secret ${v.reveal()}` : v);
    t.same(JSON.parse(plain(got)), JSON.parse(plain(want)));
  });
}

const BAD: { name: string; text: string; says: RegExp }[] = [
  { name: "text that is no YAML", text: "a: [", says: /\/etc\/kube\/config is not YAML/ },
  { name: "a wrong type", text: "clusters: 5", says: /config: clusters/ },
  { name: "no current context", text: config({ current: null }), says: /no current-context/ },
  {
    name: "a context that is missing",
    text: config({ current: "there" }),
    says: /no entry there in contexts/,
  },
  {
    name: "a cluster that is missing",
    text: config({ context: { cluster: "x" } }),
    says: /no entry x in clusters/,
  },
  {
    name: "a user that is missing",
    text: config({ context: { user: "x" } }),
    says: /no entry x in users/,
  },
  {
    name: "a cluster without a server",
    text: config({ cluster: { server: "" } }),
    says: /cluster c of the kubeconfig has no server/,
  },
  {
    name: "a CA together with no verification",
    text: config({ cluster: { "certificate-authority": "x", "insecure-skip-tls-verify": true } }),
    says: /remove one/,
  },
  {
    name: "a certificate without its key",
    text: config({ user: { "client-certificate": "x" } }),
    says: /both a client certificate and its key/,
  },
  {
    name: "an exec plugin",
    text: config({ user: { exec: { command: "aws" } } }),
    says: /user u of the kubeconfig uses exec, which is not supported; use /,
  },
  {
    name: "a password",
    text: config({ user: { username: "a", password: "b" } }),
    says: /uses username/,
  },
  {
    name: "a proxy",
    text: config({ cluster: { "proxy-url": "http://p" } }),
    says: /proxy-url is not supported/,
  },
];

for (const { name, text, says } of BAD) {
  t.test(`parseKubeconfig() refuses ${name}`, async (t) =>
    t.throws(() => parseKubeconfig([file(text)]), says));
}

t.test("parseKubeconfig() reads YAML as kubectl writes it", async (t) => {
  const text = `apiVersion: v1
clusters:
- cluster:
    certificate-authority: ca.crt # ours
    server: https://127.0.0.1:16443
  name: local
contexts:
- context: {cluster: local, user: admin, namespace: "db"}
  name: admin@local
current-context: admin@local
kind: Config
preferences: {}
users:
- name: admin
  user: {}
`;
  t.same(parseKubeconfig([file(text)]), {
    server: "https://127.0.0.1:16443",
    namespace: "db",
    insecure: false,
    ca: { file: "/etc/kube/ca.crt" },
  });
});

t.test("parseKubeconfig() takes each name from the first file that has it", async (t) => {
  const first = file(
    JSON.stringify({
      "current-context": "",
      clusters: [{
        name: "c",
        cluster: { server: "https://first", "certificate-authority": "ca" },
      }],
    }),
    "/one",
  );
  t.match(parseKubeconfig([first, file(config(), "/two")]), {
    server: "https://first",
    ca: { file: "/one/ca" },
  });
});

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
  t.equal((await loadConnection({ kubeconfig: `${dir}/flag`, env })).server, "https://flag");
  t.equal((await loadConnection({ env })).server, "https://env");
  const inside = await loadConnection({ env: pod, serviceAccountDir: dir });
  t.equal(inside.server, "https://[fd00::1]:443");
  t.equal(inside.namespace, "db");
  t.equal((await inside.token?.current(0))?.reveal(), "tok");
  t.same(await inside.tls(), { ca: "CA", insecure: false });
  t.equal(
    (await loadConnection({ env: pod, master: "https://master:1/", serviceAccountDir: dir }))
      .server,
    "https://master:1",
  );
  await t.rejects(
    loadConnection({ kubeconfig: `${dir}/missing`, env }),
    /cannot read kubeconfig .*missing/,
  );
  await t.rejects(
    loadConnection({ env: { KUBECONFIG: `${dir}/missing` } }),
    /none of the files in \$KUBECONFIG exists/,
  );
  await t.rejects(loadConnection({ env, master: "api:6443" }), /not an http\(s\) URL/);
});

t.test("credentials in files are read again", async (t) => {
  const dir = t.testdir();
  mkdirSync(join(dir, "sa"));
  const write = (name: string, text: string) => writeFileSync(join(dir, "sa", name), text);
  write("token", "one");
  write("ca.crt", "CA1");
  const connection = await loadConnection({
    env: { KUBERNETES_SERVICE_HOST: "h" },
    serviceAccountDir: join(dir, "sa"),
  });
  t.match(await connection.tls(), { ca: "CA1" });
  t.equal((await connection.token?.current(0))?.reveal(), "one");
  write("token", "two");
  write("ca.crt", "CA2");
  t.match(await connection.tls(), { ca: "CA2" });
  t.equal((await connection.token?.current(49_999))?.reveal(), "one");
  t.equal((await connection.token?.current(50_000))?.reveal(), "two");
});

t.test("a token is never sent without TLS", async (t) => {
  const dir = t.testdir({ config: config({ cluster: { server: "http://127.0.0.1:8080" } }) });
  t.equal((await loadConnection({ kubeconfig: `${dir}/config`, env: {} })).token, undefined);
});

t.test("TokenSource keeps the old token when a reading fails", async (t) => {
  let next: () => Promise<string> = () => Promise.resolve("one");
  let readings = 0;
  const source = new TokenSource(() => {
    readings++;
    return next();
  });
  t.equal((await source.current(0)).reveal(), "one");
  next = () => Promise.reject(new Error("no file"));
  t.equal((await source.current(60_000)).reveal(), "one");
  next = () => Promise.resolve("  \n");
  t.equal((await source.current(120_000)).reveal(), "one");
  next = () => Promise.resolve("two\n");
  t.ok(await source.renew(121_000, new Secret("one")), "a refused token is read again at once");
  t.notOk(await source.renew(121_000, new Secret("two")), "nothing new to try");
  const before = readings;
  await Promise.all(Array.from({ length: 50 }, () => source.current(999_999)));
  t.equal(readings, before + 1, "one reading for many requests");
});

t.test("TokenSource fails when there has never been a token", async (t) => {
  await t.rejects(
    new TokenSource(() => Promise.reject(new Error("no file"))).current(0),
    /no file/,
  );
});
