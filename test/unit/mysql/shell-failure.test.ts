import t from "tap";
import { parseShellFailure, type ShellFailureKind } from "../../../src/mysql/shell-failure.ts";
import { parseShellOutput } from "../../../src/mysql/shell-output.ts";
import { transcript, transcriptsOf } from "./transcript.ts";

const TABLE: readonly [name: string, kind: ShellFailureKind | "ok", code?: number][] = [
  ["A10", "notManaged", 51113],
  ["A20", "denied", 1045],
  ["A30", "transient", 2003],
  ["A32", "transient", 2005],
  ["A41", "notManaged", 51113],
  ["A51", "ok"],
  ["A53", "denied", 1045],
  ["B01", "ok"],
  ["B02", "alreadyMember"],
  ["B06", "usage"],
  ["C01", "ok"],
  ["C03", "alreadyMember"],
  ["C04", "ok"],
  ["D03", "transient", 2003],
  ["D12", "outage", 51314],
  ["D14", "alreadyMember"],
  ["D15", "ok"],
  ["D16", "ok"],
  ["D18", "transient", 2003],
  ["E01", "notMember"],
  ["E02", "provisioning", 51167],
  ["E07", "notManaged"],
  ["E09", "usage"],
  ["E10", "restartTimeout", 51156],
  ["E14", "ok"], // with an error line in a run that succeeds
  ["E20", "ok"],
  ["F04", "transient", 2003],
  ["I01", "outage", 51314],
  ["I04", "ok"],
  ["I05", "notManaged", 51101],
  ["I14", "transient"],
  ["I16", "diverged"],
  ["I18", "transient"],
  ["W06", "provisioning", 51153],
  ["W07", "transient"],
  ["W08", "ok"],
  ["P03", "busy", 51500],
  ["P04", "busy", 51500],
  ["P05", "busy", 51500],
  ["Q03", "provisioning", 51166],
  ["Q10", "provisioning", 51153],
  ["Q12", "denied", 1045],
  ["Q22", "denied", 1045],
  ["T04", "startFailed"],
  ["U10", "busy", 51500],
  ["V01", "interrupted"],
  ["V03", "transient", 2003],
  ["V05", "provisioning", 3190],
  ["V08", "ok"],
];

for (const [name, kind, code] of TABLE) {
  t.test(`parseShellFailure() reads ${name}`, (t) => {
    const failure = parseShellFailure(transcript(name));
    t.equal(failure?.kind ?? "ok", kind, failure?.message ?? "");
    t.equal(failure?.code, code);
    t.end();
  });
}

t.test("parseShellFailure() agrees with the exit code of every recorded run", (t) => {
  for (const run of transcriptsOf("ABCDEFGIPQRV")) {
    t.equal(parseShellFailure(run) === undefined, run.code === 0, run.name);
  }
  t.end();
});

t.test("parseShellFailure() without any output", (t) => {
  const nothing = { code: null, signal: null, stdout: "", stderr: "", timedOut: false };
  t.match(parseShellFailure({ ...nothing, signal: "SIGKILL" }), {
    kind: "interrupted",
    message: "ended with signal SIGKILL",
  });
  t.match(parseShellFailure({ ...nothing, code: 0, timedOut: true }), { kind: "interrupted" });
  t.match(parseShellFailure({ ...nothing, error: new Error("spawn mysqlsh ENOENT") }), {
    kind: "usage",
    message: /ENOENT/,
  });
  t.match(parseShellFailure({ ...nothing, code: 1, stderr: "mysqlsh: unknown option --x\n" }), {
    kind: "other",
    message: "ended with exit code 1: mysqlsh: unknown option --x",
  });
  t.end();
});

t.test("parseShellOutput()", (t) => {
  const text = [
    '{"info":"a\\n"}',
    "",
    "garbage",
    '{"status":"ok"}',
    '{"info":"\\n"}',
    '{"error":"b\\n"}',
    "[1]",
  ];
  const output = parseShellOutput(text.join("\n"));
  t.same(output.messages, [{ kind: "info", text: "a\n" }, { kind: "error", text: "b\n" }]);
  t.same(output.result, { status: "ok" }, "a result that looks like a message");
  t.same(output.rest, ["garbage", "[1]"]);
  t.same(parseShellOutput('{"status":"working"}\n').result, undefined);
  t.match(parseShellOutput(transcript("A40").stdout).result, { status: "ok" });
  t.end();
});
