// When labels are written and when they wait: the Service comes first.

import t from "tap";
import { Roles, type RolesOptions } from "../../../src/agent/roles.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { FakeClock, settle } from "../base/fake-clock.ts";
import * as a from "./builders.ts";

const NEVER = new AbortController().signal;

function world() {
  const written: string[] = [];
  const patch = (_ref: unknown, { body }: { body: object }) => {
    written.push(JSON.stringify(body));
    return Promise.resolve();
  };
  const live = { metadata: { uid: a.identity(1).podUid }, spec: { selector: {} } };
  const roles = new Roles({
    identity: a.identity(1),
    client: { of: () => ({ get: () => Promise.resolve(live), patch }) },
    primaryService: "main-primary",
    confirmPrimary: () => Promise.resolve(true),
    clock: new FakeClock(),
    log: silentLogger,
  } as unknown as RolesOptions);
  return { roles, written };
}

const PLAN = { labels: new Map([["main-1", "secondary"] as const]) };

t.test("labels wait while the Service is to move", async (t) => {
  const { roles, written } = world();
  const letGo = roles.hold();
  roles.want(PLAN, NEVER);
  await settle();
  t.strictSame(written, []);
  await roles.pointPrimary("main-0", "1:1", NEVER);
  t.equal(written.length, 1);
  t.match(written[0], /selector.*main-0/);
  letGo();
  roles.want(PLAN, NEVER);
  await settle();
  t.match(written[1], /"secondary"/);
});

t.test("who has become the primary moves the Service before it labels anybody", async (t) => {
  const { roles, written } = world();
  const labels = new Map([["main-1", "primary"] as const]);
  roles.want({ labels, primary: { pod: "main-1", viewId: "1:2" } }, NEVER);
  await settle();
  t.match(written, [/selector/, /"primary"/]);
});
