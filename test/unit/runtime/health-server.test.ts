import { request } from "node:http";
import t from "tap";
import { type HealthServerOptions, startHealthServer } from "../../../src/runtime/health-server.ts";

type Answer = { status: number; body: string; headers: Record<string, unknown> };

function ask(
  port: number,
  path: string,
  options: { method?: string; agent?: boolean } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, path, method: options.method ?? "GET" },
      (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => body += text);
        response.on(
          "end",
          () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
        );
      },
    );
    sent.on("error", reject).end();
  });
}

async function serve(
  t: { teardown(run: () => unknown): void },
  handle: HealthServerOptions["handle"],
) {
  const server = await startHealthServer({ address: "127.0.0.1", port: 0, handle });
  t.teardown(() => server.close());
  return server;
}

t.test("a GET is answered by the handler", async (t) => {
  const server = await serve(
    t,
    ({ path, query }) => ({
      status: 503,
      body: `${path} ${query.get("full")}`,
      contentType: "text/plain",
    }),
  );
  const answer = await ask(server.port, "/ready?full=1");
  t.match(answer, {
    status: 503,
    body: "/ready 1",
    headers: { "content-type": "text/plain", "content-length": "8" },
  });
  t.equal((await ask(server.port, "/live")).headers["content-type"], "text/plain");
});

for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
  t.test(`${method} is refused`, async (t) => {
    const server = await serve(t, () => ({ status: 200, body: "no" }));
    const answer = await ask(server.port, "/live", { method });
    t.match(answer, {
      status: 405,
      body: '{"error":"method not allowed"}',
      headers: { allow: "GET", "content-type": "application/json" },
    });
  });
}

t.test("HEAD is refused without a body", async (t) => {
  const server = await serve(t, () => ({ status: 200, body: "no" }));
  t.match(await ask(server.port, "/live", { method: "HEAD" }), { status: 405, body: "" });
});

t.test("a failing handler is a 500 that says why", async (t) => {
  const server = await serve(t, () => Promise.reject(new Error("no view yet")));
  t.match(await ask(server.port, "/ready"), { status: 500, body: '{"error":"no view yet"}' });
});

t.test("close() lets running answers end and tells them", async (t) => {
  const started = Promise.withResolvers<void>();
  const server = await startHealthServer({
    address: "127.0.0.1",
    port: 0,
    handle: (_request, signal) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve({ status: 200, body: "told" }), {
          once: true,
        });
        started.resolve();
      }),
  });
  const answer = ask(server.port, "/drain");
  await started.promise;
  await server.close();
  t.match(await answer, { status: 200, body: "told" });
  await t.rejects(ask(server.port, "/live"), { code: "ECONNREFUSED" });
});

t.test("a port in use is named", async (t) => {
  const server = await serve(t, () => ({ status: 200, body: "" }));
  const second = startHealthServer({
    address: "127.0.0.1",
    port: server.port,
    handle: () => ({ status: 200, body: "" }),
  });
  await t.rejects(second, new RegExp(`cannot listen on 127.0.0.1:${server.port}`));
});

t.test("an answered request leaves nothing behind", async (t) => {
  const { addEventListener, removeEventListener } = AbortSignal.prototype;
  t.teardown(() => Object.assign(AbortSignal.prototype, { addEventListener, removeEventListener }));
  let listeners = 0;
  Object.assign(AbortSignal.prototype, {
    addEventListener(...how: Parameters<typeof addEventListener>) {
      listeners++;
      return addEventListener.apply(this, how);
    },
    removeEventListener(...how: Parameters<typeof removeEventListener>) {
      listeners--;
      return removeEventListener.apply(this, how);
    },
  });
  const server = await serve(t, () => ({ status: 200, body: "ok" }));
  for (let i = 0; i < 5; i++) await ask(server.port, "/live");
  t.equal(listeners, 0, "a process that is probed for months must not grow");
});
