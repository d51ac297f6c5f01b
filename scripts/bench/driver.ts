// What every client process of `bench.sh watch` says and obeys, one line each:
//
//   version TEXT    first: what it is
//   synced          its store holds the whole state
//   seen COUNT      the marker Pod changed: so many changes came since the last time, this one included
//   digest N HASH   the answer to `digest` on standard input: how many objects, and a hash of keys and versions
//
// It ends with its standard input. CPU and memory are read from outside, so nothing is measured here.

import { createHash } from "node:crypto";
import process from "node:process";
import { createInterface } from "node:readline";

/** What of an object the bench needs to know. */
export type Seen = { metadata?: { namespace?: string; name?: string; resourceVersion?: string } };

export function say(line: string): void {
  process.stdout.write(line + "\n");
}

/** The arguments of every driver. */
export function driverArguments(): { kubeconfig: string; namespace: string; marker: string } {
  const [kubeconfig = "", namespace = "", marker = ""] = process.argv.slice(2);
  return { kubeconfig, namespace, marker };
}

/** Counts changes and says so when the marker is among them. */
export function counter(marker: string): (object: Seen) => void {
  let seen = 0;
  return ({ metadata }) => {
    seen++;
    if (metadata?.name !== marker) return;
    say(`seen ${seen}`);
    seen = 0;
  };
}

/** Answers `digest` from what `objects` gives, until standard input ends; ends the process then. */
export function obey(objects: () => readonly Seen[]): void {
  const commands = createInterface({ input: process.stdin });
  commands.on("line", (line) => {
    if (line === "digest") say(`digest ${digest(objects())}`);
  });
  commands.on("close", () => process.exit());
}

/** "COUNT HASH": equal for equal sets of keys and versions, in whatever order. */
export function digest(objects: readonly Seen[]): string {
  const lines = objects.map(({ metadata: meta }) =>
    `${meta?.namespace}/${meta?.name} ${meta?.resourceVersion}\n`
  );
  return `${lines.length} ${createHash("sha256").update(lines.sort().join("")).digest("hex")}`;
}
