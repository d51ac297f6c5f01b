// Which transcript is replayed by which test file, in the order of the replay, and why the others are
// not. mysqlsh-transcripts.test.ts asserts that nothing is missing or named twice.
import { transcriptNames } from "../../fixtures/transcripts/transcript.ts";

/** The transcripts of these series, in the order of their names. */
function series(pattern: RegExp): string[] {
  return transcriptNames().filter((name) => pattern.test(name));
}

export const USED = {
  connect: series(/^A/),
  createAdd: [
    ...series(/^[BC]/),
    ...series(/^E0[1-3]/),
    ...series(/^E09/),
    ...series(/^E0[4-7]/),
    ...series(/^E[12]/),
  ],
  rejoin: [
    ...series(/^D/),
    ...series(/^Q1/),
    ...series(/^Q0[13]/),
    ...series(/^J0[13-68]/),
  ],
  configure: series(/^R/),
  reboot: [...series(/^I0[12349]/), ...series(/^I05/), ...series(/^I1/)],
  quorum: [...series(/^G0[1-4]/), ...series(/^H(?:0[1-9]|10)/)],
  concurrent: [...series(/^P/), ...series(/^V0[789]|^V10/), ...series(/^X/)],
} satisfies Record<string, string[]>;

/** Why a transcript is not replayed. */
export const NOT_USED: { pattern: RegExp; reason: string }[] = [
  {
    pattern: /^F/,
    reason: "moments after a SIGKILL with automatic start: the same lines come in D, G, H and P",
  },
  {
    pattern: /^G05|^H1[12]|^H2|^H30/,
    reason: "force-quorum takes one to two minutes by the server's own timers",
  },
  { pattern: /^H13/, reason: "follows H11, which is too slow" },
  {
    pattern: /^J0[279]/,
    reason: "needs an automatic start that runs or was refused; the others show the same member",
  },
  {
    pattern: /^Q02|^Q2/,
    reason:
      "a clone as in J08; accounts with less than the agent's privileges never call the Shell",
  },
  {
    pattern: /^S/,
    reason: "a frozen server costs its full connect time-out in every call",
  },
  {
    pattern: /^T/,
    reason: "the server's error log is part of the output and differs in every run",
  },
  { pattern: /^U/, reason: "needs minutes of binary log to catch up with" },
  {
    pattern: /^V0[1-6]/,
    reason: "the moment of the kill cannot be repeated; V07–V10 start from the state it leaves",
  },
  {
    pattern: /^W/,
    reason: "a forced reboot and its divergence: the checks are those of I and J",
  },
];
