// How many members may be evicted at the same time: one. Draining a node then moves one member, waits
// until it is ready again, that is ONLINE, and only then the next, so that a quorum is always there.

import { selectorLabels } from "../../../api/labels.ts";
import { disruptionBudgetName } from "../../../api/names.ts";
import { type PodDisruptionBudget, podDisruptionBudgets } from "../../../api/kinds.ts";
import { envelope, type RenderContext } from "./context.ts";

export function renderDisruptionBudget(context: RenderContext): PodDisruptionBudget {
  const clusterName = context.cluster.metadata.name;
  const name = disruptionBudgetName(clusterName);
  return {
    ...envelope(context, { type: podDisruptionBudgets, name }),
    spec: { maxUnavailable: 1, selector: { matchLabels: selectorLabels(clusterName) } },
  };
}
