/** Clients that announce large bodies and send hardly any of them, against the real gateway. */
import { afterAll, describe, expect, test } from "bun:test";
import { canReadProcesses, residentBytes } from "../support/processes.ts";
import { openRawSocket, type RawSocket } from "../support/raw_socket.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { startMsMax } from "../support/wait.ts";

const announced = 4_000_000;
const sockets = 200;

for (const listener of ["fast", "hardened"] as const) {
  describe(`announced bodies on the listener "${listener}"`, () => {
    let gateway: SpawnedGateway | undefined;
    const open: RawSocket[] = [];
    afterAll(async () => {
      for (const socket of open) socket.destroy();
      await gateway?.dispose();
    });

    test(
      "take memory only for bytes that arrive, and do not block other clients' large bodies",
      async () => {
        if (!canReadProcesses) return;
        gateway = await spawnGateway({ servers: {}, env: { MCP_LISTENER: listener } });
        const { port, pid } = gateway;
        // What the first requests load is no sign of what a socket costs.
        await (await sendLarge(gateway.url)).text();
        const before = residentBytes(pid);
        for (let count = 0; count < sockets; count++) {
          const socket = await openRawSocket(port);
          open.push(socket);
          socket.send(
            `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n` +
              `Accept: application/json, text/event-stream\r\nContent-Length: ${announced}\r\n\r\n` +
              '{"json',
          );
        }
        const response = await sendLarge(gateway.url);
        expect(response.status).toBe(200);
        await response.text();
        const grown = residentBytes(pid) - before;
        expect(grown).toBeLessThan(announced * sockets / 10);
      },
      startMsMax,
    );
  });
}

/** An initialize of three megabytes: it passes whatever others have announced. */
async function sendLarge(url: string): Promise<Response> {
  const params = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "test", version: "1" },
    _meta: { padding: "x".repeat(3_000_000) },
  };
  return await fetch(`${url}/mcp`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params }),
  });
}
