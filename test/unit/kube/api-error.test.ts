import t from "tap";
import * as errors from "../../../src/kube/api-error.ts";
import { controllerRef, isControlledBy } from "../../../src/api/owner.ts";

const CHECKS = ["isNotFound", "isConflict", "isAlreadyExists", "isForbidden"] as const;

for (
  const row of [
    {
      name: "a missing object",
      http: 404,
      body: { kind: "Status", reason: "NotFound", details: { name: "main", kind: "pods" } },
      is: "isNotFound",
    },
    {
      name: "an unknown resource is no missing object",
      http: 404,
      body: "404 page not found\n",
      is: undefined,
    },
    {
      name: "an unknown resource of a known group is none either",
      http: 404,
      body: { kind: "Status", reason: "NotFound", details: {} },
      is: undefined,
    },
    {
      name: "an object that was changed",
      http: 409,
      body: { kind: "Status", reason: "Conflict" },
      is: "isConflict",
    },
    {
      name: "an object that is there already",
      http: 409,
      body: { kind: "Status", reason: "AlreadyExists" },
      is: "isAlreadyExists",
    },
    { name: "a refusal without a body", http: 403, body: "", is: "isForbidden" },
    {
      name: "a bad object",
      http: 422,
      body: { kind: "Status", reason: "Invalid" },
      reason: "Invalid",
      is: undefined,
    },
    {
      name: "a version that has expired",
      http: 410,
      body: { kind: "Status", reason: "Expired" },
      reason: "Expired",
      is: undefined,
    },
    {
      name: "a version that is gone, from a proxy",
      http: 410,
      body: "<html>gone</html>",
      reason: "Gone",
      is: undefined,
    },
    { name: "a failing server", http: 500, body: "<html>oops</html>", is: undefined },
  ]
) {
  t.test(`ApiError is classified: ${row.name}`, async (t) => {
    const text = typeof row.body === "string" ? row.body : JSON.stringify(row.body);
    const error = new errors.ApiError("cannot get Pod db/main", row.http, {
      status: errors.parseStatus(text),
    });
    t.same(CHECKS.filter((check) => errors[check](error)), row.is === undefined ? [] : [row.is]);
    t.match(error.message, `cannot get Pod db/main: ${row.http} ${row.reason ?? ""}`);
  });
}

t.test("ApiError keeps how long to stay away", async (t) => {
  const status = errors.parseStatus(
    JSON.stringify({
      kind: "Status",
      reason: "TooManyRequests",
      details: { retryAfterSeconds: 3 },
    }),
  );
  t.equal(new errors.ApiError("x", 429, { status }).retryAfterMs, 3000);
  t.equal(new errors.ApiError("x", 429, { status, retryAfterMs: 1000 }).retryAfterMs, 1000);
  t.equal(new errors.ApiError("x", 429, { status: {} }).retryAfterMs, undefined);
});

t.test("ApiError says whose fields an apply would have taken", async (t) => {
  const cause = (manager: string, field: string) => ({
    reason: "FieldManagerConflict",
    message: `conflict with "${manager}" using v1`,
    field,
  });
  const causes = [cause("kubectl", ".data.a"), cause("kubectl", ".data.b"), cause("hpa", ".spec")];
  const status = { reason: "Conflict", message: "Apply failed", details: { causes } };
  const error = new errors.ApiError("cannot apply ConfigMap db/main", 409, { status });
  t.equal(
    error.message,
    'cannot apply ConfigMap db/main: 409 Conflict: .data.a is owned by "kubectl" using v1, ' +
      '.data.b is owned by "kubectl" using v1, .spec is owned by "hpa" using v1',
  );
  t.equal(error.status, status, "the Status stays whole");
  t.ok(errors.isConflict(error));
});

t.test("parseStatus() keeps no more than a piece of a long text", async (t) => {
  t.equal(errors.parseStatus("x".repeat(1 << 20)).message?.length, 2048);
});

t.test("controllerRef() and isControlledBy() go by uid", async (t) => {
  const owner = {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "main", uid: "1" },
  };
  const owned = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "main-0", ownerReferences: [controllerRef(owner)] },
  };
  t.ok(isControlledBy(owned, owner));
  t.notOk(isControlledBy(owned, { ...owner, metadata: { name: "main", uid: "2" } }));
  const follower = { ...controllerRef(owner), controller: false };
  t.notOk(
    isControlledBy({ ...owned, metadata: { name: "x", ownerReferences: [follower] } }, owner),
  );
  t.notOk(
    isControlledBy({ ...owned, metadata: { name: "x" } }, { ...owner, metadata: { name: "main" } }),
  );
  t.throws(() => controllerRef({ ...owner, metadata: { name: "main" } }), /no uid/);
});
