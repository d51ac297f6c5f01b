// Carries out a plan's writes: server-side apply under one field manager, or create for what must never be
// written twice. One log line per write; the reason is the plan's.
//
// Every action is independent unless it says that it needs all before it: one that fails does not keep the
// others from being tried, and the first error is the one that is reported. Nothing is repeated here.

import type { Logger } from "../base/log.ts";
import { describeError } from "../base/errors.ts";
import type { KubeClient } from "../kube/client.ts";
import type { ResourceType } from "../kube/resource.ts";
import type { KubeObject } from "../kube/object.ts";
import type { RecentWrites } from "./recent-writes.ts";

export const FIELD_MANAGER = "mysql-operator";

export type ApplyAction = {
  /** `create` fails if the object exists; `apply` makes our fields of it so. */
  readonly type: "apply" | "create";
  readonly resource: ResourceType<KubeObject>;
  readonly object: KubeObject;
  readonly reason: string;
  /** Not tried after a failure. */
  readonly needsAll?: boolean;
};

export type Performed = {
  readonly done: readonly ApplyAction[];
  readonly failure?: { readonly action: ApplyAction; readonly error: unknown };
};

export type Performer = {
  readonly client: KubeClient;
  readonly recent: RecentWrites;
  readonly log: Logger;
};

export async function perform(
  actions: readonly ApplyAction[],
  { client, recent, log }: Performer,
  signal: AbortSignal,
): Promise<Performed> {
  const done: ApplyAction[] = [];
  let failure: Performed["failure"];
  for (const action of actions) {
    if (action.needsAll && failure !== undefined) continue;
    const { kind, metadata: { name } } = action.object;
    try {
      const result = await performOne(action, client, signal);
      // What is only ever created is a Secret: not watched, and not to be kept here.
      if (action.type === "apply") recent.note(result);
      done.push(action);
      const how = action.type === "create" ? "created" : "applied";
      log.info("applied", { kind, name, result: how, reason: action.reason });
    } catch (error) {
      signal.throwIfAborted();
      log.debug("not applied", { kind, name, reason: action.reason, err: describeError(error) });
      failure ??= { action, error };
    }
  }
  return failure === undefined ? { done } : { done, failure };
}

async function performOne(
  { type, resource, object }: ApplyAction,
  client: KubeClient,
  signal: AbortSignal,
): Promise<KubeObject> {
  if (type === "create") return await client.of(resource).create(object, signal);
  return await client.of(resource).apply(object, { fieldManager: FIELD_MANAGER }, signal);
}
