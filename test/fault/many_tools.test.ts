/** A server with far too many tools: it is read to its bound, and meanwhile other servers answer. */
import { expect, test } from "bun:test";
import { openRpcSession } from "../support/rpc_session.ts";
import { spawnGateway } from "../support/spawn_gateway.ts";
import { hostileCommand } from "./hostile_command.ts";

test("while a server lists 100,000 tools, calls to another one are answered", async () => {
  const gateway = await spawnGateway({
    servers: {
      many: { ...hostileCommand("--tools=100000", "--page=500"), isolation: "shared" },
      few: { ...hostileCommand(), isolation: "shared" },
    },
    env: { MCP_TRY_SERVERS: "off" },
  });
  try {
    const few = await openRpcSession(`${gateway.url}/servers/few/mcp`);
    await few.callTool(1, "echo");
    const many = await openRpcSession(`${gateway.url}/servers/many/mcp`);
    let isListed = false;
    const listing = many.request(2, "tools/list").finally(() => (isListed = true));
    let answered = 0;
    while (!isListed) {
      await few.callTool(10 + answered, "echo");
      answered += 1;
    }
    const tools = (await listing).result?.["tools"] as readonly { name: string }[];
    expect(tools[0]?.name).toBe("echo");
    expect(tools.length).toBeGreaterThan(500);
    // Twenty pages are read until the bound; between two of them, others have their turns.
    expect(answered).toBeGreaterThan(10);
  } finally {
    await gateway.dispose();
  }
}, 60_000);
