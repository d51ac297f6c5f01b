// What goes wrong, carried out on the world.

import { PATHS } from "./objects.ts";
import type { World } from "./world.ts";
import { API } from "./api-server.ts";
import type { Incarnation } from "./instance.ts";
import type { Fault, FaultKind } from "./plan.ts";
import { Volume } from "./server.ts";
import { CLIENT } from "./writer.ts";

type Carry = (world: World, instance: Incarnation, fault: Fault) => void;

const FAULTS: Readonly<Record<FaultKind, Carry>> = {
  killServer: (_, instance) => instance.killServer(),
  stopServer: (_, instance) => instance.stopServer(),
  powerOff: (world, instance, { forMs }) => {
    instance.powerOff();
    world.clock.setTimer(forMs, () => instance.powerOn());
  },
  killAgent: (world, instance, { dice, forMs }) => {
    const { agent } = instance;
    const die = (): void => {
      if (instance.agent === agent) instance.killAgent();
    };
    agent?.process.dieIn(1 + Math.floor(dice * 60), forMs % 2 === 0, die);
    world.clock.setTimer(forMs, die);
  },
  killShell: (_, instance, { dice, forMs, step }) => {
    const inSteps = 1 + Math.floor(dice * 14);
    instance.shellDeath = { inSteps, after: forMs % 2 === 0, step };
    instance.agent?.killShell();
  },
  freezeServer: (world, { server }, { forMs }) => {
    const { process } = server;
    process.stop();
    world.clock.setTimer(forMs, () => process.resume());
  },
  freezeAgent: (world, { agent }, { forMs }) => {
    agent?.stop();
    world.clock.setTimer(forMs, () => agent?.resume());
  },
  freezeAgentAt: (world, { agent }, { dice, forMs, step }) => {
    const stop = (): void => {
      agent?.stop();
      world.clock.setTimer(forMs, () => agent?.resume());
    };
    if (step === undefined) agent?.process.stopIn(1 + Math.floor(dice * 60), stop);
    else agent?.process.trap(step, stop);
  },
  cut: (world, { place }, { dice, forMs, other }) => {
    const to = [`node-${other}`, `node-${other}`, API, CLIENT][Math.floor(dice * 4)] ?? API;
    if (to === place) return;
    const heal = world.network.cut(place, to);
    world.clock.setTimer(forMs, heal);
  },
  isolate: (world, instance, { dice, forMs }) => {
    world.clock.setTimer(forMs, isolate(world, instance, dice < 0.5));
  },
  apiAway: (world, _, { forMs }) => {
    world.network.switchOff(API);
    world.clock.setTimer(forMs, () => world.network.switchOn(API));
  },
  apiFails: (world, _, { dice, forMs }) => {
    world.api.failing = dice < 0.5 ? { before: 0.4, after: 0.1 } : { before: 0.1, after: 0.4 };
    world.clock.setTimer(forMs, () => world.api.failing = { before: 0, after: 0 });
  },
  leaseTaken: (world) => {
    world.leaseTakenAt = world.clock.monotonic();
    const lease = world.api.get(PATHS.lease);
    const spec = { holderIdentity: "somebody", leaseDurationSeconds: 5, renewTime: world.seconds };
    if (lease !== undefined) world.api.put(PATHS.lease, { ...lease, spec } as never);
  },
  loseVolume: (world, instance, { forMs }) => {
    instance.remove();
    lose(world, instance);
    world.clock.setTimer(Math.min(forMs, 5_000), () => renew(world, instance));
  },
  killAll: (world) => {
    for (const instance of world.instances) instance.killServer();
  },
  powerOffAll: (world, _, { forMs }) => {
    const all = [...world.instances];
    for (const instance of all) instance.powerOff();
    for (const instance of all) {
      world.clock.setTimer(world.chance.below(forMs), () => instance.powerOn());
    }
  },
  clock: (world, { place }, { dice }) => {
    world.machineOf(place).wallOffsetMs += dice < 0.5 ? 3_600_000 : -3_600_000;
  },
  stray: (world, instance, { forMs }) => {
    const heal = isolate(world, instance, false);
    if (world.instances[instance.ordinal] !== instance || instance.gone) return heal();
    world.strays.push(instance);
    // Of a Cluster that was made again nothing is known before somebody has written down what its volumes hold.
    if (!world.recorded) forget(world, (volume) => volume !== instance.server.volume);
    lose(world, instance);
    renew(world, instance, { place: `${instance.place}b` });
    world.clock.setTimer(forMs, heal);
    world.clock.setTimer(forMs + 15_000, () => instance.remove());
  },
  pause: (world, _, { forMs }) => {
    world.changeSpec({ paused: true });
    world.idleSince ??= world.clock.monotonic();
    world.clock.setTimer(forMs, () => {
      world.changeSpec({ paused: false });
      world.idleSince = undefined;
    });
  },
  recreate: (world, _, { forMs }) => recreate(world, Math.min(forMs, 20_000)),
  purge: (world, { server }, { dice }) => {
    for (const one of dice < 0.5 ? world.servers : [server]) {
      if (one.status === "up") one.volume.purged = one.volume.executed.text;
    }
  },
  writeByHand: (world, { server }) => {
    if (!server.active || server.volume.metadata === undefined) return;
    const { executed } = server.volume;
    const { uuid: source } = server;
    world.note(`${server.address} is written by hand`);
    server.volume.execute({
      source,
      number: executed.last(source) + 1,
      effect: { type: "account" },
    });
  },
  slowApplier: (_, { server }, { forMs }) => {
    server.applierLagMs = forMs;
  },
  approve: (world, _, { forMs }) => approve(world, forMs),
  foreignVolume: (world, instance, { dice }) => {
    instance.remove();
    lose(world, instance);
    renew(world, instance, { volume: foreignVolume(world, instance, dice), ageMs: 3_600_000 });
  },
  // A person has set the name of another group.
  regroup: (world, instance) => {
    instance.killServer();
    world.regrouped = true;
    instance.server.volume.groupName = world.newUuid();
  },
  compareSlowly: (world, { server }, { forMs }) => {
    server.comparesSlowly = true;
    world.clock.setTimer(forMs, () => server.comparesSlowly = false);
  },
  slowServer: (world, { server }, { dice, forMs }) => {
    server.slowMs = 300 + dice * 2_400;
    world.clock.setTimer(forMs, () => server.slowMs = 0);
  },
  // A person makes another member the primary.
  switchByHand: (world, { server: { uuid } }) => {
    const [primary] = world.groups.writers();
    if (primary !== undefined) world.groups.setPrimary(primary, uuid);
  },
  writableByHand: (_, { server }) => {
    if (server.active) server.superReadOnly = false;
  },
  // Nothing is received any more: the server stays ONLINE, and answers.
  stallDisk: (world, { server }, { forMs }) => {
    server.diskStalled = true;
    world.clock.setTimer(forMs, () => server.diskStalled = false);
  },
  applierFails: (world, { server }) => world.groups.applierFails(server),
  deletePod: (world, instance, { forMs }) => {
    if (instance.gone || world.instances[instance.ordinal] !== instance) return;
    let ends = false;
    const end = (): void => {
      if (ends) return;
      ends = true;
      instance.stopServer();
      instance.remove();
      // There may be no room for it for a while.
      world.clock.setTimer(Math.max(2_000, forMs - 10_000), () => {
        if (world.instances[instance.ordinal] !== instance) return;
        world.replacePod(instance.ordinal, instance.server.volume, instance.place);
      });
    };
    const pod = world.api.get(PATHS.pod(instance.ordinal));
    if (pod !== undefined) {
      const deletion = {
        deletionTimestamp: "2026-01-01T00:00:00Z",
        deletionGracePeriodSeconds: 120,
      };
      const metadata = { ...pod.metadata, ...deletion };
      world.api.put(PATHS.pod(instance.ordinal), { ...pod, metadata });
    }
    instance.agent?.drain(end);
    world.clock.setTimer(60_000, end);
  },
};

const API_TROUBLE: ReadonlySet<FaultKind> = new Set<FaultKind>([
  ...["apiAway", "apiFails", "cut", "isolate", "stray", "leaseTaken"] as const,
  ...["freezeAgent", "freezeAgentAt", "powerOff", "powerOffAll"] as const,
]);

export function carryOut(world: World, fault: Fault): void {
  const instance = world.instances[fault.ordinal];
  if (instance === undefined) return;
  world.note(`fault ${fault.kind} ${fault.ordinal}>${fault.other} ${fault.forMs} ms`);
  const reachesApi = fault.kind === "isolate" && fault.dice >= 0.5;
  if (API_TROUBLE.has(fault.kind) && !reachesApi) world.apiTrouble = true;
  FAULTS[fault.kind](world, instance, fault);
}

// A person approves whatever plan there is, within that time.
function approve(world: World, leftMs: number): void {
  const plan = world.instances.map(({ ordinal }) => world.reportOf(ordinal)?.plan)
    .find((one) => one !== undefined);
  if (plan === undefined) {
    if (leftMs > 0) world.clock.setTimer(1_000, () => approve(world, leftMs - 1_000));
    return;
  }
  world.note(`approved: ${JSON.stringify(plan)}`);
  world.deeds.approves(plan);
}

function isolate(world: World, { place }: Incarnation, alsoApi: boolean): () => void {
  const places = new Set(world.instances.flatMap((one) => [one.place, `node-${one.ordinal}b`]));
  places.delete(place);
  const others = [...places, ...(alsoApi ? [API, CLIENT] : [])];
  const heals = others.flatMap((other) => [
    world.network.cut(place, other),
    world.network.cut(other, place),
  ]);
  return () => heals.forEach((heal) => heal());
}

function lose(world: World, { server }: Incarnation): void {
  world.lostVolumes.push(server.volume);
}

function renew(
  world: World,
  instance: Incarnation,
  { ageMs = 0, place, volume }: { ageMs?: number; place?: string; volume?: Volume } = {},
): void {
  const { ordinal } = instance;
  if (world.instances[ordinal] !== instance) return;
  world.api.remove(PATHS.claim(ordinal));
  world.putClaim(ordinal, ageMs);
  world.replacePod(ordinal, volume ?? new Volume(world.newUuid()), place);
}

// The volume of a member of another cluster, or one with databases that no transaction has made.
function foreignVolume(world: World, { server: { address } }: Incarnation, dice: number): Volume {
  world.foreign = true;
  const volume = new Volume(world.newUuid());
  volume.foreign = true;
  if (dice < 0.4) {
    volume.loose = true;
    return volume;
  }
  const [source, { uuid }] = [world.newUuid(), volume];
  volume.groupName = source;
  const effects = [
    { type: "createMetadata", name: "other", groupName: source, uuid, address },
    { type: "row", row: -1 },
    { type: "row", row: -2 },
  ] as const;
  effects.forEach((effect, number) => volume.execute({ source, number: number + 1, effect }));
  return volume;
}

// The Cluster is deleted with its Pods, its volumes stay, and one of that name is made again.
/** Rows that none of these volumes has are given up. */
function forget(world: World, kept: (volume: Volume) => boolean): void {
  const volumes = world.instances.map(({ server }) => server.volume).filter(kept);
  for (const [row, transaction] of world.acknowledged) {
    if (volumes.some(({ all }) => all.get(transaction) === transaction)) continue;
    world.acknowledged.delete(row);
  }
}

function recreate(world: World, ms: number): void {
  const cluster = world.api.get(PATHS.cluster);
  if (cluster === undefined || world.recreated) return;
  world.recreated = true;
  world.idleSince = world.clock.monotonic();
  const metadata = { ...cluster.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" };
  world.api.put(PATHS.cluster, { ...cluster, metadata });
  world.clock.setTimer(ms, () => {
    const volumes = world.instances.map(({ server }) => server.volume);
    const wasRecorded = world.recorded;
    // Who makes it again after all data was lost has given that up.
    forget(world, () => true);
    // Also what nobody reaches: a group of one on a lost machine belongs to a Cluster that is no more.
    for (const instance of [...world.instances, ...world.strays]) instance.remove();
    world.createCluster();
    world.kept = wasRecorded && areMembers(volumes);
    world.idleSince = undefined;
    volumes.forEach((volume, ordinal) => world.replacePod(ordinal, volume));
  });
}

/** Whether each is a member of one and the same group. */
function areMembers(volumes: readonly Volume[]): boolean {
  const names = new Set(volumes.map(({ groupName }) => groupName));
  return names.size === 1 && volumes.every(({ metadata, uuid }) => metadata?.knowsUuid(uuid));
}
