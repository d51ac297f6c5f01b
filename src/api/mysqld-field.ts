// `spec.mysqld`: server variables given in the Cluster itself, and which of them are refused.
//
// The list of what we enforce lives with the code that renders my.cnf (mysql/my-cnf.ts); this file turns it
// into rules. A refused variable is an error and not silently overridden, so that nobody believes in a
// setting that is not there.

import { z } from "zod";
import { bareName, enforcedSettings } from "../mysql/my-cnf.ts";
import { boundedMap, type Rule, withRules } from "./rule.ts";

type Settings = Record<string, string | number>;

const KEY_PATTERN = "^[a-z][a-z0-9_]*([.][a-z0-9_]+)?$";
/** Variables that are refused whatever follows the prefix. */
const REFUSED_PREFIXES = ["group_replication_", "replicate_"];

/** Names of the variables that the operator decides, bare and sorted, those with a refused prefix left out. */
export const refusedVariables: readonly string[] = [
  ...new Set(enforcedSettings.map(({ name }) => bareName(name))),
].filter((name) => !REFUSED_PREFIXES.some((prefix) => name.startsWith(prefix))).sort();

const quoted = refusedVariables.map((name) => `'${name}'`).join(", ");
const bareKey = "(k.startsWith('loose_') ? k.substring(6) : k)";

const rules: Rule<Settings>[] = [{
  cel: `self.all(k, k.matches('${KEY_PATTERN}'))`,
  check: (map) => Object.keys(map).every((key) => new RegExp(KEY_PATTERN).test(key)),
  message: "a variable is not written as SHOW VARIABLES has it",
  remedy: "use lower case, digits and underscores, such as max_connections",
}, {
  cel: `self.all(k, !(${bareKey} in [${quoted}]))`,
  check: (map) => !Object.keys(map).some((key) => refusedVariables.includes(bareName(key))),
  message: "a variable is decided by the operator",
  remedy: "remove it; src/api/README.md lists these variables and what to use instead",
}, {
  cel: `self.all(k, !${bareKey}.startsWith('${REFUSED_PREFIXES[0]}'))`,
  check: (map) => !Object.keys(map).some((key) => bareName(key).startsWith("group_replication_")),
  message: "Group Replication is configured by the operator and MySQL Shell",
  remedy: "use spec.groupReplication",
}, {
  cel: `self.all(k, !${bareKey}.startsWith('${REFUSED_PREFIXES[1]}'))`,
  check: (map) => !Object.keys(map).some((key) => bareName(key).startsWith("replicate_")),
  message: "a member that filters what it replicates would lose transactions",
  remedy: "remove the variable",
}];

const settingSchema = z.union([
  z.int(),
  z.string().max(1024).regex(/^[^\n\r]*$/, { error: "must be one line of text or a number" }),
]).meta({ "x-kubernetes-int-or-string": true, maxLength: 1024, pattern: "^[^\\n\\r]*$" });

export const mysqldSchema = withRules(boundedMap(settingSchema, 200), rules).describe(
  "Server variables as they would stand in my.cnf, over those of config: a number or one line of text " +
    '(quote words such as "ON", which YAML takes for a boolean). What the operator decides is refused. ' +
    "Default: none. A change reaches a member when its Pod is next replaced.",
);
