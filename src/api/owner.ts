// Pure: controller owner references, the only proof that an object is ours to change.

import type { KubeObject, OwnerReference } from "../kube/object.ts";

/** The reference that makes `owner` the controller of an object. The owner must come from the server. */
export function controllerRef(owner: KubeObject): OwnerReference {
  const { name, uid } = owner.metadata;
  if (uid === undefined) {
    throw new Error(`${owner.kind} ${name} has no uid yet and cannot own objects`);
  }
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** By uid: an object of an earlier owner of the same name does not count. */
export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  const controller = object.metadata.ownerReferences?.find((reference) => reference.controller);
  return controller !== undefined && controller.uid === owner.metadata.uid;
}
