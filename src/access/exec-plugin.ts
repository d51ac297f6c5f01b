// Credential plugins of a kubeconfig (users[].user.exec): another program prints a token or a client
// certificate. Knows the protocol client.authentication.k8s.io; starts no program itself.

import { z } from "zod";
import { type Clock, parseTime } from "../base/clock.ts";
import { parseJson } from "../base/json.ts";
import { Secret } from "../base/secret.ts";
import type { Made } from "./renewable.ts";

/** Runs a program to its end, as mysql/exec.ts does. */
export type RunProgram = (
  request: {
    file: string;
    args: readonly string[];
    env: Readonly<Record<string, string>>;
    timeoutMs: number;
    killAfterMs: number;
  },
  signal: AbortSignal,
) => Promise<
  { code: number | null; stdout: string; stderr: string; timedOut: boolean; error?: Error }
>;

export type ExecPlugin = {
  apiVersion: string;
  /** A name to be looked up in PATH, or an absolute path. */
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  installHint?: string;
  /** What it is told of the cluster, if it wants to know. */
  cluster?: Readonly<Record<string, unknown>>;
};

export type UserCredential = { token?: Secret; cert?: string; key?: string };

const TIMEOUT_MS = 60_000;
// Renewed so long before the end, or at half of a short life.
const MARGIN_MS = 60_000;
const SHORTEST_MS = 1_000;

const text = z.string().nullish();
const credentialSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.literal("ExecCredential"),
  status: z.looseObject({
    token: text,
    clientCertificateData: text,
    clientKeyData: text,
    expirationTimestamp: text,
  }),
});

/** Runs the plugin once. The environment is ours with what the plugin's entry adds. */
export async function runExecPlugin(
  plugin: ExecPlugin,
  env: Readonly<Record<string, string | undefined>>,
  { run, clock }: { run: RunProgram; clock: Clock },
): Promise<Made<UserCredential>> {
  const given = Object.entries({ ...env, ...plugin.env }).filter(([, value]) =>
    value !== undefined
  );
  const result = await run({
    file: plugin.command,
    args: plugin.args,
    env: { ...Object.fromEntries(given), KUBERNETES_EXEC_INFO: renderExecInfo(plugin) },
    timeoutMs: TIMEOUT_MS,
    killAfterMs: 5_000,
  }, new AbortController().signal);
  const what = `credential plugin ${plugin.command}`;
  if (result.code !== 0) {
    const hint = plugin.installHint ? `; ${plugin.installHint.trim()}` : "";
    throw new Error(`${what} failed: ${howItEnded(result)}${hint}`, { cause: result.error });
  }
  const { expiresAt, ...value } = parseExecCredential(result.stdout, plugin, what);
  const leftMs = expiresAt === undefined ? Infinity : expiresAt - clock.now();
  const validMs = Math.max(leftMs - Math.min(MARGIN_MS, leftMs / 2), SHORTEST_MS);
  return { value, validMs };
}

/** Pure: what the plugin finds in KUBERNETES_EXEC_INFO. There is never a terminal to ask at. */
export function renderExecInfo({ apiVersion, cluster }: ExecPlugin): string {
  const spec = { interactive: false, ...(cluster ? { cluster } : {}) };
  return JSON.stringify({ apiVersion, kind: "ExecCredential", spec });
}

/** Pure: what the plugin printed. Errors never show it: it holds the credential. */
export function parseExecCredential(
  stdout: string,
  { apiVersion }: Pick<ExecPlugin, "apiVersion">,
  what: string,
): UserCredential & { expiresAt?: number } {
  const answer = parseJson(stdout);
  if (answer === undefined) throw new Error(`${what}: its answer is not JSON`);
  const parsed = credentialSchema.safeParse(answer);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`${what}: its answer is no ExecCredential: ${issue?.path.join(".")}`);
  }
  const { apiVersion: answered, status } = parsed.data;
  if (answered !== apiVersion) {
    throw new Error(`${what} answered in ${answered}, and the kubeconfig says ${apiVersion}`);
  }
  const { token, clientCertificateData: cert, clientKeyData: key } = status;
  if (!cert !== !key) throw new Error(`${what} gave a certificate or a key without the other`);
  if (!token && !cert) throw new Error(`${what} gave neither a token nor a client certificate`);
  const expiresAt = parseTime(status.expirationTimestamp ?? undefined);
  if (status.expirationTimestamp && expiresAt === undefined) {
    throw new Error(`${what}: its expirationTimestamp is no time`);
  }
  return {
    ...(token ? { token: new Secret(token) } : {}),
    ...(cert && key ? { cert, key } : {}),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

function howItEnded(
  { code, stderr, timedOut, error }: Awaited<ReturnType<RunProgram>>,
): string {
  if (error) return "it could not be started";
  if (timedOut) return `it did not end within ${TIMEOUT_MS} ms`;
  const said = stderr.trim().slice(-1000);
  return `it ended with code ${code}${said ? `: ${said}` : ""}`;
}
