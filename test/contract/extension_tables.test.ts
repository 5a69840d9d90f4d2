/**
 * A step and a policy, given to `createGateway` as rows, without any other change.
 */
import { expect, test } from "bun:test";
import process from "node:process";
import { createGateway, defaultTables, type Tables } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { Policy } from "../../src/gateway/access_policy.ts";
import type { MakeStep } from "../../src/gateway/steps/steps.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import { envelope, mirror } from "../support/stateless_client.ts";

type Post = (message: object) => Promise<string>;

/** A request of a stateless client, and its headers. */
function stateless(id: number, method: string, params: Record<string, string> = {}) {
  const message = { id, method, params: { ...params, _meta: envelope() } };
  return { message, headers: mirror(method, params) };
}

/** Runs a client's session on a gateway of two servers. */
async function withGateway(
  tables: Partial<Tables>,
  run: (
    post: Post,
    ask: (request: ReturnType<typeof stateless>) => Promise<string>,
  ) => Promise<void>,
) {
  const servers = { one: hostileCommand(), two: hostileCommand() };
  const { config } = await readConfig({
    env: { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
    cwd: process.cwd(),
    readText: () => Promise.resolve(JSON.stringify({ mcpServers: servers })),
    kinds: defaultTables.kinds,
  });
  const gateway = await createGateway({
    config: { ...config, tryServers: false },
    runtime: await createTestRuntime(),
    ...tables,
  });
  const send = async (message: object, session?: string, more: Record<string, string> = {}) =>
    await gateway.fetch(
      new Request(`http://localhost:${config.port}/mcp`, {
        method: "POST",
        headers: {
          host: `localhost:${config.port}`,
          ...jsonHeaders,
          ...more,
          ...(session === undefined ? {} : { "mcp-session-id": session }),
        },
        body: JSON.stringify({ jsonrpc: "2.0", ...message }),
      }),
    );
  try {
    const session = (await send(initialize("2025-11-25"))).headers.get("mcp-session-id") ?? "";
    await send({ method: "notifications/initialized" }, session);
    await run(
      async (message) => await (await send(message, session)).text(),
      async ({ message, headers }) => await (await send(message, undefined, headers)).text(),
    );
  } finally {
    void gateway.drain();
    await gateway.close();
  }
}

const callOf = (id: number, name: string) => ({
  id,
  method: "tools/call",
  params: { name, arguments: { text: "hello" } },
});

test("a step that counts calls by server is one row of the table", async () => {
  const counts: Record<string, number> = {};
  const counter: MakeStep = () => ({
    name: "counter",
    end({ target }) {
      const name = target?.server.config.name;
      if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
    },
  });
  await withGateway({ steps: [...defaultTables.steps, counter] }, async (post) => {
    await post({ id: 1, method: "tools/list" });
    for (const [id, name] of ["one__echo", "two__echo", "two__echo"].entries()) {
      expect(await post(callOf(id + 2, name))).toContain("hello");
    }
  });
  expect(counts).toEqual({ one: 1, two: 2 });
});

test("a policy that hides a tool is one function", async () => {
  const policy: Policy = (_principal, server, item) =>
    server === "one" && item?.own === "echo" ? "deny" : "allow";
  await withGateway({ policy }, async (post, ask) => {
    const list = await post({ id: 1, method: "tools/list" });
    expect(list).toContain('"two__echo"');
    expect(list).not.toContain('"one__echo"');
    expect(await post(callOf(2, "one__echo"))).toContain('Unknown tool \\"one__echo\\"');
    expect(await post(callOf(3, "two__echo"))).toContain("hello");
    const modern = await ask(stateless(4, "tools/list"));
    expect(modern).toContain('"two__echo"');
    expect(modern).not.toContain('"one__echo"');
    expect(await ask(stateless(5, "tools/call", { name: "one__echo" })))
      .toContain('Unknown tool \\"one__echo\\"');
    expect(await ask(stateless(6, "tools/call", { name: "two__echo" }))).toContain('"result"');
  });
});
