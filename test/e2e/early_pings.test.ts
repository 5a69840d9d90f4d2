/**
 * A program that pings during the handshake gets its answer before the first call of each session.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { openRpcSession } from "../support/rpc_session.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

let gateway: SpawnedGateway;
beforeAll(async () => {
  const pings = programCommand("test/support/early_ping_server.ts");
  gateway = await spawnGateway({ servers: { pings } });
});
afterAll(() => gateway.dispose());

test("a server that pings at once is answered before its first call, in each session", async () => {
  for (let session = 0; session < 3; session++) {
    const client = await openRpcSession(`${gateway.url}/servers/pings/mcp`);
    // The process that was started for the list has shown by now what such processes do first.
    await client.request("l", "tools/list");
    expect(await client.callTool("c", "ping")).toBe("answered: true");
    await client.end();
  }
});
