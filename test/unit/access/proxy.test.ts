import t from "tap";
import { chooseProxy } from "../../../src/access/proxy.ts";

const HTTPS_PROXY = "http://proxy:3128";

type Row = {
  name: string;
  server?: string;
  env: Record<string, string>;
  proxyUrl?: string;
  want?: string;
};

const ROWS: Row[] = [
  { name: "none is set", env: {} },
  { name: "it is set", env: { HTTPS_PROXY }, want: "http://proxy:3128/" },
  { name: "it is set in lower case", env: { https_proxy: "proxy:1" }, want: "http://proxy:1/" },
  { name: "only one for http is set", env: { HTTP_PROXY: HTTPS_PROXY } },
  {
    name: "one for http is set and the server is one",
    server: "http://api.example:8080",
    env: { http_proxy: HTTPS_PROXY },
    want: "http://proxy:3128/",
  },
  {
    name: "the kubeconfig's wins, whatever NO_PROXY says",
    env: { HTTPS_PROXY, NO_PROXY: "*" },
    proxyUrl: "https://own:8443",
    want: "https://own:8443/",
  },
  { name: "NO_PROXY is *", env: { HTTPS_PROXY, NO_PROXY: "*" } },
  { name: "NO_PROXY names the host", env: { HTTPS_PROXY, NO_PROXY: "a.b, api.example" } },
  { name: "NO_PROXY names its domain", env: { HTTPS_PROXY, no_proxy: "example" } },
  { name: "NO_PROXY names its domain with a dot", env: { HTTPS_PROXY, NO_PROXY: ".example" } },
  {
    name: "NO_PROXY names another domain with the same end",
    env: { HTTPS_PROXY, NO_PROXY: "ample" },
    want: "http://proxy:3128/",
  },
  { name: "NO_PROXY names host and port", env: { HTTPS_PROXY, NO_PROXY: "api.example:6443" } },
  {
    name: "NO_PROXY names another port",
    env: { HTTPS_PROXY, NO_PROXY: "api.example:443" },
    want: "http://proxy:3128/",
  },
  {
    name: "NO_PROXY has the address's range",
    server: "https://10.96.0.1",
    env: { HTTPS_PROXY, NO_PROXY: "10.0.0.0/8" },
  },
  {
    name: "NO_PROXY has another range",
    server: "https://11.96.0.1",
    env: { HTTPS_PROXY, NO_PROXY: "10.0.0.0/8,10.96.0.1" },
    want: "http://proxy:3128/",
  },
  {
    name: "NO_PROXY has the IPv6 range",
    server: "https://[fd00::1]:6443",
    env: { HTTPS_PROXY, NO_PROXY: "fd00::/8" },
  },
  {
    name: "NO_PROXY has the IPv6 address and port",
    server: "https://[fd00::1]:6443",
    env: { HTTPS_PROXY, NO_PROXY: "[fd00::1]:6443" },
  },
  { name: "the server is this machine", server: "https://127.1.2.3:6443", env: { HTTPS_PROXY } },
  { name: "the server is localhost", server: "https://localhost:6443", env: { HTTPS_PROXY } },
  { name: "the server is ::1", server: "https://[::1]:6443", env: { HTTPS_PROXY } },
];

for (const { name, server = "https://api.example:6443", want, ...from } of ROWS) {
  t.test(`chooseProxy() when ${name}`, async (t) =>
    t.equal(chooseProxy(new URL(server), from)?.href, want));
}

for (
  const { name, value, says } of [
    { name: "SOCKS", value: "socks5://u:pw-secret@p:1080", says: /is a socks5 proxy/ },
    { name: "what is no URL", value: "http://[pw-secret", says: /is not a URL/ },
  ]
) {
  t.test(`chooseProxy() refuses ${name} without showing it`, async (t) => {
    for (const from of [{ proxyUrl: value, env: {} }, { env: { HTTPS_PROXY: value } }]) {
      try {
        chooseProxy(new URL("https://api.example"), from);
        t.fail("no error");
      } catch (error) {
        t.match(String(error), says);
        t.match(String(error), /use an http:\/\/ or https:\/\/ proxy/);
        t.notMatch(String(error), /pw-secret/);
      }
    }
  });
}
