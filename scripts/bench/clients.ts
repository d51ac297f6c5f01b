// The clients that `bench.sh watch` compares, as commands, and what they are told by flags.

import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { ClientCommand } from "./client-process.ts";
import { NAMESPACE, podName } from "./pods.ts";

export const OURS = "ours";
// Not judged: what deferring the parse of spec and status until they are read makes out.
const OURS_PARSED = "ours, all parsed";
export const TYPED = "client-go typed JSON";
export const DYNAMIC = "client-go dynamic JSON";
export const PROTOBUF = "client-go protobuf";
export const CLIENT_NODE = "client-node";

// As the product's image runs it (deploy/Dockerfile); @kubernetes/client-node gets the same.
export const NODE_FLAGS = ["--max-semi-space-size=1"];

export type Options = {
  pods: number;
  changes: number;
  runs: number;
  /** The built program of client-go/. */
  clientGo: string;
  /** The folder into which @kubernetes/client-node was installed. */
  clientNode: string;
};

/** From the command line; bench.sh adds where the peers are. */
export function readOptions(): Options {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const { values } = parseArgs({
    options: {
      pods: text("10000"),
      changes: text("20000"),
      runs: text("5"),
      "client-go": text(""),
      "client-node": text(""),
    },
  });
  const number = (name: "pods" | "changes" | "runs", least: number): number => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= least) return value;
    throw new Error(`--${name} has to be a whole number from ${least}, not "${values[name]}"`);
  };
  return {
    pods: number("pods", 2),
    changes: number("changes", 1),
    runs: number("runs", 1),
    clientGo: values["client-go"],
    clientNode: values["client-node"],
  };
}

/** The full path of a program of this folder. */
export const programOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** What is started for each client. `cache` is a folder for compiled code, as the image has one. */
export function clientCommands(
  { clientGo, clientNode }: Options,
  { kubeconfig, cache }: { kubeconfig: string; cache: string },
): ClientCommand[] {
  const follow = [kubeconfig, NAMESPACE, podName(0)];
  const onNode = (name: string, file: string, ...how: string[]): ClientCommand => ({
    name,
    argv: [process.execPath, ...NODE_FLAGS, programOf(file), ...follow, ...how],
    env: { NODE_COMPILE_CACHE: cache, CLIENT_NODE: clientNode },
  });
  const onGo = (name: string, mode: string): ClientCommand => ({
    name,
    argv: [clientGo, mode, ...follow],
    env: {},
  });
  return [
    onNode(OURS, "client-ours.ts"),
    onNode(OURS_PARSED, "client-ours.ts", "parsed"),
    onGo(TYPED, "typed-json"),
    onGo(DYNAMIC, "dynamic"),
    onGo(PROTOBUF, "typed-protobuf"),
    onNode(CLIENT_NODE, "client-node.ts"),
  ];
}
