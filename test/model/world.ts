// What everything in one run of the model has in common.

import type { Chance, ModelClock } from "./chance.ts";
import type { ModelServer } from "./server.ts";

export interface World {
  readonly chance: Chance;
  readonly clock: ModelClock;
  readonly server: ModelServer;
  /** Nothing changes and nothing goes wrong any more. */
  readonly calm: boolean;
  /** Something may change. */
  readonly tick: () => void;
  /** Somebody has nothing left to tell. */
  readonly idle: (who: object) => void;
  /** The watch has done what it must not. */
  readonly blame: (what: string) => void;
}
