/** A gateway with rows of a test's own in its tables, on the `mcp.json` that the test writes. */
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle, type Tables } from "../../src/app.ts";
import type { ServersConfig } from "../../src/config/config.ts";
import { readConfig } from "../../src/config/environment.ts";
import { createTestRuntime } from "./fake_runtime.ts";

/** The gateway, and how to reach it without a socket. */
export interface OwnGateway {
  readonly gateway: GatewayHandle;
  readonly config: ServersConfig;
  readonly send: (
    method: string,
    path: string,
    init?: { readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown },
  ) => Promise<Response>;
}

/** Starts it; the configuration is read with its own kinds of servers. */
export async function startWithTables(
  mcpServers: Readonly<Record<string, unknown>>,
  tables: Partial<Tables>,
): Promise<OwnGateway> {
  const { config } = await readConfig({
    kinds: tables.kinds ?? defaultTables.kinds,
    env: { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
    cwd: "/srv",
    readText: () => Promise.resolve(JSON.stringify({ mcpServers })),
  });
  const gateway = await createGateway({ config, runtime: await createTestRuntime(), ...tables });
  return {
    gateway,
    config,
    send: (method, path, { headers, body } = {}) =>
      gateway.fetch(
        new Request(`http://localhost:8999${path}`, {
          method,
          headers: { host: "localhost:8999", ...headers },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
  };
}

/** The last message of an answer, whichever form it has. */
export async function lastOf(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  return JSON.parse(
    text.startsWith("{") ? text : text.match(/^data: \{.*$/gm)?.at(-1)?.slice(6) ?? "{}",
  );
}
