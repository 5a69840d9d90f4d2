/**
 * `kill -9` of the real gateway while clients shake hands: each session whose id a client has
 * received is there after the restart, wherever the kill fell between the writes of many.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

let gateway: SpawnedGateway;
beforeAll(async () => {
  gateway = await spawnGateway({ servers: {} });
});
afterAll(() => gateway.dispose());

const headers = {
  "content-type": "application/json",
  "accept": "application/json, text/event-stream",
};
/** More handshakes than the gateway writes in one transaction. */
const clients = 100;
/** The kill follows this many acknowledgements. */
const killAfter = [1, 2, 7, 40, 64, 65, 100, 300, 301, 777];

const post = (message: unknown, more: Record<string, string> = {}): Promise<Response> =>
  fetch(`${gateway.url}/mcp`, {
    method: "POST",
    headers: { ...headers, ...more },
    body: JSON.stringify(message),
  });

async function openSession(): Promise<string> {
  const response = await post({
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "a client", version: "1" },
    },
  });
  // The head alone has the id: what follows may be cut off by the kill.
  const id = response.headers.get("mcp-session-id");
  if (id === null) throw new Error(`No session: HTTP ${response.status}`);
  await response.text();
  return id;
}

/** Opens sessions until the gateway is killed; the ids that it gave out. */
async function openUntilKilled(count: number): Promise<string[]> {
  const ids: string[] = [];
  let killed: Promise<void> | undefined;
  const client = async (): Promise<void> => {
    while (killed === undefined) {
      ids.push(await openSession());
      if (ids.length >= count) killed ??= gateway.kill9();
    }
  };
  // A handshake that the kill cuts off is not acknowledged.
  await Promise.allSettled(Array.from({ length: clients }, client));
  expect(killed).toBeDefined();
  await killed;
  return ids;
}

describe("a gateway that is killed during handshakes", () => {
  for (const count of killAfter) {
    test(`has every acknowledged session after the restart: ${count} acknowledgements`, async () => {
      const ids = await openUntilKilled(count);
      expect(ids.length).toBeGreaterThanOrEqual(count);
      await gateway.restart();
      const statuses = await Promise.all(ids.map(async (id) => {
        const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
        const response = await post(ping, { "mcp-session-id": id });
        await response.text();
        return response.status;
      }));
      expect(statuses.filter((status) => status !== 200)).toEqual([]);
    });
  }
});
