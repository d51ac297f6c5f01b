// The recorded transcripts and what becomes of them: each one is replayed by exactly one test file or
// has a reason why not, and the series that the agent depends on are replayed whole. Also the reader of
// the transcript format. Needs no server.
import t from "tap";
import {
  parseTranscript,
  splitWords,
  transcriptNames,
} from "../../fixtures/transcripts/transcript.ts";
import { NOT_USED, USED } from "./mysqlsh-cases.ts";

const used = Object.values(USED).flat();

t.test("every transcript is replayed once or has a reason", (t) => {
  t.strictSame(
    used.filter((name, at) => used.indexOf(name) !== at),
    [],
    "none is replayed twice",
  );
  for (const name of transcriptNames()) {
    const reasons = NOT_USED.filter(({ pattern }) => pattern.test(name));
    const replayed = used.includes(name);
    t.equal(
      Number(replayed) + reasons.length,
      1,
      replayed ? name : `${name}: ${reasons[0]?.reason}`,
    );
  }
  t.end();
});

t.test("the series that the agent depends on are replayed whole", (t) => {
  const needed = transcriptNames().filter((name) =>
    /^(?:[ABCDEGIJPQRSTUVWX]|H0|H2[0-4]|H2[89]|H30)/.test(name)
  );
  t.strictSame(needed.filter((name) => !used.includes(name)), []);
  t.end();
});

t.test("words of a command", (t) => {
  const cases: [string, string[]][] = [
    ["mysqlsh --version", ["mysqlsh", "--version"]],
    ["a 'b c' d", ["a", "b c", "d"]],
    [`-e 'print("x")'`, ["-e", 'print("x")']],
    [`'it'"'"'s'`, ["it's"]],
    ['"a \\"b\\""', ['a "b"']],
  ];
  for (const [command, words] of cases) {
    t.strictSame(splitWords(command), words, command);
  }
  t.end();
});

t.test("parts of a transcript", (t) => {
  const text = "# case: X\n# a note\n--- command\nmysqlsh -- cluster status\n--- stdin\npw\n" +
    "--- exit code\n-9\n--- stdout\n{}\n\\ no newline at end\n--- stderr\n";
  t.strictSame(parseTranscript("X", text), {
    name: "X",
    notes: ["case: X", "a note"],
    args: ["--", "cluster", "status"],
    stdin: "pw\n",
    exitCode: -9,
    stdout: ["{}"],
    stderr: [],
  });
  t.throws(() => parseTranscript("X", "nothing"), /no section "command"/);
  t.end();
});
