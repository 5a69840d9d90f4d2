/**
 * Progress that a server reports right before its result reaches the user of a real client: the
 * first SDK loses a notice that it reads together with the result.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const calls = 200;

let gateway: SpawnedGateway;

beforeAll(async () => {
  const server = programCommand("test/support/progress_server.ts");
  gateway = await spawnGateway({ servers: { progress: server } });
});

afterAll(async () => {
  await gateway.dispose();
});

/** How many calls reported their progress to their caller. */
async function heard(transport: Transport): Promise<number> {
  const client = new Client({ name: "progress", version: "1.0.0" });
  await client.connect(transport);
  let count = 0;
  for (let call = 0; call < calls; call += 1) {
    let isHeard = false;
    const onprogress = () => void (isHeard = true);
    await client.callTool({ name: "work", arguments: {} }, undefined, { onprogress });
    if (isHeard) count += 1;
  }
  await client.close();
  return count;
}

describe("progress right before a result", () => {
  const transports: Readonly<Record<string, () => Transport>> = {
    "HTTP+SSE": () => new SSEClientTransport(new URL(`${gateway.url}/sse`)),
    "Streamable HTTP": () =>
      new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`)) as Transport,
  };
  for (const [name, open] of Object.entries(transports)) {
    test(`arrives in 198 of 200 calls of SDK 1.32 over ${name}`, async () => {
      const least = calls - 2;
      const first = await heard(open());
      // A machine that was busy for a moment gets a second chance.
      const best = first >= least ? first : await heard(open());
      expect(best).toBeGreaterThanOrEqual(least);
    }, 120_000);
  }
});
