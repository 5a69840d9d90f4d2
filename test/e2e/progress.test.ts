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

/** Less than the 10 ms by which the gateway sends a notice ahead of the result. */
const standstillMs = 8;

/** Remembers how long this process stood still, in which a client reads both at once. */
function watchStandstill() {
  let ranAt = performance.now();
  let longest = 0;
  const look = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - ranAt);
    ranAt = now;
  };
  const timer = setInterval(look, 1);
  return {
    /** The longest time since the last answer. */
    take(): number {
      look();
      const taken = longest;
      longest = 0;
      return taken;
    },
    stop: () => clearInterval(timer),
  };
}

/**
 * How many calls reported their progress to their caller. One that did not is made again where the
 * client stood still meanwhile: it says nothing about the gateway.
 */
async function heard(transport: Transport): Promise<number> {
  const client = new Client({ name: "progress", version: "1.0.0" });
  await client.connect(transport);
  const standstill = watchStandstill();
  let count = 0;
  for (let judged = 0; judged < calls;) {
    let isHeard = false;
    const onprogress = () => void (isHeard = true);
    standstill.take();
    await client.callTool({ name: "work", arguments: {} }, undefined, { onprogress });
    if (!isHeard && standstill.take() >= standstillMs) continue;
    judged += 1;
    if (isHeard) count += 1;
  }
  standstill.stop();
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
      expect(await heard(open())).toBeGreaterThanOrEqual(calls - 2);
    }, 120_000);
  }
});
