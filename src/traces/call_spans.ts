/**
 * The spans of a call that has ended: one of its whole way through the gateway, and one of its way to
 * a server. They have the names and attributes of the OpenTelemetry conventions for MCP, and never
 * arguments or results. What says more is under `mcp_wrapper.`. Not here: how spans are written
 * (otlp_json.ts).
 */
import { type ErrorCode, errorTable } from "../error_table.ts";
import { gatewayPrincipal, type JsonObject } from "../model.ts";
import { clientLine } from "../one_line.ts";
import type { CallEvent } from "../telemetry/call_events.ts";
import type { CallSpans, HopServer } from "../telemetry/call_trace.ts";
import type { SpanContext } from "../trace_context.ts";

/** The kinds of OpenTelemetry's spans that are made here. */
export const spanKinds = { internal: 1, server: 2, client: 3 } as const;

/** A value of an attribute; undefined: the span has no such attribute. */
export type AttributeValue = string | number | undefined;

/** A span that has ended. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
  readonly tracestate?: string | undefined;
  readonly parentId?: string | undefined;
  readonly isParentRemote: boolean;
  readonly link?: SpanContext | undefined;
  readonly name: string;
  readonly kind: typeof spanKinds[keyof typeof spanKinds];
  /** In milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** Why it failed; empty: only the server's own words say it. Absent: it did not fail. */
  readonly failure?: string | undefined;
}

/** The spans of an ended call; none if it is not recorded. `now` is the monotonic time. */
export function spansOf(event: CallEvent, now: number, nameCharsMax: number): readonly Span[] {
  const spans = event.trace?.spans;
  if (spans === undefined) return [];
  const whole = wholeSpan(event, spans, now, nameCharsMax);
  return spans.hop === undefined ? [whole] : [whole, hopSpan(event, spans, spans.hop, now)];
}

/** By the client's name of the item. */
function wholeSpan(event: CallEvent, spans: CallSpans, now: number, nameCharsMax: number): Span {
  const { method, item, principal, clientInfo, surface, server, outcome, failure } = event;
  const isOwn = principal === gatewayPrincipal.id;
  const { traceId, spanId, flags, tracestate, parent, link, begunAt } = spans;
  return {
    traceId,
    spanId,
    flags,
    tracestate,
    parentId: parent?.spanId,
    isParentRemote: parent !== undefined,
    link,
    name: nameOf(method, item),
    // A call of the program itself came over no network.
    kind: isOwn ? spanKinds.internal : spanKinds.server,
    startedAt: timeOf(spans, begunAt),
    endedAt: timeOf(spans, now),
    attributes: {
      ...itemAttributes(method, item),
      "mcp.protocol.version": spans.revision,
      ...(isOwn ? {} : overHttp),
      "mcp_wrapper.surface": surface,
      "mcp_wrapper.server": server,
      "mcp_wrapper.client": clientOf(clientInfo, nameCharsMax),
      // Of a call that neither succeeded nor failed, such as one that its client gave up.
      "mcp_wrapper.outcome": outcome === "ok" || failure !== undefined ? undefined : outcome,
      ...errorAttributes(event),
    },
    failure: failureOf(event),
  };
}

/** By the server's own name of the item. */
function hopSpan(
  event: CallEvent,
  spans: CallSpans,
  { server, begunAt, endedAt }: NonNullable<CallSpans["hop"]>,
  now: number,
): Span {
  const { method, item, own = item } = event;
  const { traceId, spanId, hopId, flags, tracestate } = spans;
  return {
    traceId,
    spanId: hopId,
    flags,
    tracestate,
    parentId: spanId,
    isParentRemote: false,
    name: nameOf(method, own),
    kind: spanKinds.client,
    startedAt: timeOf(spans, begunAt),
    endedAt: timeOf(spans, endedAt ?? now),
    attributes: {
      ...itemAttributes(method, own),
      ...(server === undefined ? {} : networkOf(server)),
      "mcp_wrapper.server": server?.name,
      ...errorAttributes(event),
    },
    failure: failureOf(event),
  };
}

/** Clients say who they are once for many calls. */
const clients = new WeakMap<JsonObject, string>();

function clientOf(clientInfo: JsonObject, charsMax: number): string {
  const known = clients.get(clientInfo);
  if (known !== undefined) return known;
  const line = clientLine(clientInfo, charsMax);
  clients.set(clientInfo, line);
  return line;
}

/** A monotonic time on the wall clock, as it stood when the call began. */
function timeOf({ startedAt, begunAt }: CallSpans, at: number): number {
  return startedAt + (at - begunAt);
}

/** Methods whose items are few, so that they may be part of a name, and the attribute of each. */
const namedItems: Readonly<Record<string, string>> = {
  "tools/call": "gen_ai.tool.name",
  "prompts/get": "gen_ai.prompt.name",
};

const resourceMethods: ReadonlySet<string> = new Set([
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
]);

function nameOf(method: string, item: string | undefined): string {
  return item !== undefined && Object.hasOwn(namedItems, method) ? `${method} ${item}` : method;
}

function itemAttributes(method: string, item: string | undefined): Record<string, AttributeValue> {
  const named = Object.hasOwn(namedItems, method) ? namedItems[method] : undefined;
  return {
    "mcp.method.name": method,
    ...(method === "tools/call" ? { "gen_ai.operation.name": "execute_tool" } : {}),
    ...(named === undefined ? {} : { [named]: item }),
    ...(resourceMethods.has(method) ? { "mcp.resource.uri": item } : {}),
  };
}

const overHttp = { "network.transport": "tcp", "network.protocol.name": "http" } as const;

/** How a server is reached, as far as its kind says it. */
function networkOf({ kind, url, baseUrl = url }: HopServer): Record<string, AttributeValue> {
  if (kind === "stdio") return { "network.transport": "pipe" };
  if (baseUrl === undefined || !URL.canParse(baseUrl)) return {};
  const { hostname, port, protocol } = new URL(baseUrl);
  return {
    ...overHttp,
    "server.address": hostname.replace(/^\[|\]$/g, ""),
    "server.port": port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
  };
}

function errorAttributes({ failure }: CallEvent): Record<string, AttributeValue> {
  if (failure === undefined) return {};
  const { code } = failure;
  // A server's own error has the server's own code, which is not known here.
  const row = code === "upstream_error" ? undefined : errorTable[code as ErrorCode];
  return {
    "error.type": code,
    "rpc.response.status_code": row === undefined ? undefined : String(row.rpc),
  };
}

/** Failures in the words of a server, which may repeat arguments, or are a part of a result. */
const inServersWords: ReadonlySet<string> = new Set(["tool_error", "upstream_error"]);

function failureOf({ failure }: CallEvent): string | undefined {
  if (failure === undefined) return undefined;
  return inServersWords.has(failure.code) ? "" : failure.reason;
}
