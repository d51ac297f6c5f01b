// The last changes of the instances' states, in the status: what happened in the night, after Events are gone.
// Pure. Only a change of state or role is one; messages and counters are not.

import type { ClusterStatus, InstanceStatus, StateChange } from "../../api/cluster.ts";
import { formatTime } from "../../base/clock.ts";

export const KEPT_CHANGES = 20;

/** The stored changes and those of this pass, oldest first; `now` is milliseconds since 1970. */
export function historyOf(
  before: ClusterStatus | undefined,
  instances: readonly InstanceStatus[],
  now: number,
): StateChange[] {
  const at = formatTime(now);
  const changes = instances.flatMap((instance): StateChange[] => {
    const { name, message } = instance;
    const was = before?.instances?.find((one) => one.name === name);
    const [from, to] = [was && describe(was), describe(instance)];
    if (from === to) return [];
    return [{
      at,
      name,
      ...(from !== undefined && { from }),
      to,
      ...(message !== undefined && { message }),
    }];
  });
  return [...before?.history ?? [], ...changes].slice(-KEPT_CHANGES);
}

function describe({ state, role }: InstanceStatus): string {
  return role === undefined ? state : `${state} ${role}`;
}
