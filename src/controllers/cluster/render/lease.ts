// The Lease by which the agents agree on who may create the group, add a member or restart the group.
// The operator only makes the empty object: then no agent needs the right to create Leases. What the
// agents write into it is never sent from here.

import { leaseName } from "../../../api/names.ts";
import { leases } from "../../../kube/resource.ts";
import type { Lease } from "../../../kube/object.ts";
import { envelope, type RenderContext } from "./context.ts";

export function renderLease(context: RenderContext): Lease {
  return envelope(context, { type: leases, name: leaseName(context.cluster.metadata.name) });
}
