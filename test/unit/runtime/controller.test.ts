import t from "tap";
import { TerminalError } from "../../../src/base/errors.ts";
import { afterReconcile, type Outcome } from "../../../src/runtime/controller.ts";

const ROWS: { name: string; outcome: Outcome; want: ReturnType<typeof afterReconcile> }[] = [
  { name: "forgets after success", outcome: { ok: true, result: {} }, want: "forget" },
  {
    name: "comes back when asked to",
    outcome: { ok: true, result: { requeueAfterMs: 5000 } },
    want: { afterMs: 5000 },
  },
  {
    name: "comes back at once when asked to",
    outcome: { ok: true, result: { requeueAfterMs: 0 } },
    want: { afterMs: 0 },
  },
  {
    name: "backs off after an error",
    outcome: { ok: false, error: new Error("no") },
    want: "backoff",
  },
  {
    name: "backs off after something thrown that is no error",
    outcome: { ok: false, error: undefined },
    want: "backoff",
  },
  {
    name: "drops what cannot succeed",
    outcome: { ok: false, error: new TerminalError("never") },
    want: "drop",
  },
];

for (const { name, outcome, want } of ROWS) {
  t.test(`afterReconcile() ${name}`, async (t) => t.strictSame(afterReconcile(outcome), want));
}
