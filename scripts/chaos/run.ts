// One chaos run: a Cluster under a write checker, fault after fault from a seed, and what came of it.

import { setTimeout as pause } from "node:timers/promises";
import { approve, offerOf } from "../../test/e2e/approval.ts";
import { type Database, getPods, manifest, waitUntilRight } from "../../test/e2e/database.ts";
import { wholeAt } from "../../test/e2e/healing.ts";
import { apply } from "../../test/e2e/kubectl.ts";
import { startWriterOutside } from "../../test/e2e/outside-writer.ts";
import { countOf, type Report, wrongRows } from "../../test/e2e/writer.ts";
import { watchPrimaryService } from "./behind-service.ts";
import { inject } from "./inject.ts";
import type { Outcome, Verdict } from "./report.ts";
import { type Round, schedule } from "./schedule.ts";

const MEMBERS = 3;
/** Slow enough for a member that comes back to catch up with on a busy machine. */
const LOAD = { clients: 4, number: 1, pauseMs: 40 };
const HEAL_MS = 400_000;
const VOLUME = {
  metadata: { name: "data" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "4Gi" } } },
};

export type ChaosOptions = {
  /** A namespace that exists. */
  readonly namespace: string;
  readonly seed: number;
  /** Asked before each round; `faults` were made so far. */
  readonly isOver: (faults: number) => boolean;
  /** Holds no fault for longer. */
  readonly mostSeconds?: number;
  readonly say: (text: string) => void;
};

/** Runs it to its end, which is also a Cluster that is not whole again within its limit. */
export async function runChaos(
  options: ChaosOptions,
): Promise<{ outcomes: Outcome[]; verdict: Verdict }> {
  const database: Database = { namespace: options.namespace, name: "main" };
  await apply(manifest(database, { volumeClaimTemplate: VOLUME }));
  await waitUntilRight(database, MEMBERS, 240_000);
  const ends: (() => Promise<void>)[] = [];
  try {
    const t = { teardown: (end: () => Promise<void>) => void ends.push(end) };
    const members = (await getPods(database)).map(({ metadata }) => metadata.name);
    const behind = watchPrimaryService(t, database);
    const writer = await startWriterOutside(t, database, { ...LOAD, members });
    const outcomes: Outcome[] = [];
    let faults = 0;
    let unhealed = "";
    for (const round of schedule(options.seed, MEMBERS, options.mostSeconds)) {
      if (options.isOver(faults)) break;
      faults += round.length;
      options.say(round.map(({ kind, target }) => `${kind} (${target})`).join(" and "));
      await writer.lap();
      const healed = await play(database, round, options.say).catch((error: Error) => error);
      if (healed instanceof Error) {
        unhealed = healed.message;
        break;
      }
      const { lapGapAtMs, lapGapMs, splits, stale } = await writer.lap();
      outcomes.push({ round, outageMs: lapGapMs, ...healed });
      const [from, whole] = [lapGapAtMs, healed.recoveryMs].map((ms) => (ms / 1000).toFixed(1));
      options.say(
        `  whole ${whole} s after it, no write for ${lapGapMs} ms from ${from} s on; ` +
          `${stale} stale reads, ${splits} splits`,
      );
    }
    const report = await writer.stop();
    return {
      outcomes,
      verdict: { ...await judge(database, report, options.say), faults, unhealed, ...behind() },
    };
  } finally {
    for (const end of ends) await end();
  }
}

/** One round, until the Cluster is whole again. What two faults at once keep each other from is said. */
async function play(
  database: Database,
  round: Round,
  say: (text: string) => void,
): Promise<Pick<Outcome, "recoveryMs" | "manual">> {
  const made = await Promise.allSettled(round.map((fault) => inject(database, fault)));
  for (const [index, one] of made.entries()) {
    if (one.status === "rejected") say(`  not made: ${round[index]?.kind}: ${one.reason}`);
  }
  const start = Date.now();
  const done = new AbortController();
  const person = approvePlans(database, { signal: done.signal, say });
  const whole = await wholeAt(database, MEMBERS, { healed: waitUntilRight, limitMs: HEAL_MS })
    .finally(() => done.abort());
  return { recoveryMs: Math.max(0, whole - start), manual: await person };
}

/** A member whose data nobody can see may be on its way back: only what is still offered after this long is approved. */
const PATIENCE_MS = 60_000;
/** An approval is of one plan: of two that are offered, the second takes the first one's place. */
const AGAIN_MS = 15_000;

/** The person who approves every plan that stays, and again if it still does; returns how many. */
async function approvePlans(
  database: Database,
  { signal, say }: { signal: AbortSignal; say: (text: string) => void },
): Promise<number> {
  const approved = new Set<string>();
  let next = { hash: "", at: 0 };
  while (!signal.aborted) {
    const offer = await offerOf(database).catch(() => undefined);
    if (offer?.hash !== next.hash) next = { hash: offer?.hash ?? "", at: Date.now() + PATIENCE_MS };
    if (offer !== undefined && Date.now() >= next.at) {
      say(`  approved: ${offer.message}`);
      await approve(offer).then(() => approved.add(offer.hash), () => {});
      next.at = Date.now() + AGAIN_MS;
    }
    await pause(1000, undefined, { signal }).catch(() => {});
  }
  return approved.size;
}

/** Holds every member to what was acknowledged. */
async function judge(
  database: Database,
  report: Report,
  say: (text: string) => void,
): Promise<Omit<Verdict, "faults" | "unhealed" | "twoBehind">> {
  const { lost, twice } = await wrongRows(database, report, { limitMs: 30_000, say });
  const { reads = 0, stale = 0, direct = 0, splits = 0 } = report;
  const firsts = [report.firstStale, report.firstSplit].filter((text) => text !== undefined);
  return {
    acknowledged: countOf(report),
    failed: report.failed,
    lost: [...lost].flatMap(([id, text]) => isDirect(id) ? [] : [text]),
    lostDirect: [...lost].flatMap(([id, text]) => isDirect(id) ? [text] : []),
    twice: [...twice],
    ...{ reads, stale, direct, splits, firsts },
  };
}

/** The ids of fixtures/writer begin with the writer's number and its client; those after LOAD.clients are the witnesses. */
function isDirect(id: number): boolean {
  return Math.floor(id / 1e9) % 100 >= LOAD.clients;
}
