// Carries out one action: an exhaustive switch over AgentAction. Each step may be the last one of this
// process; whoever comes next decides anew on what it sees. Under the Lease the caller has looked and
// decided again, so the facts given here are fresh; `stillMine` is asked right before every effect.

import type { RecoveryPlan } from "../api/recovery-plan.ts";
import { assertNever, describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { parseGroupView } from "../mysql/group-view.ts";
import { readApplierError } from "../mysql/applier.ts";
import { readData } from "../mysql/queries.ts";
import type { Shell } from "../mysql/shell.ts";
import { address, type CreateOptions, type ShellCall } from "../mysql/shell-request.ts";
import type { ShellFailureKind } from "../mysql/shell-failure.ts";
import { type Session, sqlErrno } from "../mysql/session.ts";
import {
  enterOfflineMode,
  fence,
  startGroupReplication,
  stopGroupReplication,
  undoCreate,
} from "../mysql/statements.ts";
import type { AgentAction } from "./actions.ts";
import { mustStopFirst } from "./decide-member.ts";
import type { Facts, UpView } from "./facts.ts";
import { evaluateGroup } from "./group.ts";
import type { ClusterReader } from "./observe-cluster.ts";
import type { LocalObserver } from "./observe-local.ts";
import { parseAddress } from "./observe-peers.ts";
import type { Discarded } from "./save-errant.ts";
import { nameOf } from "./outage.ts";
import { type PulseOptions, whilePulsing } from "./pulse.ts";
import { type Identity, ownEndpoint } from "./settings.ts";

export type PerformOptions = {
  readonly identity: Identity;
  readonly create: CreateOptions;
  readonly shell: Shell;
  readonly local: LocalObserver;
  readonly cluster: ClusterReader;
  /** Keeps what a re-clone is going to discard; resolves to where. */
  readonly saveErrant: (session: Session, discarded: Discarded) => Promise<string>;
  readonly pulse: PulseOptions;
  readonly log: Logger;
};

/** An action that did not succeed; its effect may be partial, the next observation tells. */
export class ActionError extends Error {
  override readonly name = "ActionError";
  readonly code = "AGENT_ACTION";
  readonly kind: ShellFailureKind | "lost";

  constructor(kind: ShellFailureKind | "lost", message: string) {
    super(message);
    this.kind = kind;
  }
}

/** How an action is allowed to go on. */
export type Permit = {
  /** False once the Lease is lost, or the agent is to stop: no further effect. */
  readonly stillMine: () => boolean;
  /** Aborted only when the process must end; never because the Lease was lost in the middle of a step. */
  readonly signal: AbortSignal;
};

/** Does it. @throws ActionError, SqlError, ApiError */
export async function perform(
  action: AgentAction,
  facts: Facts,
  how: { options: PerformOptions; permit: Permit },
): Promise<void> {
  const { options, permit } = how;
  const target = ownEndpoint(options.identity);
  switch (action.type) {
    case "steady":
    case "idle":
    case "wait":
      return;
    case "create-cluster":
      return await createCluster(action.startOver, facts, how);
    case "record-bootstrap":
      return await recordBootstrap(action.groupName, facts, how);
    case "add-instance": {
      const { method } = action;
      await stopFailed(facts, how);
      const label = options.identity.podName;
      return await call({ type: "add-instance", target, label, method }, action.via, how);
    }
    case "rejoin-instance":
      return await call(
        { type: "rejoin-instance", target, method: action.method },
        action.via,
        how,
      );
    case "remove-instance":
      return await removeStaleEntry(action.via, facts, how);
    case "start-group-replication":
      return await startMember(facts, options, permit);
    case "leave-group":
      return await leaveGroup(options.local);
    case "reboot-cluster":
      return await byPlan(action.plan, how, () => rebootCluster(action.plan, facts, how));
    case "reclone-instance":
      return await byPlan(action.plan, how, () => recloneInstance(action, how));
    default:
      return assertNever(action);
  }
}

/** As many as the status has room for. */
const MOST_RESTARTS = 32;

type How = { options: PerformOptions; permit: Permit };

/** What brings members into a group that is running; `via` is its primary. */
const JOINS = new Set<string>(["add-instance", "rejoin-instance", "reboot-cluster"]);

async function call(shellCall: ShellCall, via: string, { options, permit }: How): Promise<void> {
  assertMine(permit);
  const server = parseAddress(via);
  const run = () => options.shell.run(shellCall, server, permit.signal);
  const joins = JOINS.has(shellCall.type);
  const outcome = await (joins ? whilePulsing(options.pulse, server, run) : run());
  if (outcome.ok || outcome.failure.kind === "alreadyMember") return;
  const { code, kind, message } = outcome.failure;
  const number = code === undefined ? "" : ` (${code})`;
  throw new ActionError(kind, `${shellCall.type} through ${via} failed${number}: ${message}`);
}

async function createCluster(startOver: boolean, facts: Facts, how: How): Promise<void> {
  const { cluster, identity, create, local } = how.options;
  const server = upView(facts).member;
  await cluster.writeStatus("bootstrap", ({ bootstrap }, now) => {
    if (bootstrap.at !== undefined) {
      throw new ActionError("lost", "the group was created meanwhile");
    }
    if (bootstrap.serverUuid === server.uuid) return undefined;
    const instance = identity.podName;
    return { instance, serverUuid: server.uuid, intentAt: now, groupName: null, at: null };
  }, how.permit.signal);
  assertMine(how.permit);
  if (startOver) await local.withSession(async (session) => await undoCreate(session, server));
  const name = identity.clusterName;
  const own = ownEndpoint(identity);
  await call({ type: "create-cluster", name, options: create }, address(own), how);
  await recordBootstrap(await createdGroup(how.options), facts, how);
}

// Success of MySQL Shell alone is no proof: the server must be in the group and the metadata complete.
async function createdGroup({ identity, local }: PerformOptions): Promise<string> {
  const { creating, groupName, metadata } = await local.withSession(readData);
  const named = metadata?.clusters.some(({ name }) => name === identity.clusterName) === true;
  if (groupName !== "" && named && !creating) return groupName;
  throw new ActionError("other", "create-cluster succeeded, but the metadata is not complete");
}

async function recordBootstrap(groupName: string, facts: Facts, how: How): Promise<void> {
  const { uuid } = upView(facts).member;
  assertMine(how.permit);
  await how.options.cluster.writeStatus("bootstrap", ({ bootstrap }, now) => {
    if (bootstrap.at !== undefined) return undefined;
    const instance = how.options.identity.podName;
    return { instance, serverUuid: uuid, intentAt: null, groupName, at: now };
  }, how.permit.signal);
}

// The AdminAPI itself must call the entry at my address missing before it is taken out by force.
async function removeStaleEntry(via: string, facts: Facts, how: How): Promise<void> {
  const { options, permit } = how;
  const outcome = await options.shell.run({ type: "status" }, parseAddress(via), permit.signal);
  const view = outcome.ok ? parseGroupView(outcome.output) : undefined;
  const entry = view?.members.find(({ address }) => address === facts.self.address);
  if (entry === undefined || entry.status !== "(MISSING)") {
    const seen = entry?.status ?? (outcome.ok ? "no entry" : outcome.failure.message);
    throw new ActionError(
      "transient",
      `the entry of ${facts.self.address} is not missing: ${seen}`,
    );
  }
  const target = ownEndpoint(options.identity);
  await call({ type: "remove-instance", target, force: true }, via, how);
}

async function rebootCluster(
  plan: RecoveryPlan | undefined,
  facts: Facts,
  how: How,
): Promise<void> {
  if (plan !== undefined) await noteRestart(plan, facts, how);
  const name = how.options.identity.clusterName;
  const seed = ownEndpoint(how.options.identity);
  // Without force the Shell itself refuses when anybody is silent or holds more.
  const force = plan?.members.some(({ fate }) => fate === "Absent" || fate === "Diverges") ?? false;
  await call({ type: "reboot-cluster", name, seed, force }, address(seed), how);
}

// Before: whoever dies in between has noted a restart that may not have been, which gives nothing up.
async function noteRestart(plan: RecoveryPlan, facts: Facts, how: How): Promise<void> {
  const { data, member: { uuid: serverUuid } } = upView(facts);
  const left = plan.members.filter(({ fate }) => fate === "Absent" || fate === "Diverges")
    .map(({ name }) => name);
  const without = (data?.metadata?.instances ?? [])
    .filter(({ address }) => left.includes(nameOf(facts, address)))
    .map(({ uuid }) => uuid);
  const gtids = plan.members.find(({ fate }) => fate === "Seed")?.gtids ?? "";
  await how.options.cluster.writeStatus("recovery", ({ restarts }, at) => ({
    restarts: [...restarts, { at, serverUuid, gtids, without }].slice(-MOST_RESTARTS),
  }), how.permit.signal);
}

async function recloneInstance(
  { conflict, errant, registered, via }: Extract<AgentAction, { type: "reclone-instance" }>,
  how: How,
): Promise<void> {
  const { identity, local, log, saveErrant } = how.options;
  await local.withSession(async (session) => {
    await fence(session);
    const folder = await saveErrant(session, { conflict, errant });
    log.info("errant transactions saved", { folder, errant, conflict });
  });
  const target = ownEndpoint(identity);
  const method = "clone";
  const request = registered
    ? { type: "rejoin-instance", target, method } as const
    : { type: "add-instance", target, method, label: identity.podName } as const;
  await call(request, via, how);
}

// An approved plan is noted when it begins, and when it is done: it is then never carried out again.
async function byPlan(
  plan: RecoveryPlan | undefined,
  { options, permit }: How,
  act: () => Promise<void>,
): Promise<void> {
  const note = async (completed: boolean): Promise<void> => {
    if (plan === undefined) return;
    const { cluster, identity } = options;
    await cluster.writeStatus("recovery", (_, now) => ({
      plan: plan.hash,
      instance: identity.podName,
      ...(completed ? { completedAt: now } : { at: now, completedAt: null }),
    }), permit.signal);
  };
  await note(false);
  await act();
  await note(true);
}

async function startMember(facts: Facts, options: PerformOptions, permit: Permit): Promise<void> {
  const server = upView(facts);
  const start = () =>
    options.local.withSession(async (session) => {
      // A START that fails restores what read-only was before it.
      await fence(session);
      if (mustStopFirst(server)) await stopGroupReplication(session);
      assertMine(permit);
      await startGroupReplication(session).catch(async (error: unknown) => {
        // The server's own message only says to read its log.
        const applier = session.broken ? undefined : await readApplierError(session);
        if (applier === undefined) throw error;
        throw new ActionError("startFailed", `${describeError(error)}; ${applier}`);
      });
    });
  const group = evaluateGroup(facts);
  const primary = group.type === "group" ? group.primary : undefined;
  if (primary === undefined) return await start();
  await whilePulsing(options.pulse, parseAddress(primary), start);
}

const LEAVE_MS = 10_000;

// STOP leaves within a second or two, then waits for the commits that wait for the disk before it turns the server
// read-only; until then it lets nobody begin a write. It goes on when its session is closed. Clients go first: from the
// moment it has left, what they read here may be old.
async function leaveGroup(local: LocalObserver): Promise<void> {
  await local.withSession(async (session) => {
    await enterOfflineMode(session);
    await stopGroupReplication(session, LEAVE_MS);
  }).catch((error: unknown) => {
    if (sqlErrno(error) !== undefined) throw error;
  });
}

// A member in ERROR counts as running: a START fails until it is stopped, which the Shell does only before
// a rejoin.
async function stopFailed(facts: Facts, { options, permit }: How): Promise<void> {
  const server = upView(facts);
  if (!mustStopFirst(server)) return;
  assertMine(permit);
  await options.local.withSession((session) => stopGroupReplication(session));
}

function assertMine(permit: Permit): void {
  if (!permit.stillMine()) throw new ActionError("lost", "the Lease was lost before the next step");
}

function upView(facts: Facts): UpView {
  if (facts.local.server === "up") return facts.local;
  throw new ActionError("transient", "mysqld went away");
}
