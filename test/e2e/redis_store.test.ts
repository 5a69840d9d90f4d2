/**
 * A gateway that stores in an engine of its own: its sessions outlive it, what needs the engine is
 * refused while that is away, and everything else goes on.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { hostileCommand } from "../fault/hostile_command.ts";
import { hasRedis, type RedisServer, startRedis, whyNoRedis } from "../support/redis_server.ts";
import { openRpcSession, resumeRpcSession } from "../support/rpc_session.ts";
import {
  bareEnvironment,
  gatewayRuntime,
  programCommand,
  type SpawnedGateway,
  spawnGateway,
} from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 240_000;
const secret = "u8Zq3rT1vX5yB7nM9kL2pQ4sW6eR0tY8";
const password = "a-long-password-of-the-engine";

(hasRedis ? describe : describe.skip)(`a gateway on an engine${whyNoRedis}`, () => {
  let server: RedisServer;
  let gateway: SpawnedGateway;
  const env = (url: string) => ({ MCP_STORE: url, MCP_SECRET: secret });
  beforeAll(async () => {
    server = await startRedis("--requirepass", password);
    gateway = await spawnGateway({
      servers: { own: hostileCommand() },
      env: env(server.url.replace("//", `//:${password}@`)),
    });
  }, testMs);
  afterAll(async () => {
    await gateway?.dispose();
    await server?.close();
  }, testMs);

  const mcp = () => `${gateway.url}/servers/own/mcp`;
  const health = async (path: string) => {
    const response = await fetch(`${gateway.url}${path}`);
    const body = await response.json() as { status: string; reason?: string };
    return { code: response.status, ...body };
  };

  test("serves a client of the official SDK", async () => {
    const client = new Client({ name: "a client", version: "1" });
    await client.connect(new StreamableHTTPClientTransport(new URL(mcp())));
    const answer = await client.callTool({ name: "nonce", arguments: { nonce: "first" } });
    expect(answer.content).toMatchObject([{ type: "text", text: "first" }]);
    await client.close();
  }, testMs);

  test("C2: a session goes on after a restart and after a kill of the gateway", async () => {
    const session = await openRpcSession(mcp());
    expect(await session.callTool(1, "nonce", { nonce: "before" })).toBe("before");
    expect(await gateway.stop()).toBe(0);
    await gateway.restart();
    const same = resumeRpcSession(mcp(), session.id);
    expect(await same.callTool(2, "nonce", { nonce: "after" })).toBe("after");
    await gateway.kill9();
    await gateway.restart();
    expect(await same.callTool(3, "nonce", { nonce: "again" })).toBe("again");
    await same.end();
  }, testMs);

  test("a second gateway joins the first one and serves its sessions", async () => {
    const second = await spawnGateway({
      servers: { own: hostileCommand() },
      env: env(server.url.replace("//", `//:${password}@`)),
    });
    try {
      const session = await openRpcSession(mcp());
      const there = resumeRpcSession(`${second.url}/servers/own/mcp`, session.id);
      expect(await there.callTool(1, "nonce", { nonce: "through the second" }))
        .toBe("through the second");
      await gateway.kill9();
      expect(await there.callTool(2, "nonce", { nonce: "taken over" })).toBe("taken over");
      await gateway.restart();
      expect(await session.callTool(3, "nonce", { nonce: "passed on" })).toBe("passed on");
      await session.end();
      expect(second.log()).not.toContain(password);
    } finally {
      await second.dispose();
    }
  }, testMs);

  test("a start without MCP_SECRET ends with what to do", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-second-"));
    const { code, output } = await run(folder, { MCP_STORE: "redis://localhost" });
    expect(code).not.toBe(0);
    expect(output).toContain("Cannot use MCP_STORE without MCP_SECRET");
    rmSync(folder, { recursive: true, force: true });
  }, testMs);

  test("G1: while the engine is away, open sessions go on and new ones are refused", async () => {
    const session = await openRpcSession(mcp());
    expect(await session.callTool(1, "nonce", { nonce: "before" })).toBe("before");
    server.pause();
    // For some seconds the instance still knows that the session is its own.
    expect(await session.callTool(2, "nonce", { nonce: "meanwhile" })).toBe("meanwhile");
    await until(
      "the engine is missed",
      async () => (await health("/health")).status === "degraded",
    );
    const refused = await fetch(mcp(), {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
      },
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: 0,
        method: "initialize",
        params: {
          protocolVersion: "2025-11-25",
          capabilities: {},
          clientInfo: { name: "x", version: "1" },
        },
      }),
    });
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([503, "1"]);
    expect(refused.headers.get("Mcp-Session-Id")).toBeNull();
    expect(await refused.text()).toContain("store_unavailable");
    await until("others should serve", async () => (await health("/ready")).code === 503);
    expect(await health("/health")).toMatchObject({ code: 200, status: "degraded" });
    server.resume();
    await until("the engine works", async () => (await health("/ready")).code === 200);
    expect(await health("/health")).toMatchObject({ code: 200, status: "healthy" });
    expect(await session.callTool(3, "nonce", { nonce: "after" })).toBe("after");
    await (await openRpcSession(mcp())).end();
    await session.end();
    expect(gateway.log()).not.toContain(password);
  }, testMs);
});

/** Starts a gateway that is expected to end by itself. */
function run(folder: string, env: Readonly<Record<string, string>>) {
  const { command, args } = programCommand(`src/main/${gatewayRuntime}.ts`, [], gatewayRuntime);
  const child = spawn(command, args, {
    cwd: folder,
    env: {
      ...bareEnvironment(),
      MCP_HOST: "127.0.0.1",
      MCP_PORT: "0",
      MCP_DATA_DIR: join(folder, "data"),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => output += chunk);
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => output += chunk);
  return new Promise<{ code: number | null; output: string }>((resolve) => {
    child.once("exit", (code) => resolve({ code, output }));
  });
}
