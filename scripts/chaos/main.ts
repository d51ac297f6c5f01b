// chaos.sh: the run as a command.

import process from "node:process";
import { kubectl } from "../../test/e2e/kubectl.ts";
import { faultTable, isGood, verdictText } from "./report.ts";
import { runChaos } from "./run.ts";

const seed = Number(process.argv[2] ?? Date.now() % 100_000);
const limit = process.argv[3] ?? "15";
const began = Date.now();

function say(text: string): void {
  const since = Math.round((Date.now() - began) / 1000);
  process.stdout.write(`${String(since).padStart(5)} s  ${text}\n`);
}

function isOver(faults: number): boolean {
  const minutes = /^(\d+)m$/.exec(limit)?.[1];
  if (minutes !== undefined) return Date.now() - began >= Number(minutes) * 60_000;
  return faults >= Number(limit);
}

if (!/^\d+m?$/.test(limit) || !Number.isInteger(seed)) {
  throw new Error("usage: chaos.sh [SEED] [FAULTS | MINUTESm]");
}
say(`seed ${seed}, ${limit.endsWith("m") ? limit : `${limit} faults`}`);
const namespace = `chaos-${seed}`;
await kubectl(["create", "namespace", namespace]);
const { outcomes, verdict } = await runChaos({ namespace, seed, isOver, say });
process.stdout.write(`\n${faultTable(outcomes)}\nseed ${seed}: ${verdictText(verdict)}\n`);
process.exitCode = isGood(verdict) ? 0 : 1;
