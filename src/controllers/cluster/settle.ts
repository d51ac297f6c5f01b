// From what the spec asks for to what may be asked of a Cluster that already runs. Pure.
//
// Some changes need the agents' help (leaving the group before a Pod goes, upgrading in order) or cannot
// be made at all (another kind of volume). They are not carried out half: the live value stays, and a
// sentence says so until the spec is put back. Scale-in and upgrades will replace their sentence here.

import type { ClusterSpec } from "../../api/cluster.ts";
import { serverImage } from "../../api/names.ts";
import type { StatefulSet } from "../../api/kinds.ts";
import { firstDifference } from "../difference.ts";
import { renderStatefulSet } from "./render/stateful-set.ts";
import type { RenderContext, RenderSettings } from "./render/context.ts";
import { type ClusterSnapshot, ownStatefulSet } from "./snapshot.ts";

export type Settled = {
  readonly context: RenderContext;
  readonly statefulSet: StatefulSet;
  /** Changes that are not made, as sentences with what to do. */
  readonly refusals: readonly string[];
};

export function settleSpec(
  snapshot: ClusterSnapshot,
  spec: ClusterSpec,
  settings: RenderSettings,
): Settled {
  const { cluster } = snapshot;
  const running = ownStatefulSet(snapshot);
  const refusals: string[] = [];
  const members = Math.max(spec.members, running?.spec.replicas ?? 0);
  if (members > spec.members) {
    refusals.push(
      `spec.members ${spec.members}: removing members is not available yet, ${members} are kept; ` +
        `set spec.members back to ${members}`,
    );
  }
  const wantedImage = serverImage(spec.repository ?? settings.serverRepository, spec.version);
  const image = imageOf(running);
  const upgrade = image !== undefined && cluster.status?.bootstrap !== undefined &&
    versionOf(image) !== versionOf(wantedImage);
  if (upgrade) {
    refusals.push(
      `spec.version ${spec.version}: changing the version of a running group is not available yet, ` +
        `the members keep ${image}; set spec.version back`,
    );
  }
  const context = {
    cluster,
    spec: upgrade ? { ...spec, version: versionOf(image) } : spec,
    members,
    serverImage: upgrade ? image : wantedImage,
    settings,
  };
  return keepClaims({ context, statefulSet: renderStatefulSet(context), refusals }, running);
}

/** Claim templates can never change: the live ones are sent, and a difference is refused. */
function keepClaims(settled: Settled, running: StatefulSet | undefined): Settled {
  if (running === undefined) return settled;
  const { volumeClaimTemplates: wanted = [], ...spec } = settled.statefulSet.spec;
  const templates = running.spec.volumeClaimTemplates;
  const difference = firstDifference({ volumeClaimTemplates: wanted }, {
    volumeClaimTemplates: templates ?? [],
  });
  // The same but for the server's defaults: what was applied once is applied unchanged.
  if (difference === undefined) return settled;
  const refusal =
    `spec.volumeClaimTemplate: the volumes of a running Cluster cannot be changed yet ` +
    `(${difference}); put the old value back`;
  return {
    ...settled,
    statefulSet: {
      ...settled.statefulSet,
      spec: templates === undefined ? spec : { ...spec, volumeClaimTemplates: templates },
    },
    refusals: [...settled.refusals, refusal],
  };
}

function imageOf(statefulSet: StatefulSet | undefined): string | undefined {
  return statefulSet?.spec.template.spec.containers.find(({ name }) => name === "mysql")?.image;
}

/** The tag: what stands after the last colon of the last part, without a digest. */
function versionOf(image: string): string {
  const last = image.split("@")[0]?.split("/").at(-1) ?? "";
  return last.split(":")[1] ?? "";
}
