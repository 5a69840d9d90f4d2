/**
 * A gateway that asks for no credentials: one that other machines reach, and clients with addresses
 * of their own on this machine, or one that this machine alone reaches. Real sockets.
 */
import { request as sendRequest } from "node:http";
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { Limits } from "../../src/limits.ts";
import { echoKind } from "./echo_kind.ts";
import { createTestRuntime } from "./fake_runtime.ts";

/** What a client sends. */
export interface SentFrom {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Sends a request from an address of this machine. */
export type SendFrom = (
  address: string,
) => (method: string, path: string, sent?: SentFrom) => Promise<Response>;

/** The gateway. */
export interface OpenGateway {
  readonly port: number;
  readonly from: SendFrom;
  readonly counts: GatewayHandle["counts"];
  close(): Promise<void>;
}

/** Starts one with these servers and limits; others reach it, unless `host` is a loopback address. */
export async function startOpenGateway(
  mcpServers: Readonly<Record<string, unknown>>,
  limits: Partial<Limits>,
  host: "0.0.0.0" | "127.0.0.1" = "0.0.0.0",
): Promise<OpenGateway> {
  const kinds = [...defaultTables.kinds, echoKind];
  const { config } = await readConfig({
    kinds,
    env: {
      PATH: process.env["PATH"] ?? "",
      MCP_DATA_DIR: ":memory:",
      MCP_CONFIG: "mcp.json",
      MCP_HOST: host,
      MCP_PORT: "0",
      MCP_ALLOW_UNAUTHENTICATED: "true",
    },
    cwd: "/srv",
    readText: () => Promise.resolve(JSON.stringify({ mcpServers })),
  });
  const runtime = await createTestRuntime();
  const gateway = await createGateway({ config, runtime, kinds, limits });
  const { port, close } = await runtime.serve({
    hostname: host,
    port: 0,
    listener: "hardened",
    fetch: gateway.fetch,
  });
  return {
    port,
    counts: gateway.counts,
    from: sendingTo(port),
    async close() {
      await close(0);
      await gateway.close();
    },
  };
}

/** Sends requests to a port of this machine. */
export function sendingTo(port: number): SendFrom {
  return (localAddress) => (method, path, sent = {}) =>
    sendFrom({ port, localAddress, method, path, headers: { ...sent.headers } }, sent.body);
}

function sendFrom(
  options: Readonly<Record<"localAddress" | "method" | "path", string>> & {
    readonly port: number;
    readonly headers: Record<string, string>;
  },
  body: unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const outgoing = sendRequest({ ...options, host: "127.0.0.1", agent: false }, (incoming) => {
      incoming.setEncoding("utf8");
      let text = "";
      incoming.on("data", (chunk: string) => void (text += chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const headers = Object.entries(incoming.headers).map(([name, value]) =>
          [name, String(value)] as [string, string]
        );
        // An empty text is a body, too, which a response of 204 cannot have.
        const body = text === "" ? null : text;
        resolve(new Response(body, { status: incoming.statusCode ?? 0, headers }));
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
