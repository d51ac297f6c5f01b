import t from "tap";
import { parseGroupView } from "../../../src/mysql/group-view.ts";
import { parseShellOutput } from "../../../src/mysql/shell-output.ts";
import { transcript, transcriptsOf } from "./transcript.ts";

const viewOf = (name: string) => parseGroupView(parseShellOutput(transcript(name).stdout));

const TABLE: readonly [name: string, status: string, members: readonly string[]][] = [
  ["B05", "OK_NO_TOLERANCE", ["ONLINE"]],
  ["C05", "OK", ["ONLINE", "ONLINE", "ONLINE"]],
  ["D01", "OK_NO_TOLERANCE_PARTIAL", ["ONLINE", "ONLINE", "(MISSING)"]],
  ["F10", "OK_NO_TOLERANCE_PARTIAL", ["ONLINE", "ONLINE", "UNREACHABLE"]],
  ["P02", "OK", ["ONLINE", "ONLINE", "ONLINE"]],
  ["V09", "OK", ["ONLINE", "ONLINE", "ONLINE", "ONLINE"]],
];

for (const [name, status, members] of TABLE) {
  t.test(`parseGroupView() reads ${name}`, (t) => {
    const view = viewOf(name);
    t.equal(view?.status, status);
    t.same(view?.members.map((member) => member.status), members);
    t.equal(view?.multiPrimary, false);
    t.match(view?.primary, /^127\.0\.0\.1:410\d$/);
    t.end();
  });
}

t.test("parseGroupView() reads every recorded status that succeeded", (t) => {
  const runs = transcriptsOf("ABCDEFGIPQRV").filter(({ code, command }) =>
    code === 0 && / cluster status/.test(command)
  );
  t.ok(runs.length > 20);
  for (const { name, stdout } of runs) {
    t.ok(parseGroupView(parseShellOutput(stdout)), name);
  }
  t.end();
});

t.test("parseGroupView() finds no view in anything else", (t) => {
  t.equal(viewOf("A10"), undefined);
  t.equal(viewOf("B01"), undefined, "another result");
  t.equal(parseGroupView(parseShellOutput('{"clusterName":"c1"}\n')), undefined);
  t.end();
});
