// The AdminAPI's commands over simulated servers: what they refuse, in which order they change what, and
// what an interrupted one leaves behind. Follows the recordings that the stand-in is held to.

import type { Mysqld } from "./server.ts";
import { type Arguments, ShellError, type ShellRun } from "./shell-run.ts";
import { start } from "./sql.ts";
import { subtractSets, TransactionLog } from "./transactions.ts";

type Command = (run: ShellRun, args: Arguments) => Promise<void>;

const RESTART_WAIT_MS = 60_000;

export const COMMANDS: Readonly<Record<string, Command>> = {
  "dba create-cluster": createCluster,
  "dba reboot-cluster-from-complete-outage": reboot,
  "cluster add-instance": addInstance,
  "cluster rejoin-instance": rejoinInstance,
  "cluster remove-instance": removeInstance,
  "cluster set-primary-instance": setPrimary,
  "cluster status": status,
};

async function createCluster(run: ShellRun, { positional, session }: Arguments): Promise<void> {
  const { groups } = run.world;
  const server = await run.connect(session);
  const { volume } = server;
  const known = volume.metadata?.knows(server) === true;
  if (server.group.view !== undefined) {
    throw known
      ? new ShellError(
        "Unable to create cluster. The instance already belongs to an InnoDB cluster",
      )
      : new ShellError("Creating a cluster on an unmanaged group requires adoptFromGR", 51315);
  }
  if (known) throw new ShellError("The instance has a populated Metadata schema");
  await run.after(300, () => {
    run.world.deeds.creates(server);
    volume.creating = true;
    volume.metadata = undefined;
    server.superReadOnly = false;
  });
  const passwords = run.world.newPasswords();
  await run.after(300, () => {
    assertWritable(server);
    groups.submit(server, { effect: { type: "account", passwords }, done: () => {} });
    server.volume.credential = passwords;
  });
  const groupName = run.world.newUuid();
  await run.after(1_000, () => groups.bootstrap(server, groupName));
  const [name = ""] = positional;
  const { address, uuid } = server;
  await run.after(100, () => {});
  await run.commit(server, { type: "createSchema" });
  await run.after(500, () => {});
  await run.commit(server, { type: "createMetadata", name, groupName, uuid, address });
  await run.after(200, () => volume.creating = false);
  run.result = { class: "Cluster", name };
}

// The primary of the group of which a session is asked.
async function primaryOf(run: ShellRun, session: string): Promise<Mysqld> {
  const server = await run.connect(session);
  const { view } = server.group;
  if (view === undefined) {
    if (server.volume.metadata === undefined) {
      throw new ShellError("Metadata Schema not found.", 51113);
    }
    throw new ShellError("This function is not available: GR is not active", 51314);
  }
  if (!run.world.groups.hasMajority(server)) {
    throw new ShellError("There is no quorum to perform the operation", 51011);
  }
  const primary = view.members.find((member) => member.server.uuid === view.primary)?.server;
  if (primary === undefined) throw new ShellError("Unable to find a primary member", 51004);
  return await run.connect(primary.address);
}

function targetOf({ positional }: Arguments): string {
  return positional[0] ?? "";
}

async function addInstance(run: ShellRun, args: Arguments): Promise<void> {
  const primary = await primaryOf(run, args.session);
  const address = targetOf(args);
  const target = await run.connect(address);
  run.lock(primary);
  const { view } = primary.group;
  const metadata = primary.volume.metadata;
  if (metadata?.knowsUuid(target.uuid) === true || metadata?.at(address) !== undefined) {
    throw new ShellError(`The instance '${address}' is already part of this InnoDB Cluster`);
  }
  const inside = target.group.view !== undefined && target.group.view.bootstrap === view?.bootstrap;
  if (!inside) {
    if (target.group.view !== undefined) throw new ShellError("It is in another group", 51122);
    const clone = args.options.recoveryMethod === "clone";
    if (!clone) checkGtids(run, { primary, target, number: 51166 });
    await shareAccount(run, primary, target);
    await join(run, { primary, target, clone });
  }
  await run.after(200, () => {});
  await run.commit(primary, { type: "addInstance", uuid: target.uuid, address });
}

function checkGtids(
  run: ShellRun,
  { number, primary, target }: { primary: Mysqld; target: Mysqld; number: number },
): void {
  const group = primary.holds;
  // One donor that has everything is enough.
  const donors = run.world.groups.reachable(primary).filter((one) => one.group.state === "ONLINE");
  const purged = donors.every(({ volume }) =>
    subtractSets(volume.purged, target.volume.executed.text) !== ""
  );
  if (purged || group.missing(target.volume.all).length > 0) {
    throw new ShellError("the GTID state is not compatible or cannot be recovered", number);
  }
}

// A new account with which everybody logs in for this join.
async function shareAccount(run: ShellRun, primary: Mysqld, target: Mysqld): Promise<void> {
  const passwords = run.world.newPasswords();
  await run.commit(primary, { type: "account", passwords });
  await run.after(100, () => {
    for (const { volume } of run.world.groups.reachable(primary)) volume.credential = passwords;
    target.volume.credential = passwords;
    target.volume.passwords = passwords;
  });
}

async function rejoinInstance(run: ShellRun, args: Arguments): Promise<void> {
  const primary = await primaryOf(run, args.session);
  const address = targetOf(args);
  const target = await run.connect(address);
  const { metadata } = primary.volume;
  if (metadata?.at(address) === undefined && metadata?.knowsUuid(target.uuid) !== true) {
    throw new ShellError(`The instance '${address}' does not belong to the cluster`);
  }
  const { state } = target.group;
  if (state === "ONLINE" || state === "RECOVERING") return;
  const { groupName } = target.volume;
  if (groupName !== "" && groupName !== primary.volume.groupName) {
    throw new ShellError("The instance may belong to a different cluster: possible split-brain");
  }
  run.world.deeds.adopts(target, primary.volume.groupName);
  const clone = args.options.recoveryMethod === "clone";
  if (!clone) checkGtids(run, { primary, target, number: 51153 });
  await run.after(100, () => run.world.groups.leave(target));
  await shareAccount(run, primary, target);
  // To recreate the account; a START that fails restores this.
  await run.after(100, () => run.helps(target));
  await join(run, { primary, target, clone, writes: true });
  await run.commit(primary, { type: "changeUuid", uuid: target.uuid, address });
}

async function join(
  run: ShellRun,
  { clone, primary, target, writes = false }: {
    clone: boolean;
    primary: Mysqld;
    target: Mysqld;
    writes?: boolean;
  },
): Promise<void> {
  const { world } = run;
  await run.after(200, () => {
    run.reach(target.address);
    target.helper = undefined;
    if (writes) assertWritable(target);
    target.volume.groupName = primary.volume.groupName;
  });
  if (clone) {
    const before = target.process;
    await run.after(300, () => world.clone(target, primary));
    run.disconnect(target);
    const late = new ShellError("Timeout waiting for server to restart", 51156);
    await run.until(
      RESTART_WAIT_MS,
      () => target.process !== before && run.reach(target.address) === target,
      late,
    ).catch((error: unknown) => {
      throw error instanceof ShellError ? late : error;
    });
  }
  await started(run, target);
  const failed = new ShellError("Distributed recovery has failed", 51155);
  await run.until(600_000, () => {
    run.reach(target.address);
    if (target.group.state === "ERROR" || target.group.state === "OFFLINE") throw failed;
    return target.group.state === "ONLINE";
  }, failed);
}

// Accounts and settings of a server are written on itself.
function assertWritable(server: Mysqld): void {
  if (!server.superReadOnly) return;
  throw new ShellError("The MySQL server is running with --super-read-only", 1290);
}

async function started(run: ShellRun, target: Mysqld): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    run.process.act(() => {
      // Its last step before, within milliseconds.
      target.offlineMode = false;
      start(
        target,
        run.world,
        (answer) =>
          run.process.deliver(() =>
            answer instanceof Array
              ? resolve()
              : reject(new ShellError(answer.message, answer.errno))
          ),
      );
    });
    // A server that dies meanwhile does not answer any more.
    target.listeners.add({
      lost: () => run.process.deliver(() => reject(new ShellError("Lost connection", 2013))),
    });
  });
}

async function removeInstance(run: ShellRun, args: Arguments): Promise<void> {
  const primary = await primaryOf(run, args.session);
  const address = targetOf(args);
  run.lock(primary);
  const known = primary.volume.metadata?.at(address);
  if (known === undefined) throw new ShellError("It does not belong to the cluster", 51104);
  await run.commit(primary, { type: "account" });
  run.world.deeds.removes(primary, known);
  await run.commit(primary, { type: "removeInstance", address });
  const target = run.world.at(address);
  // A server with another uuid there has no group to leave.
  if (target?.uuid !== known) return;
  await run.after(200, () => run.world.groups.leave(run.reach(address))).catch(
    (error: unknown) => {
      if (args.options.force !== "true") throw error;
    },
  );
}

async function setPrimary(run: ShellRun, args: Arguments): Promise<void> {
  const primary = await primaryOf(run, args.session);
  const target = await run.connect(targetOf(args));
  run.lock(primary);
  const changed = await run.after(100, () => run.world.groups.setPrimary(primary, target.uuid));
  if (!changed) throw new ShellError("Instance cannot be set as primary");
}

async function status(run: ShellRun, { session }: Arguments): Promise<void> {
  const primary = await primaryOf(run, session);
  const topology: Record<string, object> = {};
  for (const { address, uuid } of primary.volume.metadata?.entries ?? []) {
    const member = primary.group.view?.members.find((one) => one.server.uuid === uuid);
    const seen = member && run.world.groups.stateOf(primary, member);
    topology[address] = { address, status: seen ?? "(MISSING)" };
  }
  run.result = {
    clusterName: primary.volume.metadata?.name ?? "",
    defaultReplicaSet: { status: "OK", statusText: "", topologyMode: "Single-Primary", topology },
    groupInformationSourceMember: primary.address,
  };
}

async function reboot(run: ShellRun, args: Arguments): Promise<void> {
  const { options, session } = args;
  const here = await run.connect(session);
  const { metadata } = here.volume;
  if (metadata?.name === undefined) throw new ShellError("Metadata Schema not found.", 51113);
  if (metadata.name !== args.positional[0]) {
    throw new ShellError("The cluster with that name does not exist.", 51101);
  }
  if (here.group.view !== undefined) throw new ShellError("The Cluster is ONLINE");
  const seed = options.primary === undefined ? here : await run.connect(options.primary);
  const others: Mysqld[] = [];
  for (const { address } of metadata.entries) {
    if (address === seed.address) continue;
    const server = await run.connect(address).catch((error: unknown) => {
      if (!(error instanceof ShellError) || error.number !== 2003) throw error;
      if (options.force === "true") return undefined;
      throw new ShellError("Could not determine if Cluster is completely OFFLINE");
    });
    if (server?.group.view !== undefined) throw new ShellError("The Cluster is ONLINE");
    if (server !== undefined) others.push(server);
  }
  const ahead = others.find((other) => seed.volume.all.missing(other.volume.all).length > 0);
  if (ahead !== undefined && options.force !== "true") {
    throw new ShellError(
      "To reboot a Cluster with GTID conflicts, use 'force' and 'primary'",
      51152,
    );
  }
  await run.after(300, () => {
    run.world.groups.leave(seed);
    seed.superReadOnly = false;
  });
  const passwords = run.world.newPasswords();
  await run.after(1_500, () => {
    if (!seed.active) throw new ShellError("Lost connection", 2013);
    seed.offlineMode = false;
    const force = options.force === "true";
    run.world.deeds.reboots(seed, { force, ahead: ahead !== undefined });
    // On the seed alone, with the binary log on.
    const { executed } = seed.volume;
    const number = executed.last(seed.uuid) + 1;
    seed.volume.execute({ source: seed.uuid, number, effect: { type: "account", passwords } });
    run.world.groups.bootstrap(seed, metadata.groupName);
  });
  await run.after(50, () => seed.volume.credential = passwords);
  for (const target of others) await rejoinAfterReboot(run, seed, target);
  run.result = { class: "Cluster", name: metadata.name };
}

async function rejoinAfterReboot(run: ShellRun, seed: Mysqld, target: Mysqld): Promise<void> {
  try {
    if (seed.holds.missing(target.volume.all).length > 0) return;
    await run.after(100, () => run.world.groups.leave(run.reach(target.address)));
    await shareAccount(run, seed, target);
    await run.after(100, () => run.helps(target));
    await join(run, { primary: seed, target, clone: false, writes: true });
    const { address, uuid } = target;
    await run.commit(seed, { type: "changeUuid", uuid, address });
  } catch (error) {
    if (!(error instanceof ShellError)) throw error; // a note, and the reboot goes on
  } finally {
    target.helper = undefined;
    run.disconnect(target);
  }
}

/** For checks: what a server would lose if it were erased and given what the donor has. */
export function lostByClone(target: Mysqld, donor: Mysqld): string {
  return TransactionLog.of(donor.holds.missing(target.volume.all)).text;
}
