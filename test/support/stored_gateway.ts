/** Gateways without servers on data folders, and what clients and monitors see of their storage. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGateway, type GatewayHandle } from "../../src/app.ts";
import type { Clock } from "../../src/clock.ts";
import type { GatewayConfig } from "../../src/config/config.ts";
import type { Limits } from "../../src/limits.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { createTestClock } from "./clock.ts";
import { initialize, jsonHeaders } from "./http_harness.ts";

const folders: string[] = [];
const gateways: GatewayHandle[] = [];

/** Closes all gateways, and removes all folders. */
export async function clearStorage(): Promise<void> {
  await closeGateways();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
}

/** Stops all gateways in good order. */
export async function closeGateways(): Promise<void> {
  for (const gateway of gateways.splice(0)) {
    gateway.drain();
    await gateway.close();
  }
}

/** A new empty folder. */
export function newDataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-storage-"));
  folders.push(folder);
  return folder;
}

/** Starts a gateway on a data folder; with a clock of its own, the returned one does nothing. */
export async function startStored(
  runtime: Runtime,
  dataDirectory: string,
  options: { readonly clock?: Clock; readonly limits?: Partial<Limits> } = {},
) {
  const config: GatewayConfig = {
    servers: [],
    names: "auto",
    warnings: [],
    files: [],
    secrets: [],
    host: "127.0.0.1",
    port: 8999,
    dataDirectory,
    sessionTimeoutMs: 3_600_000,
    allowedOrigins: [],
    allowedHosts: [],
    logLevel: "INFO",
    debug: false,
  };
  const clock = createTestClock();
  const lines: string[] = [];
  const gateway = await createGateway({
    config,
    runtime,
    clock,
    console: (line) => void lines.push(line),
    ...options,
  });
  gateways.push(gateway);
  const send = (method: string, path: string, init: RequestInit = {}) => {
    const headers = { host: "127.0.0.1:8999", ...init.headers as Record<string, string> };
    return gateway.fetch(
      new Request(`http://127.0.0.1:8999${path}`, { ...init, method, headers }),
    );
  };
  return {
    clock,
    lines,
    async open() {
      const body = JSON.stringify(initialize("2025-11-25"));
      const response = await send("POST", "/mcp", { headers: jsonHeaders, body });
      await response.text();
      return response;
    },
    async ping(session: string) {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
      const headers = { ...jsonHeaders, "mcp-session-id": session };
      return (await send("POST", "/mcp", { headers, body })).status;
    },
    async end(session: string) {
      return (await send("DELETE", "/mcp", { headers: { "mcp-session-id": session } })).status;
    },
    async health(headers: Record<string, string> = {}) {
      const response = await send("GET", "/health", { headers });
      const body = await response.json() as Record<string, unknown>;
      return { code: response.status, status: body["status"], reason: body["reason"] };
    },
  };
}
