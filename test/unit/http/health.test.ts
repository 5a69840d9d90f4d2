/** `/health`: what every client sees of the servers, and what only the operator sees. */
import { describe, expect, test } from "bun:test";
import type { GatewayStatus } from "../../../src/gateway/surface.ts";
import type { UpstreamStatus } from "../../../src/upstream/upstream.ts";
import { createHarness, type Harness } from "../../support/http_harness.ts";

type ServerStatus = GatewayStatus["servers"][number];

const server = (
  name: string,
  status: Partial<UpstreamStatus> = {},
  isQueued = false,
): ServerStatus => ({
  name,
  isQueued,
  status: { state: "idle", since: 1_700_000_000_000, connections: 0, ...status },
});
const failed = { error: "upstream_unavailable", problem: "exited with code 1" } as const;

async function healthOf({ send }: Harness, headers: Record<string, string> = {}) {
  const response = await send("GET", "/health", { headers });
  return { code: response.status, body: await response.json() as Record<string, unknown> };
}

describe("/health", () => {
  test("P6 is 200 healthy, 503 unhealthy or 500 error", async () => {
    const harness = createHarness();
    const { send, gateway, handler, records } = harness;
    expect(await healthOf(harness)).toMatchObject({
      code: 200,
      body: { status: "healthy", servers_running: 0, timestamp: expect.any(String) },
    });
    gateway.servers = [
      server("a", { state: "running" }),
      server("b"),
      server("c", { state: "crash_loop", ...failed }),
    ];
    expect(await healthOf(harness)).toMatchObject({
      code: 200,
      body: { status: "healthy", servers_running: 1, degraded: ["c"] },
    });
    gateway.servers = [server("a", { state: "failed", ...failed })];
    expect(await healthOf(harness)).toMatchObject({ code: 503, body: { status: "unhealthy" } });
    gateway.servers = [];
    handler.drain();
    expect(await healthOf(harness)).toMatchObject({ code: 503, body: { status: "unhealthy" } });
    gateway.status = () => {
      throw new Error("secret detail");
    };
    const broken = await healthOf(harness);
    expect(broken).toMatchObject({ code: 500, body: { status: "error" } });
    expect(JSON.stringify(broken)).not.toContain("secret");
    expect(records.some(({ fields }) => String(fields.error).includes("secret"))).toBe(true);
    const head = await send("HEAD", "/health");
    expect([head.status, await head.text()]).toEqual([500, ""]);
  });

  test("a server is degraded from its first failed start on, and all of them make it unhealthy", async () => {
    const harness = createHarness();
    harness.gateway.servers = [server("a", { state: "failing", ...failed }), server("b")];
    expect(await healthOf(harness)).toMatchObject({ code: 200, body: { degraded: ["a"] } });
    harness.gateway.servers = [
      server("a", { state: "failing", ...failed }),
      server("b", { state: "failed", ...failed }),
    ];
    expect(await healthOf(harness)).toMatchObject({
      code: 503,
      body: { status: "unhealthy", degraded: ["a", "b"] },
    });
  });

  test("servers that wait for a log-in are degraded, and the gateway stays healthy", async () => {
    const harness = createHarness();
    const waits = {
      state: "needs_login",
      error: "login_required",
      problem: "wants a log-in",
    } as const;
    harness.gateway.servers = [server("a", waits), server("b", waits)];
    expect(await healthOf(harness)).toMatchObject({
      code: 200,
      body: { status: "healthy", degraded: ["a", "b"] },
    });
    harness.gateway.servers = [server("a", waits), server("b", { state: "failed", ...failed })];
    expect(await healthOf(harness)).toMatchObject({ code: 200, body: { status: "healthy" } });
  });

  test("a failing server with a process that works is degraded and does not count as down", async () => {
    const harness = createHarness();
    harness.gateway.servers = [server("a", { state: "running", connections: 1, ...failed })];
    expect(await healthOf(harness)).toMatchObject({ code: 200, body: { degraded: ["a"] } });
  });

  test("names the servers that start, and those that wait for their first start", async () => {
    const harness = createHarness();
    harness.gateway.servers = [
      server("a", { state: "starting" }),
      server("b", {}, true),
      server("c"),
    ];
    const { code, body } = await healthOf(harness);
    expect(code).toBe(200);
    expect(body["starting"]).toEqual(["a", "b"]);
    expect(body["servers"]).toMatchObject([{ state: "starting" }, { state: "queued" }, {
      state: "idle",
    }]);
  });

  test("shows each server with name, state, since and error code; only the operator sees the reason", async () => {
    const restartsOf = (server: string) => server === "a" ? 2 : 0;
    const harness = createHarness({ operatorToken: "the-token", restartsOf });
    harness.gateway.servers = [
      server("a", { state: "failing", ...failed }),
      server("b", { tools: 3 }),
    ];
    const since = "2023-11-14T22:13:20.000Z";
    const plain = [
      { name: "a", state: "failing", since, error: "upstream_unavailable" },
      { name: "b", state: "idle", since },
    ];
    for (const authorization of [undefined, "Bearer other-token", "Basic the-token", "the-token"]) {
      const headers = authorization === undefined ? {} : { authorization };
      expect((await healthOf(harness, headers)).body["servers"]).toEqual(plain);
    }
    const { body } = await healthOf(harness, { authorization: "Bearer the-token" });
    expect(body["servers"]).toEqual([
      { ...plain[0], lastError: "exited with code 1", restarts: 2 },
      { ...plain[1], tools: 3, restarts: 0 },
    ]);
  });

  test("a gateway without a token file shows no details to any token", async () => {
    const harness = createHarness();
    harness.gateway.servers = [server("a", { state: "failing", ...failed })];
    for (const authorization of ["Bearer undefined", "Bearer ", "Bearer x"]) {
      expect(JSON.stringify(await healthOf(harness, { authorization }))).not.toContain("exited");
    }
  });
});
