/**
 * The HTTP headers that repeat parts of a message of this era. Toward servers, the gateway builds
 * them for each hop; from clients, it checks them against the body, which decides. Follows "Request
 * Metadata" of the Streamable HTTP transport, 2026-07-28.
 */
import { GatewayError } from "../../errors.ts";
import type { JsonObject } from "../../model.ts";
import type { WireMessage } from "../codec.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { envelopeKeys } from "./envelope.ts";
import { decodeHeaderValue, encodeHeaderValue } from "./header_values.ts";
import { modernRevision } from "./revision.ts";
import { paramHeaders } from "./tool_headers.ts";

/** Header names. */
export const headerNames = {
  revision: "mcp-protocol-version",
  method: "mcp-method",
  name: "mcp-name",
} as const;

/** The member of params that `Mcp-Name` repeats, by method. */
const named: ReadonlyMap<string, "name" | "uri"> = new Map([
  ["tools/call", "name"],
  ["prompts/get", "name"],
  ["resources/read", "uri"],
]);

/** The headers of a message; `tool` is the called tool, if known. */
export function requestHeaders(
  { method, params }: WireMessage,
  tool: JsonObject | undefined,
): Record<string, string> {
  const member = named.get(method);
  const name = member === undefined ? undefined : params[member];
  return {
    [headerNames.revision]: modernRevision,
    [headerNames.method]: method,
    ...(typeof name === "string" ? { [headerNames.name]: encodeHeaderValue(name) } : {}),
    ...Object.fromEntries(
      tool === undefined ? [] : paramHeaders(tool.inputSchema, params.arguments),
    ),
  };
}

/** Throws `header_mismatch` if a header contradicts the message. */
export function assertNoContradiction(
  headers: Headers,
  { method, params }: WireMessage,
): void {
  const meta = isJsonObject(params._meta) ? params._meta : {};
  assertSame(headers, headerNames.revision, meta[envelopeKeys.revision]);
  assertSame(headers, headerNames.method, method);
}

/** Throws `header_mismatch` if a required header is missing or contradicts the message. */
export function assertMirrored(headers: Headers, { method, params }: WireMessage): void {
  for (const name of [headerNames.revision, headerNames.method]) {
    if (headers.get(name) === null) throw mismatch(`Header ${name} is missing`);
  }
  const member = named.get(method);
  if (member === undefined) return;
  const sent = headers.get(headerNames.name);
  if (sent === null) throw mismatch(`Header ${headerNames.name} is missing`);
  const decoded = decodeHeaderValue(sent);
  if (decoded === undefined) {
    throw mismatch(`Header ${headerNames.name} is marked as Base64 but is not`);
  }
  // Anything but a text is a fault of the params, which are checked next.
  if (typeof params[member] === "string" && decoded !== params[member]) {
    throw mismatch(`Header ${headerNames.name} does not match params.${member}`);
  }
}

/** These headers are never encoded, because proxies route by their literal text. */
function assertSame(headers: Headers, name: string, value: unknown): void {
  const sent = headers.get(name);
  if (sent === null || sent.trim() === value) return;
  throw mismatch(`Header ${name} does not match the message`);
}

function mismatch(message: string): GatewayError {
  return new GatewayError("header_mismatch", message);
}
