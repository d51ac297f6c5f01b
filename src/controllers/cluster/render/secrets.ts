// The Secrets with passwords that the operator generates. They are created once and never written again:
// the passwords are in the members' data, so a new one here would only lock everybody out.

import { PASSWORD_KEY } from "../../../api/names.ts";
import type { Secret as Hidden } from "../../../base/secret.ts";
import { type Secret, secrets } from "../../../api/kinds.ts";
import { envelope, type RenderContext } from "./context.ts";

/** A Secret with one password under the usual key. */
export function renderPasswordSecret(
  context: Pick<RenderContext, "cluster" | "settings">,
  name: string,
  password: Hidden,
): Secret {
  return {
    ...envelope(context, { type: secrets, name }),
    type: "Opaque",
    stringData: { [PASSWORD_KEY]: password.reveal() },
  };
}
