/**
 * A client of 2026-07-28 for tests of the HTTP layer: each request has its own `_meta`, and its
 * headers repeat what its body says.
 */
import type { JsonObject } from "../../src/model.ts";
import type { FetchContext } from "../../src/runtime/runtime.ts";
import { type Harness, identity, jsonHeaders } from "./http_harness.ts";

/** The stateless revision. */
export const modern = "2026-07-28";

const prefix = "io.modelcontextprotocol/";

/** The key under which frames of a notification stream name it. */
export const subscriptionKey = `${prefix}subscriptionId`;

/** What every result's `_meta` holds: who answered. */
export const signature = { [`${prefix}serverInfo`]: identity };

/** What a test can decide about one request. */
export interface AskOptions {
  readonly id?: unknown;
  /** Without `io.modelcontextprotocol/`. */
  readonly meta?: JsonObject;
  /** Beside the usual ones; undefined takes one away. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly path?: string;
  readonly context?: FetchContext;
  readonly signal?: AbortSignal;
  readonly progressToken?: unknown;
}

/** The `_meta` of a request. */
export function envelope(members: JsonObject = {}): JsonObject {
  const all: JsonObject = {
    protocolVersion: modern,
    clientCapabilities: {},
    clientInfo: { name: "test", version: "1" },
    ...members,
  };
  const named = Object.entries(all).map(([name, value]) => [`${prefix}${name}`, value]);
  return Object.fromEntries(named) as JsonObject;
}

/** The headers that repeat a message. */
export function mirror(method: string, params: JsonObject): Record<string, string> {
  const name = method === "resources/read" ? params.uri : params.taskId ?? params.name;
  return {
    ...jsonHeaders,
    "mcp-protocol-version": modern,
    "mcp-method": method,
    ...(typeof name === "string" ? { "mcp-name": name } : {}),
  };
}

/** Sends one request. */
export function ask(
  { send }: Pick<Harness, "send">,
  method: string,
  params: JsonObject = {},
  options: AskOptions = {},
): Promise<Response> {
  const { id = 1, meta, path = "/mcp", context, signal, progressToken } = options;
  const _meta = { ...envelope(meta), ...(progressToken !== undefined && { progressToken }) };
  const headers: Record<string, string | undefined> = {
    ...mirror(method, params),
    ...options.headers,
  };
  const present = Object.entries(headers).filter((pair): pair is [string, string] =>
    pair[1] !== undefined
  );
  return send("POST", path, {
    headers: Object.fromEntries(present),
    body: { jsonrpc: "2.0", id, method, params: { ...params, _meta } },
    ...(context !== undefined && { context }),
    ...(signal !== undefined && { signal }),
  });
}

/** Calls the tool that a test answers by hand. */
export function askSlow(harness: Pick<Harness, "send">, options?: AskOptions): Promise<Response> {
  return ask(harness, "tools/call", { name: "slow", arguments: {} }, options);
}
