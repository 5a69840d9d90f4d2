/**
 * Tasks of servers: relayed to clients that know tasks, and awaited on behalf of clients that do
 * not.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openRpcSession } from "../support/rpc_session.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
const server = programCommand("test/support/task_server.ts");
let gateway: SpawnedGateway;

beforeAll(async () => {
  gateway = await spawnGateway({
    servers: { one: server, two: server, all: { ...server, isolation: "shared" } },
  });
}, testMs);
afterAll(() => gateway.dispose(), testMs);

const prefix = "io.modelcontextprotocol/";

/** A request of a stateless client; its result. */
async function askStateless(path: string, method: string, params: Record<string, unknown>) {
  const name = params["name"];
  const response = await fetch(`${gateway.url}${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(typeof name === "string" ? { "mcp-name": name } : {}),
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method,
      params: {
        ...params,
        _meta: {
          [`${prefix}protocolVersion`]: "2026-07-28",
          [`${prefix}clientCapabilities`]: {},
        },
      },
    }),
  });
  return await response.json() as { result?: Record<string, unknown>; error?: { code: number } };
}

describe("a client that knows tasks", () => {
  for (const path of ["/servers/one/mcp", "/mcp"]) {
    const tool = path === "/mcp" ? "two__long" : "long";
    test(`runs a tool as one, polls it, and fetches its result, at ${path}`, async () => {
      const session = await openRpcSession(`${gateway.url}${path}`);
      const made = await session.request(1, "tools/call", { name: tool, task: { ttl: 60_000 } });
      const { taskId } = made.result?.["task"] as { taskId: string };
      const state = await session.request(2, "tasks/get", { taskId });
      expect(state.result).toMatchObject({ taskId });
      const result = await session.request(3, "tasks/result", { taskId });
      expect(result.result).toMatchObject({
        content: [{ type: "text", text: "run 1" }],
        _meta: { [`${prefix}related-task`]: { taskId } },
      });
      const listed = await session.request(4, "tasks/list");
      expect(listed.result?.["tasks"]).toMatchObject([{ taskId, status: "completed" }]);
      await session.end();
    });
  }

  test("cancels one", async () => {
    const session = await openRpcSession(`${gateway.url}/servers/one/mcp`);
    const made = await session.request(1, "tools/call", { name: "long", task: {} });
    const { taskId } = made.result?.["task"] as { taskId: string };
    const state = await session.request(2, "tasks/cancel", { taskId });
    expect(state.result).toMatchObject({ taskId, status: "cancelled" });
    await session.end();
  });

  test("sees no task of another session", async () => {
    const mine = await openRpcSession(`${gateway.url}/servers/one/mcp`);
    const other = await openRpcSession(`${gateway.url}/servers/one/mcp`);
    await mine.request(1, "tools/call", { name: "long", task: {} });
    expect((await other.request(1, "tasks/list")).result).toEqual({ tasks: [] });
    await mine.end();
    await other.end();
  });

  test("sees only its own on a shared process", async () => {
    const session = await openRpcSession(`${gateway.url}/servers/all/mcp`);
    expect((await session.request(1, "tasks/list")).result).toEqual({ tasks: [] });
    await session.end();
  });
});

describe("a client that calls plainly", () => {
  test("gets the result of a tool that must run as a task, and nothing about the task", async () => {
    const session = await openRpcSession(`${gateway.url}/servers/one/mcp`);
    const { result } = await session.request(1, "tools/call", { name: "long" });
    expect(result).toEqual({ content: [{ type: "text", text: "run 1" }] });
    const { result: second } = await session.request(2, "tools/call", { name: "short" });
    expect(second).toEqual({ content: [{ type: "text", text: "short" }] });
    await session.end();
  });

  test("of the stateless revision gets the result, too, and no tasks are offered to it", async () => {
    const path = "/servers/one/mcp";
    const discovered = await askStateless(path, "server/discover", {});
    expect(discovered.result?.["capabilities"]).not.toHaveProperty("tasks");
    const listed = await askStateless(path, "tools/list", {});
    expect(JSON.stringify(listed.result?.["tools"])).not.toContain("taskSupport");
    const { result } = await askStateless(path, "tools/call", { name: "long", arguments: {} });
    expect(result).toMatchObject({ resultType: "complete", content: [{ type: "text" }] });
    expect(JSON.stringify(result)).not.toContain("related-task");
    expect((await askStateless(path, "tasks/list", {})).error?.code).toBe(-32601);
  });
});

test("an older revision sees no tasks", async () => {
  const response = await fetch(`${gateway.url}/servers/one/mcp`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 0,
      method: "initialize",
      params: {
        protocolVersion: "2025-06-18",
        capabilities: {},
        clientInfo: { name: "a", version: "1" },
      },
    }),
  });
  expect(await response.text()).not.toContain('tasks":');
  await until("the gateway is well", async () => (await fetch(`${gateway.url}/health`)).ok);
});
