import t from "tap";
import { ROLE_LABEL } from "../../../src/api/labels.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { Roles, type RolesOptions } from "../../../src/agent/roles.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";
import * as a from "./builders.ts";

const NEVER = new AbortController().signal;

t.test("labels are held back while the primary Service is moved, and written afterwards", async (t) => {
  const written: string[] = [];
  const live = { metadata: { uid: "uid-0", labels: { [ROLE_LABEL]: "primary" } }, spec: {} };
  const patch = ({ name }: { name: string }) => Promise.resolve(void written.push(name));
  const clock = new FakeClock();
  const roles = new Roles({
    client: { of: () => ({ get: () => Promise.resolve(live), patch }) },
    identity: a.identity(0),
    primaryService: "main-primary",
    confirmPrimary: () => Promise.resolve(true),
    clock,
    log: silentLogger,
  } as unknown as RolesOptions);
  const demoted = { labels: new Map([["main-0", "secondary" as const]]) };
  roles.hold();
  roles.want(demoted, NEVER);
  await settle();
  t.strictSame(written, [], "kube-proxy has its turn still");
  await roles.pointPrimary("main-1", "1:6", NEVER);
  t.strictSame(written, ["main-primary"]);
  roles.release();
  roles.want(demoted, NEVER);
  await settle();
  t.strictSame(written, ["main-primary", "main-0"]);
  roles.hold();
  const outside = { labels: new Map([["main-0", null]]) };
  roles.want(outside, NEVER);
  await settle();
  t.equal(written.length, 3, "who is outside takes its label away at once");
  await clock.advance(5_000);
  roles.want(demoted, NEVER);
  await settle();
  t.equal(written.length, 4, "nor are the others held back for long");
});
