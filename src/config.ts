// What a command line asks for: the role, and its settings as typed values.
//
// With main.ts this is the only place that knows argument lists and environment variables; everything
// below gets typed values. Precedence: flag, environment, configuration file, default. The tables of
// flags (operator-flags.ts, agent-flags.ts) are data, from which --help and the README's tables are made.
// Nothing secret may ever become a flag: an argument list is readable by every process of the Pod.

import { parse as parseYaml } from "yaml";
import packageJson from "../package.json" with { type: "json" };
import { agentTable } from "./agent-flags.ts";
import { describeFlags, type Flag, type FlagValues, readFlags, UsageError } from "./flags.ts";
import { operatorTable } from "./operator-flags.ts";

export { UsageError } from "./flags.ts";

export const VERSION: string = packageJson.version;
export const CONFIG_FILE = "/etc/mysql-operator/mysql-operator-config.yaml";

export const operatorFlags: readonly Flag[] = Object.values(operatorTable);
export const agentFlags: readonly Flag[] = Object.values(agentTable);

export type OperatorConfig = FlagValues<typeof operatorTable>;
export type AgentConfig = FlagValues<typeof agentTable>;

/** What a command line asks for. */
export type Command =
  | { readonly type: "operator"; readonly config: OperatorConfig }
  | { readonly type: "agentInit" | "agentRun"; readonly config: AgentConfig }
  | { readonly type: "print"; readonly text: string };

export type CommandLine = {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Content of a file, undefined if there is none; only the operator's configuration file is read. */
  readonly readFile: (path: string) => string | undefined;
};

export const USAGE = `Usage:
  operator [flags]     reconcile Clusters
  agent init [flags]   prepare one instance's files, then exit
  agent run [flags]    manage one instance
  version              print the version
Each takes --help.`;

/** Reads a command line. @throws UsageError: the program prints its message and exits with 2. */
export function parseCommandLine(line: CommandLine): Command {
  const [role, ...rest] = line.args;
  switch (role) {
    case "operator":
      return operatorCommand(line, rest);
    case "agent":
      return agentCommand(line, rest);
    case "version":
    case "--version":
      return { type: "print", text: VERSION };
    case "help":
    case "--help":
    case "-h":
      return { type: "print", text: USAGE };
    default:
      throw new UsageError(
        role === undefined ? `No command given\n${USAGE}` : `Unknown command "${role}"\n${USAGE}`,
      );
  }
}

function operatorCommand(line: CommandLine, args: readonly string[]): Command {
  if (wantsHelp(args)) {
    return { type: "print", text: `operator [flags]\n${describeFlags(operatorFlags)}` };
  }
  if (args[0] === "version") return { type: "print", text: VERSION };
  const content = parseFile(line.readFile(CONFIG_FILE));
  const config = withVerbosity(readFlags(operatorTable, {
    args,
    env: line.env,
    file: { name: CONFIG_FILE, content },
  }));
  const watchNamespaces = [...new Set([...config.namespace, ...config.watchNamespaces])].sort();
  const mysqlAgentImage = withTag(config.mysqlAgentImage, line.env.MYSQL_AGENT_VERSION);
  return { type: "operator", config: { ...config, watchNamespaces, mysqlAgentImage } };
}

function agentCommand(line: CommandLine, [verb, ...args]: readonly string[]): Command {
  if (wantsHelp([verb ?? "", ...args])) {
    return { type: "print", text: `agent init|run [flags]\n${describeFlags(agentFlags)}` };
  }
  if (verb !== "init" && verb !== "run") {
    throw new UsageError(`Unknown agent command "${verb ?? ""}": allowed are init, run`);
  }
  const config = withVerbosity(readFlags(agentTable, { args, env: line.env }));
  return { type: verb === "init" ? "agentInit" : "agentRun", config };
}

function wantsHelp(args: readonly string[]): boolean {
  return args.some((argument) => argument === "--help" || argument === "-h");
}

function parseFile(content: string | undefined): unknown {
  if (content === undefined) return undefined;
  try {
    return parseYaml(content);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`Cannot read ${CONFIG_FILE} as YAML: ${why}`, { cause });
  }
}

function withVerbosity<T extends { verbosity: number; logLevel: string }>(config: T): T {
  return config.verbosity >= 4 ? { ...config, logLevel: "debug" } : config;
}

/** The original names the agent's image without its tag and gives the tag by MYSQL_AGENT_VERSION. */
function withTag(image: string, tag: string | undefined): string {
  const hasTag = image.includes("@") || image.slice(image.lastIndexOf("/")).includes(":");
  return tag && !hasTag ? `${image}:${tag}` : image;
}
