// The API server's refusals, kept as it said them. Classified by reason first and HTTP code second,
// because one code covers several (409 is Conflict and AlreadyExists).

import { parseJson } from "../base/json.ts";
import type { Status } from "./object.ts";

type Answer = { status: Status; retryAfterMs?: number | undefined };

/** An answer that is not 2xx. The message names the request, the code and what the server said. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code = "KUBE_API";
  readonly httpStatus: number;
  readonly reason: string;
  readonly status: Status;
  readonly retryAfterMs: number | undefined; // how long the server asked us to stay away

  constructor(what: string, httpStatus: number, { status, retryAfterMs }: Answer) {
    const reason = status.reason || REASONS[httpStatus] || "Unknown";
    const said = fieldOwners(status) || status.message;
    super(`${what}: ${httpStatus} ${reason}${said ? `: ${said}` : ""}`);
    this.httpStatus = httpStatus;
    this.reason = reason;
    this.status = status;
    const seconds = status.details?.retryAfterSeconds;
    this.retryAfterMs = retryAfterMs ?? (seconds ? seconds * 1000 : undefined);
  }
}

/** What a conflict of server-side apply is about: whose fields these are. Empty for anything else. */
function fieldOwners({ details }: Status): string {
  const causes = details?.causes?.filter(({ reason }) => reason === "FieldManagerConflict") ?? [];
  // conflict with "kubectl-edit" using apps/v1
  return causes.map(({ field, message }) =>
    `${field} is owned by ${message?.replace(/^conflict with /, "")}`
  ).join(", ");
}

// For answers without a Status: what proxies and load balancers say for the server.
const REASONS: Record<number, string> = {
  401: "Unauthorized",
  403: "Forbidden",
  410: "Gone",
  429: "TooManyRequests",
  503: "ServiceUnavailable",
};

const LONGEST_TEXT = 2048;

/** A Status from an error's body, whatever that is: a proxy may answer HTML, an old server plain text. */
export function parseStatus(body: string): Status {
  const parsed = parseJson(body) as Status | null | undefined;
  return parsed?.kind === "Status" ? parsed : { message: body.slice(0, LONGEST_TEXT).trim() };
}

const is = (error: unknown, reason: string): error is ApiError =>
  error instanceof ApiError && error.reason === reason;
export const isConflict = (error: unknown): boolean => is(error, "Conflict");
export const isAlreadyExists = (error: unknown): boolean => is(error, "AlreadyExists");
export const isForbidden = (error: unknown): boolean => is(error, "Forbidden");
/** The object is not there. Not true when the whole resource is unknown (a missing CRD): that names no object. */
export const isNotFound = (error: unknown): boolean =>
  is(error, "NotFound") && error.status.details?.name !== undefined;
