import t from "tap";
import { Secret } from "../../../src/base/secret.ts";
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

const EXEC_V1 = "client.authentication.k8s.io/v1";
const exec = { apiVersion: EXEC_V1, command: "get-token", interactiveMode: "Never" };

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
  {
    name: "a proxy",
    text: config({ cluster: { "proxy-url": "http://p:3128" } }),
    want: { ...access, ...token, proxyUrl: new Secret("http://p:3128") },
  },
  {
    name: "a plugin to be looked up in PATH",
    text: config({ user: { exec } }),
    want: { ...access, exec: { apiVersion: EXEC_V1, command: "get-token", args: [], env: {} } },
  },
  {
    name: "a plugin beside the kubeconfig, with all it may have",
    text: config({
      cluster: {
        "tls-server-name": "kubernetes",
        extensions: [
          { name: "client.authentication.k8s.io/exec", extension: { audience: "us" } },
          { name: "other", extension: 1 },
        ],
      },
      user: {
        exec: {
          ...exec,
          apiVersion: "client.authentication.k8s.io/v1beta1",
          command: "./bin/get-token",
          args: ["--for", "us"],
          env: [{ name: "A", value: "1" }],
          installHint: "install it",
          provideClusterInfo: true,
        },
      },
    }),
    want: {
      ...access,
      serverName: "kubernetes",
      exec: {
        apiVersion: "client.authentication.k8s.io/v1beta1",
        command: "/etc/kube/bin/get-token",
        args: ["--for", "us"],
        env: { A: "1" },
        installHint: "install it",
        cluster: {
          server: "https://api:6443",
          "tls-server-name": "kubernetes",
          config: { audience: "us" },
        },
      },
    },
  },
  {
    name: "a token before a plugin, which is not asked then",
    text: config({ user: { token: "abc", exec } }),
    want: { ...access, ...token },
  },
  {
    name: "whom to act for",
    text: config({
      user: {
        token: "abc",
        as: "jane",
        "as-uid": "u1",
        "as-groups": ["dev", "ops"],
        "as-user-extra": { "Acme.com/Scope(s) é%": ["a", "b"], one: ["c"] },
      },
    }),
    want: {
      ...access,
      ...token,
      headers: {
        "impersonate-user": "jane",
        "impersonate-uid": "u1",
        "impersonate-group": ["dev", "ops"],
        "impersonate-extra-acme.com%2Fscope%28s%29%20%C3%A9%25": ["a", "b"],
        "impersonate-extra-one": "c",
      },
    },
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
    name: "a password",
    text: config({ user: { username: "a", password: "b" } }),
    says: /user u of the kubeconfig uses username, which is not supported; use an exec plugin/,
  },
  {
    name: "a built-in provider that is gone from kubectl too",
    text: config({ user: { "auth-provider": { name: "gcp" } } }),
    says: /uses auth-provider, which is not supported; use an exec plugin/,
  },
  {
    name: "a plugin without a command",
    text: config({ user: { exec: { apiVersion: EXEC_V1 } } }),
    says: /exec of user u of the kubeconfig has no command/,
  },
  {
    name: "a plugin of another protocol",
    text: config({
      user: { exec: { ...exec, apiVersion: "client.authentication.k8s.io/v1alpha1" } },
    }),
    says: /has apiVersion client.authentication.k8s.io\/v1alpha1; supported are .*v1 and v1beta1/,
  },
  {
    name: "a plugin that must ask somebody",
    text: config({ user: { exec: { ...exec, interactiveMode: "Always" } } }),
    says: /interactiveMode Always, and there is no terminal/,
  },
  {
    name: "groups to act for without a user",
    text: config({ user: { token: "abc", "as-groups": ["g"] } }),
    says: /as-groups or as-user-extra without as/,
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
