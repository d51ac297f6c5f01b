import t from "tap";
import {
  type ExecPlugin,
  parseExecCredential,
  renderExecInfo,
  runExecPlugin,
  type RunProgram,
} from "../../../src/access/exec-plugin.ts";
import { describeError } from "../../../src/base/errors.ts";
import { FakeClock } from "../base/fake-clock.ts";

const apiVersion = "client.authentication.k8s.io/v1";
const credential = (status: unknown, more: object = {}): string =>
  JSON.stringify({ apiVersion, kind: "ExecCredential", status, ...more });
const plugin: ExecPlugin = { apiVersion, command: "aws", args: ["eks"], env: {} };

for (
  const { name, stdout, says } of [
    { name: "text that is no JSON", stdout: "tok-secret", says: /answer is not JSON$/ },
    { name: "no kind", stdout: "{}", says: /no ExecCredential/ },
    { name: "no status", stdout: credential(undefined), says: /no ExecCredential: status/ },
    {
      name: "another version than was asked for",
      stdout: credential({ token: "tok-secret" }, {
        apiVersion: "client.authentication.k8s.io/v1beta1",
      }),
      says: /answered in client.authentication.k8s.io\/v1beta1/,
    },
    { name: "neither token nor certificate", stdout: credential({}), says: /neither a token/ },
    {
      name: "a certificate without its key",
      stdout: credential({ token: "tok-secret", clientCertificateData: "C" }),
      says: /without the other/,
    },
    {
      name: "an end that is no time",
      stdout: credential({ token: "tok-secret", expirationTimestamp: "soon" }),
      says: /expirationTimestamp is no time/,
    },
  ]
) {
  t.test(`parseExecCredential() refuses ${name}`, async (t) => {
    try {
      parseExecCredential(stdout, plugin, "plugin aws");
      t.fail("no error");
    } catch (error) {
      t.match(describeError(error), says);
      t.match(describeError(error), /^plugin aws/);
      t.notMatch(describeError(error), /tok-secret/);
    }
  });
}

t.test("parseExecCredential() takes tokens and certificates", async (t) => {
  const expirationTimestamp = "2023-11-14T22:14:20Z";
  const { token, ...rest } = parseExecCredential(
    credential({
      token: "t",
      clientCertificateData: "C",
      clientKeyData: "K",
      expirationTimestamp,
    }),
    plugin,
    "p",
  );
  t.equal(token?.reveal(), "t");
  t.strictSame(rest, { cert: "C", key: "K", expiresAt: Date.parse(expirationTimestamp) });
  t.strictSame(
    parseExecCredential(credential({ clientCertificateData: "C", clientKeyData: "K" }), plugin, ""),
    { cert: "C", key: "K" },
  );
});

t.test("renderExecInfo() tells of the cluster only who asked", async (t) => {
  const told = { apiVersion, kind: "ExecCredential", spec: { interactive: false } };
  t.strictSame(JSON.parse(renderExecInfo(plugin)), told);
  const asked = renderExecInfo({ ...plugin, cluster: { server: "https://api" } });
  t.strictSame(JSON.parse(asked).spec, { interactive: false, cluster: { server: "https://api" } });
});

const ended = { code: 0, stdout: "", stderr: "", timedOut: false };
const running = (result: Awaited<ReturnType<RunProgram>>, given: Partial<ExecPlugin> = {}) =>
  runExecPlugin({ ...plugin, ...given }, {}, {
    run: () => Promise.resolve(result),
    clock: new FakeClock(),
  });

for (
  const { name, result, says } of [
    {
      name: "a program that fails says so itself",
      result: { ...ended, code: 1, stderr: "login first\ntoken=tok-secret\n" },
      says:
        /^credential plugin aws failed: it ended with code 1: login first token=\[redacted\]; install it$/,
    },
    {
      name: "a program that is not there",
      result: { ...ended, code: null, error: new Error("spawn aws ENOENT") },
      says: /it could not be started; install it: spawn aws ENOENT$/,
    },
    {
      name: "a program that does not end",
      result: { ...ended, code: null, timedOut: true },
      says: /did not end within 60000 ms/,
    },
  ]
) {
  t.test(`runExecPlugin() reports ${name}`, async (t) => {
    const error = await running(result, { installHint: "install it\n" }).catch((error) => error);
    t.match(describeError(error), says);
  });
}

for (
  const { name, endsInMs, validMs } of [
    { name: "a minute before its end", endsInMs: 3_600_000, validMs: 3_540_000 },
    { name: "at half of a short life", endsInMs: 30_000, validMs: 15_000 },
    { name: "not all the time when it is over already", endsInMs: -5_000, validMs: 1_000 },
    { name: "never when it has no end", endsInMs: undefined, validMs: Infinity },
  ]
) {
  t.test(`runExecPlugin() is due again ${name}`, async (t) => {
    const at = endsInMs === undefined
      ? {}
      : { expirationTimestamp: new Date(new FakeClock().now() + endsInMs).toISOString() };
    const made = await running({ ...ended, stdout: credential({ token: "t", ...at }) });
    t.equal(made.validMs, validMs);
  });
}
