// The guards of the agent's decisions and of what carries them out, each with what is left when it is gone.

export type Mutation = {
  readonly name: string;
  /** In src/agent. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
};

function mutation(name: string, file: string, from: string, to: string): Mutation {
  return { name, file, from, to };
}

export const MUTATIONS: readonly Mutation[] = [
  mutation(
    "an old observation counts",
    "decide.ts",
    "if (facts.now - local.at > MAX_AGE_MS) {",
    "if (false) {",
  ),
  mutation(
    "acts while paused or deleted",
    "decide.ts",
    "if (cluster?.paused === true || cluster?.deleting === true)",
    "if (false)",
  ),
  mutation("acts while paused", "decide.ts", "cluster?.paused === true || ", ""),
  mutation("acts while deleted", "decide.ts", " || cluster?.deleting === true", ""),
  mutation(
    "ONLINE without a majority is steady",
    "decide.ts",
    "if (!hasQuorum(local.member)) {",
    "if (false) {",
  ),
  mutation(
    "an incomplete creation is recorded",
    "decide.ts",
    "if (complete) return",
    'if (data.groupName !== "") return',
  ),
  mutation(
    "a group of unknown origin is taken back",
    "decide.ts",
    "if (intended && members.length === 1)",
    "if (true)",
  ),
  mutation(
    "a creation is not taken back",
    "decide.ts",
    "if (intended && members.length === 1)",
    "if (false)",
  ),
  mutation(
    "two groups are one",
    "group.ts",
    'if (other !== undefined) return { type: "split"',
    'if (false) return { type: "split"',
  ),
  mutation(
    "a minority is a group",
    "group.ts",
    " && hasQuorum(peer.member)\n  );\n  const newest",
    "\n  );\n  const newest",
  ),
  mutation(
    "everybody has a majority",
    "facts.ts",
    "return reachable.length > counted.length / 2;",
    "return true;",
  ),
  mutation(
    "an incomplete group is joined",
    "decide-member.ts",
    "if (group.metadata === undefined || group.metadata.clusters.length === 0) {",
    "if (group.metadata === undefined) {",
  ),
  mutation(
    "another group than the recorded one",
    "decide-member.ts",
    "if (recorded !== undefined && recorded !== group.groupName) {",
    "if (false) {",
  ),
  mutation(
    "another cluster's group",
    "decide-member.ts",
    "if (!names.includes(self.clusterName)) {",
    "if (false) {",
  ),
  mutation(
    "databases without transactions are overwritten",
    "decide-member.ts",
    'if (local.data.executed === "" && local.data.userSchemas > 0) {',
    "if (false) {",
  ),
  mutation(
    "what is not compared is contained",
    "decide-member.ts",
    "if (relation === undefined) {",
    "if (false) {",
  ),
  mutation(
    "errant transactions are ignored",
    "decide-member.ts",
    'if (relation.errant !== "") {',
    "if (false) {",
  ),
  mutation(
    "the old incarnation is not waited for",
    "decide-member.ts",
    "if (old !== undefined) {",
    "if (false) {",
  ),
  mutation(
    "no pause after a failure",
    "decide-member.ts",
    'if (now < history.retryAt) return wait("ActionFailed", history.lastFailure);\n  return registered',
    "return registered",
  ),
  mutation(
    "an automatic rejoin is cut short",
    "decide-member.ts",
    'if (local.data.starting === "autoRejoin" && ',
    "if (false && ",
  ),
  mutation(
    "an automatic rejoin is waited for without a limit",
    "decide-member.ts",
    " && now - autoRejoinSince < AUTO_REJOIN_MS",
    "",
  ),
  mutation(
    "starts for another group",
    "decide-member.ts",
    "const canStart = sameGroup && ",
    "const canStart = ",
  ),
  mutation(
    "starts although what it lacks is purged",
    "decide-member.ts",
    'relation?.purged === "" && relation.accountsCurrent',
    "relation?.accountsCurrent",
  ),
  mutation(
    "starts again and again",
    "decide-member.ts",
    "if (canStart && !triedStart) {",
    "if (canStart) {",
  ),
  mutation(
    "rejoins another group",
    "decide-member.ts",
    'if (local.data.groupName !== "" && !sameGroup) {',
    "if (false) {",
  ),
  mutation(
    "rejoins through nobody",
    "decide-member.ts",
    "if (group.primary === undefined) return noPrimary();\n  // Its",
    "group = { ...group, primary: group.primary ?? self.address };\n  // Its",
  ),
  mutation(
    "never rejoins by clone",
    "decide-member.ts",
    'const clone = relation?.purged !== "" || failed("rejoin-instance") >= REJOIN_TRIES;',
    "const clone = false;",
  ),
  mutation(
    "always rejoins by clone",
    "decide-member.ts",
    'const clone = relation?.purged !== "" || failed("rejoin-instance") >= REJOIN_TRIES;',
    "const clone = true;",
  ),
  mutation(
    "joins before the creation is recorded",
    "decide-member.ts",
    'if (cluster.bootstrap.at === undefined) {\n    return wait("WaitingForPrimary", "the group is there,',
    'if (false) {\n    return wait("WaitingForPrimary", "the group is there,',
  ),
  mutation(
    "a stale entry is left",
    "decide-member.ts",
    "if (stale === true) return",
    "if (false) return",
  ),
  mutation(
    "never adds by clone",
    "decide-member.ts",
    'return relation.purged !== "" || much ? "clone" : "incremental";',
    'return "incremental";',
  ),
  mutation(
    "always adds by clone",
    "decide-member.ts",
    'return relation.purged !== "" || much ? "clone" : "incremental";',
    'return "clone";',
  ),
  mutation(
    "an unregistered member is steady",
    "decide.ts",
    'return registered ? { type: "steady" } : decideUnregistered(facts);',
    'return { type: "steady" };',
  ),
  mutation(
    "creates without the Cluster",
    "decide-bootstrap.ts",
    "if (cluster === undefined) {",
    "if (false) {",
  ),
  mutation(
    "creates although it is recorded",
    "decide-bootstrap.ts",
    "if (cluster.bootstrap.at !== undefined) return decideOutage(facts, local, cluster);",
    "",
  ),
  mutation(
    "everybody creates",
    "decide-bootstrap.ts",
    "if (facts.self.ordinal !== 0) return decideBeforeGroup(local);",
    "",
  ),
  mutation(
    "creates over its own data",
    "decide-bootstrap.ts",
    "if (hasData(local.data) && !ours) {",
    "if (false) {",
  ),
  mutation(
    "creates without knowing the other volumes",
    "decide-bootstrap.ts",
    "if (blocking === undefined) {",
    "if (false) {",
  ),
  mutation(
    "creates beside volumes that may hold data",
    "decide-bootstrap.ts",
    "if (blocking.length > 0) {",
    "if (false) {",
  ),
  mutation(
    "an interrupted creation is not taken back",
    "decide-bootstrap.ts",
    "startOver: ours && touched",
    "startOver: false",
  ),
  mutation("roles by an old observation", "decide-role.ts", " || now - local.at > MAX_AGE_MS", ""),
  mutation(
    "roles outside the majority",
    "decide-role.ts",
    "if (!isOnline(member) || !recorded) return none;",
    "if (!recorded) return none;",
  ),
  mutation(
    "roles before the creation is recorded",
    "decide-role.ts",
    "if (!isOnline(member) || !recorded) return none;",
    "if (!isOnline(member)) return none;",
  ),
  mutation(
    "no fence outside the group",
    "decide-role.ts",
    'return state === "OFFLINE" || state === "ERROR";',
    "return false;",
  ),
  mutation(
    "offline mode stays",
    "decide-role.ts",
    "if (member.offlineMode && isOnline(member)) guards",
    "if (false) guards",
  ),
  mutation(
    "fenced at the first look",
    "decide-role.ts",
    "return before !== undefined && before.viewId === member.viewId && secondary(before) &&",
    "return ",
  ),
  mutation(
    "no second look under the Lease",
    "actor.ts",
    'if (again.type !== action.type) return "changed";',
    "",
  ),
  mutation(
    "no Lease at all",
    "actions.ts",
    "export const UNDER_LEASE: ReadonlySet<ActionType> = new Set<ActionType>([",
    "export const UNDER_LEASE: ReadonlySet<ActionType> = new Set<ActionType>([]);\nexport const NOT_USED = new Set<ActionType>([",
  ),
  mutation(
    "a lost Lease stops nothing",
    "perform.ts",
    "if (!permit.stillMine()) throw",
    "if (false) throw",
  ),
  mutation(
    "the intent overwrites a record",
    "perform.ts",
    "if (bootstrap.at !== undefined) {\n      throw",
    "if (false) {\n      throw",
  ),
  mutation(
    "a present entry is removed by force",
    "perform.ts",
    'if (entry === undefined || entry.status !== "(MISSING)") {',
    "if (false) {",
  ),
  mutation(
    "the creation is not verified",
    "perform.ts",
    'if (data.groupName !== "" && named && !data.creating) return data.groupName;',
    "return data.groupName;",
  ),
  mutation("writable while it starts", "perform.ts", "await fence(session);\n", ""),
  mutation(
    "not stopped before it starts",
    "perform.ts",
    "if (mustStopFirst(server)) await",
    "if (false) await",
  ),
  mutation(
    "the peers are read before the own server",
    "observe.ts",
    "const mine = unionGtidSets(executed, received);",
    'const mine = ""; void received;',
  ),
  mutation(
    "the received set is forgotten",
    "observe.ts",
    "const mine = unionGtidSets(executed, received);",
    "const mine = unionGtidSets(executed); void received;",
  ),
  mutation(
    "the Service moves without a look",
    "roles.ts",
    "if (!await confirm(signal)) throw",
    "if (false) throw",
  ),
  mutation(
    "the Service moves back to an older view",
    "roles.ts",
    "if (isOlderView(to.viewId, seen)) throw",
    "if (false) throw",
  ),
  mutation(
    "the Service is written unconditionally",
    "roles.ts",
    "resourceVersion: service.metadata.resourceVersion,\n",
    "",
  ),
  mutation(
    "a new Pod gets the old one's label",
    "roles.ts",
    "if (own && live.metadata.uid !== identity.podUid) return;",
    "",
  ),
  mutation(
    "a new Pod gets the old one's report",
    "publish.ts",
    '...(identity.podUid === "" ? {} : { uid: identity.podUid }),',
    "",
  ),
  mutation(
    "the record is written unconditionally",
    "observe-cluster.ts",
    "metadata: { resourceVersion: cluster.resourceVersion, uid: cluster.uid },",
    "metadata: {},",
  ),
  mutation(
    "old claims hold nothing",
    "observe-cluster.ts",
    "return madeAt === undefined || clusterAt === undefined || madeAt < clusterAt;",
    "return false;",
  ),
  mutation(
    "labels are looked at seldom",
    "roles.ts",
    "const OUTSIDE_REFRESH_MS = 5_000;",
    "const OUTSIDE_REFRESH_MS = 60_000;",
  ),
];
