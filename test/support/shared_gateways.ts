/**
 * Several gateways of one process on one engine, as instances of one gateway: each has its own
 * connection to the engine, its own memory, and an internal address on this machine. Clients are
 * known by keys, and a test can make an instance miss what the others announce.
 */
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { Limits } from "../../src/limits.ts";
import { defineKind } from "../../src/upstream/upstream_kinds.ts";
import { echoKind } from "./echo_kind.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { createFakeUpstream, type FakeUpstream } from "./fake_upstream.ts";
import type { Harness } from "./http_harness.ts";
import { openInternal } from "./internal_listener.ts";
import { engineOf, type RedisServer } from "./redis_server.ts";
import { ask } from "./stateless_client.ts";

/** The key of all instances. */
export const sharedSecret = "u8Zq3rT1vX5yB7nM9kL2pQ4sW6eR0tY8";

/** What an instance is started with. */
export interface SharedGatewayOptions {
  readonly redis: RedisServer;
  /** Instances of one gateway have one prefix. */
  readonly prefix: string;
  readonly name: string;
  /** Keys of `mcp.json` next to the server `tools`, and further servers. */
  readonly keys?: Readonly<Record<string, unknown>>;
  readonly servers?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Files that the configuration names, by their paths. */
  readonly files?: Readonly<Record<string, unknown>>;
  readonly limits?: Partial<Limits>;
}

/** One instance. */
export interface SharedGateway {
  readonly gateway: GatewayHandle;
  /** Its server `tools`, which others of its servers are as well. */
  readonly server: FakeUpstream;
  readonly send: Harness["send"];
  /** The log, line by line. */
  readonly lines: readonly string[];
  /** The answer to a call of a tool by a stateless client that shows this key. */
  call(tool: string, key?: string, args?: Readonly<Record<string, unknown>>): Promise<CallOutcome>;
  stop(): Promise<void>;
}

/** What came of a call. */
export interface CallOutcome {
  readonly status: number;
  readonly text: string;
}

/** On a busy machine, the engine and this process may both be late. */
const calm: Partial<Limits> = { engineCommandMs: 60_000, ownerCommandMs: 60_000 };

/** Starts an instance with a server `tools`, whose tool `say` answers with the instance's name. */
export async function startOnEngine(options: SharedGatewayOptions): Promise<SharedGateway> {
  const { redis, prefix, name, keys = {}, servers = {}, env = {}, files = {}, limits = {} } =
    options;
  const runtime = await createTestRuntime();
  const server = createFakeUpstream("tools", {
    tools: [{ name: "say", inputSchema: { type: "object" } }],
  });
  server.script(async () => ({ content: [{ type: "text", text: name }] }));
  // Those that are added later have the same server under other names.
  const kind = defineKind({ ...echoKind, create: () => server });
  const kinds = [...defaultTables.kinds, kind];
  const lines: string[] = [];
  const { config } = await readConfig({
    kinds,
    env: {
      PATH: process.env["PATH"] ?? "",
      MCP_DATA_DIR: ":memory:",
      MCP_CONFIG: "mcp.json",
      MCP_STORE: `${redis.url}?prefix=${engineOf(redis, prefix).prefix}`,
      MCP_SECRET: sharedSecret,
      MCP_TRY_SERVERS: "off",
      ...env,
    },
    cwd: "/srv",
    readText: async (path) =>
      JSON.stringify(files[path]) ??
        JSON.stringify({
          // A gateway with one server would pass any name on to it.
          mcpServers: { tools: { echo: true }, other: { echo: true }, ...servers },
          ...keys,
        }),
  });
  const gateway = await createGateway({
    config,
    runtime,
    kinds,
    instance: name,
    limits: { ...calm, ...limits },
    console: (line) => void lines.push(line),
  });
  const listener = await openInternal(gateway, runtime);
  const send: Harness["send"] = (method, path, { headers, body, signal } = {}) =>
    gateway.fetch(
      new Request(`http://localhost:8999${path}`, {
        method,
        headers: { host: "localhost:8999", ...headers },
        ...(signal === undefined ? {} : { signal }),
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    );
  return {
    gateway,
    server,
    send,
    lines,
    async call(tool, key, args = {}) {
      const headers: Record<string, string> = key === undefined
        ? {}
        : { authorization: `Bearer ${key}` };
      const response = await ask({ send }, "tools/call", { name: tool, arguments: { ...args } }, {
        headers,
      });
      return { status: response.status, text: await response.text() };
    },
    async stop() {
      await gateway.drain();
      await listener.close(0);
      await gateway.close();
    },
  };
}

/** Loses what the instances announce, until the returned function is called. */
export async function loseMessages(redis: RedisServer): Promise<() => Promise<void>> {
  await redis.tell("ACL SETUSER default resetchannels");
  return async () => void await redis.tell("ACL SETUSER default allchannels");
}
