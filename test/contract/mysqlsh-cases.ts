// Which transcript is replayed by which test file, in the order of the replay, and why the others are
// not. mysqlsh-transcripts.test.ts asserts that nothing is missing or named twice.
import { transcriptNames } from "../../fixtures/transcripts/transcript.ts";

/** The transcripts of these series, in the order of their names. */
function series(pattern: RegExp): string[] {
  return transcriptNames().filter((name) => pattern.test(name));
}

export const USED = {
  connect: [...series(/^A/), ...series(/^S10/)],
  createAdd: [
    ...series(/^[BC]/),
    ...series(/^E0[1-3]/),
    ...series(/^E09/),
    ...series(/^E0[4-7]/),
    ...series(/^E[12]/),
  ],
  rejoin: [
    ...series(/^D0/),
    ...series(/^Q2[01]/),
    ...series(/^D1[0-4]/),
    ...series(/^Q22/),
    ...series(/^D1[5-8]|^D2/),
    ...series(/^Q1/),
    ...series(/^Q01/),
    ...series(/^Q03/),
    ...series(/^Q02/),
    ...series(/^J/),
  ],
  configure: series(/^R/),
  reboot: [...series(/^I0[12349]/), ...series(/^I05/), ...series(/^I1/), ...series(/^W/)],
  quorum: [
    ...series(/^G/),
    ...series(/^H20/),
    ...series(/^H13/),
    ...series(/^H2[1-4]/),
    ...series(/^H2[89]|^H30/),
    ...series(/^H(?:0[1-9]|10)/),
  ],
  concurrent: [...series(/^P/), ...series(/^V/), ...series(/^X/)],
  trouble: [
    ...series(/^S0/),
    ...series(/^T/),
    ...series(/^U0[1-4]/),
    ...series(/^U10/),
    ...series(/^U05/),
    ...series(/^U11/),
    ...series(/^U06/),
  ],
} satisfies Record<string, string[]>;

/** Why a transcript is not replayed. */
export const NOT_USED: { pattern: RegExp; reason: string }[] = [
  {
    pattern: /^F/,
    reason: "moments after a SIGKILL with automatic start: the same lines come in D, G, H and P",
  },
  {
    pattern: /^H1[12]|^H2[567]/,
    reason: "force-quorum takes one to two minutes by the server's own timers; no agent calls it",
  },
];
