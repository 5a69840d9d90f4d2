/**
 * The HTTP headers that repeat parts of a message of this era. Toward servers, the gateway builds
 * them for each hop; from clients, it checks them against the body, which decides. Follows "Request
 * Metadata" of the Streamable HTTP transport, 2026-07-28.
 */
import { GatewayError } from "../../errors.ts";
import type { JsonObject } from "../../model.ts";
import type { WireMessage } from "../codec.ts";
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
const named: ReadonlyMap<string, "name" | "uri" | "taskId"> = new Map([
  ["tools/call", "name"],
  ["prompts/get", "name"],
  ["resources/read", "uri"],
  ["tasks/get", "taskId"],
  ["tasks/update", "taskId"],
  ["tasks/cancel", "taskId"],
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

/** The headers of a request that repeat its message; null: it has no such header. */
export interface MirrorHeaders {
  readonly revision: string | null;
  readonly method: string | null;
  /** Only of methods with a name, a URI or a task. */
  readonly name: string | null;
}

/** Reads each of them once, because some runtimes search all headers for each read. */
export function mirrorHeaders(headers: Headers, method: string): MirrorHeaders {
  return {
    revision: headers.get(headerNames.revision),
    method: headers.get(headerNames.method),
    name: named.has(method) ? headers.get(headerNames.name) : null,
  };
}

/** Throws `header_mismatch` if a header contradicts the message. */
export function assertNoContradiction(
  sent: MirrorHeaders,
  message: { readonly method: string; readonly revision: string },
): void {
  assertSame(sent, "revision", message.revision);
  assertSame(sent, "method", message.method);
}

/** Throws `header_mismatch` if a required header is missing or contradicts the message. */
export function assertMirrored(sent: MirrorHeaders, { method, params }: WireMessage): void {
  assertSent(sent, "revision");
  assertSent(sent, "method");
  const member = named.get(method);
  if (member === undefined) return;
  const value = assertSent(sent, "name");
  const decoded = decodeHeaderValue(value);
  if (decoded === undefined) {
    throw mismatch(`Header ${headerNames.name} is marked as Base64 but is not`);
  }
  // Anything but a text is a fault of the params, which are checked next.
  if (typeof params[member] === "string" && decoded !== params[member]) {
    throw mismatch(`Header ${headerNames.name} does not match params.${member}`);
  }
}

function assertSent(sent: MirrorHeaders, member: keyof MirrorHeaders): string {
  const value = sent[member];
  if (value === null) throw mismatch(`Header ${headerNames[member]} is missing`);
  return value;
}

/** These headers are never encoded, because proxies route by their literal text. */
function assertSame(sent: MirrorHeaders, member: "revision" | "method", value: string): void {
  const text = sent[member];
  if (text === null || text === value || text.trim() === value) return;
  throw mismatch(`Header ${headerNames[member]} does not match the message`);
}

function mismatch(message: string): GatewayError {
  return new GatewayError("header_mismatch", message);
}
