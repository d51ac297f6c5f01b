// Which Events a change of status leads to, that nothing is told twice, and that the README's table is the
// catalogue.

import { readFileSync } from "node:fs";
import t from "tap";
import type { ClusterStatus, InstanceStatus } from "../../../../src/api/cluster.ts";
import type { ConditionType, Reason } from "../../../../src/api/conditions.ts";
import type { Performed } from "../../../../src/controllers/apply.ts";
import type { ClusterVerdict } from "../../../../src/controllers/cluster/classify.ts";
import { EVENTS, eventsOf } from "../../../../src/controllers/cluster/events.ts";
import { planCluster } from "../../../../src/controllers/cluster/plan.ts";
import type { OwnStatus } from "../../../../src/controllers/cluster/status.ts";
import { aSnapshot, OPTIONS } from "./builders.ts";

type Condition = readonly ["True" | "False", Reason, string?];

function aStatus(
  conditions: Partial<Record<ConditionType, Condition>>,
  more: Partial<ClusterStatus> = {},
): OwnStatus {
  return {
    ...more,
    conditions: Object.entries(conditions).map(([type, [status, reason, message = ""]]) => ({
      type,
      status,
      reason,
      message,
      lastTransitionTime: "",
    })),
  };
}

const instance = (more: Partial<InstanceStatus> = {}): InstanceStatus => ({
  name: "main-1",
  ordinal: 1,
  state: "Offline",
  ...more,
});
const blocked: ClusterVerdict = {
  state: "blocked",
  reason: "ResourceExists",
  message: "",
  foreign: ["Service db/main", "Secret db/main-agent"],
};
const exists = (what: string) => `${what} already exists and is not managed by Cluster`;
const good = aStatus(
  { Ready: ["True", "AllMembersOnline"], Available: ["True", "PrimaryOnline"] },
  {
    primary: "main-0",
  },
);

type Row = {
  readonly name: string;
  readonly before?: ClusterStatus;
  readonly after: OwnStatus;
  readonly verdict?: ClusterVerdict;
  readonly performed?: Performed;
  readonly events: readonly string[];
};

const rows: Row[] = [
  { name: "nothing for a steady Cluster", before: good, after: good, events: [] },
  {
    name: "one for each foreign object",
    after: aStatus({ Ready: ["False", "ResourceExists", "all"] }),
    verdict: blocked,
    events: ["Warning ErrResourceExists", "Warning ErrResourceExists"],
  },
  {
    name: "only the new one of two foreign objects",
    before: aStatus({ Ready: ["False", "ResourceExists", exists("Service db/main")] }),
    after: aStatus({ Ready: ["False", "ResourceExists", "all"] }),
    verdict: blocked,
    events: ["Warning ErrResourceExists"],
  },
  {
    name: "a refused spec, once for each text",
    before: aStatus({ Ready: ["False", "InvalidSpec", "one"] }),
    after: aStatus({ Ready: ["False", "InvalidSpec", "two"] }),
    events: ["Warning FailedValidation"],
  },
  {
    name: "a refusal whose text is too long for an Event",
    after: aStatus({ Ready: ["False", "ChangeRefused", "x".repeat(5000)] }),
    events: ["Warning ChangeRefused"],
  },
  {
    name: "the same refusal again: nothing",
    before: aStatus({ Ready: ["False", "ChangeRefused", "one"] }),
    after: aStatus({ Ready: ["False", "ChangeRefused", "one"] }),
    events: [],
  },
  {
    name: "writes that succeeded",
    before: good,
    after: good,
    performed: { done: planCluster(aSnapshot(), OPTIONS).actions },
    events: ["Normal Synced"],
  },
  {
    name: "a Cluster that becomes ready",
    before: aStatus({ Ready: ["False", "Joining"], Available: ["False", "NoGroup"] }),
    after: good,
    events: ["Normal Available", "Normal Ready"],
  },
  {
    name: "a failover",
    before: good,
    after: aStatus({
      Ready: ["False", "MembersNotOnline"],
      Available: ["True", "PrimaryOnline"],
      Degraded: ["True", "MemberDown"],
    }, { primary: "main-1" }),
    events: ["Normal PrimaryChanged", "Warning Degraded"],
  },
  {
    name: "the loss of the last primary",
    before: good,
    after: aStatus({ Available: ["False", "NoPrimary"] }),
    events: ["Warning Unavailable"],
  },
  {
    name: "an agent that begins to wait",
    after: aStatus({}, { instances: [instance({ message: "WaitingForLease: held by main-0" })] }),
    events: ["Normal InstanceWaiting"],
  },
  {
    name: "an agent that waits for a person",
    after: aStatus({}, { instances: [instance({ message: "Diverged: text" })] }),
    events: ["Warning InstanceStuck"],
  },
  {
    name: "another text of the same wait: nothing",
    before: aStatus({}, { instances: [instance({ message: "Recovering: 10 %" })] }),
    after: aStatus({}, { instances: [instance({ message: "Recovering: 20 %" })] }),
    events: [],
  },
  {
    name: "a mysqld that was started again",
    before: aStatus({}, { instances: [instance({ restarts: 1 })] }),
    after: aStatus({}, { instances: [instance({ restarts: 2 })] }),
    events: ["Warning InstanceRestarted"],
  },
];

for (const { name, before, after, ...row } of rows) {
  t.test(`eventsOf() ${name}`, async (t) => {
    const { verdict = { state: "free" }, performed = { done: [] } } = row;
    const events = eventsOf({ before, after, verdict, performed });
    t.strictSame(events.map(({ type, reason }) => `${type} ${reason}`), row.events);
    for (const { message } of events) t.ok(message.length <= 1024, "Kubernetes' limit");
  });
}

t.test("the README's table of Events is the catalogue", async (t) => {
  const readme = readFileSync("src/controllers/cluster/README.md", "utf8");
  for (const [reason, { type, when }] of Object.entries(EVENTS)) {
    t.match(readme, `| \`${reason}\` | ${type} | ${when} |`, reason);
  }
  const section = readme.split("## Events")[1]?.split("\n## ")[0] ?? "";
  t.equal(section.match(/^\| `/gm)?.length, Object.keys(EVENTS).length, "no further rows");
});
