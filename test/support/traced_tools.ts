/**
 * An MCP server that takes part in traces, as messages alone: `traced_server.ts` puts it on stdio, a
 * test behind HTTP. It sends a span of its own for each call to a collector, below the span that the
 * request names in its `_meta`, and its tools tell what they got. `fail` answers with `isError`, and
 * `refuse` with an error that repeats its arguments.
 */
type Json = Readonly<Record<string, unknown>>;

/** What the server needs. */
export interface TracedServerOptions {
  readonly name: string;
  /** Speaks 2026-07-28 alone, else the handshake alone. */
  readonly isStateless: boolean;
  /** The collector; undefined: it makes no spans. */
  readonly collector?: string | undefined;
}

/** What a tool tells: the trace in `_meta`, and in the headers around it. */
export interface ToldTrace {
  readonly meta: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

const names = ["traceparent", "tracestate", "baggage"];

/** The answer to one message; undefined for a notification. */
export async function answerTraced(
  options: TracedServerOptions,
  { id, method, params = {} }: {
    readonly id?: unknown;
    readonly method: string;
    readonly params?: Json;
  },
  headers: Readonly<Record<string, string>> = {},
): Promise<Json | undefined> {
  if (id === undefined) return undefined;
  if (params["name"] === "refuse") {
    const message = `Cannot take ${JSON.stringify(params["arguments"])}`;
    return { jsonrpc: "2.0", id, error: { code: -32602, message } };
  }
  const result = await resultOf(options, method, params, headers);
  return result === undefined
    ? { jsonrpc: "2.0", id, error: { code: -32601, message: `Unknown method ${method}` } }
    : { jsonrpc: "2.0", id, result };
}

async function resultOf(
  options: TracedServerOptions,
  method: string,
  params: Json,
  headers: Readonly<Record<string, string>>,
): Promise<Json | undefined> {
  const { name, isStateless } = options;
  const complete = isStateless ? { resultType: "complete" } : {};
  const serverInfo = { name, version: "1" };
  const capabilities = { tools: {} };
  switch (method) {
    case "initialize":
      return isStateless ? undefined : { protocolVersion: "2025-11-25", serverInfo, capabilities };
    case "server/discover":
      return isStateless
        ? {
          ...complete,
          supportedVersions: ["2026-07-28"],
          capabilities,
          _meta: { "io.modelcontextprotocol/serverInfo": serverInfo },
        }
        : undefined;
    case "tools/list":
      return {
        ...complete,
        ...(isStateless ? { ttlMs: 60_000, cacheScope: "private" } : {}),
        tools: ["tell", "fail", "refuse"].map((tool) => ({
          name: tool,
          inputSchema: { type: "object" },
        })),
      };
    case "tools/call": {
      const meta = pick((params["_meta"] ?? {}) as Record<string, unknown>);
      await sendSpan(options, `tools/call ${params["name"]}`, meta["traceparent"]);
      const told: ToldTrace = { meta, headers: pick(headers) };
      return {
        ...complete,
        ...(params["name"] === "fail" ? { isError: true } : {}),
        content: [{ type: "text", text: JSON.stringify(told) }],
      };
    }
    default:
      return undefined;
  }
}

function pick(members: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => members[name] === undefined ? [] : [[name, String(members[name])]]),
  );
}

/** Sends a span of a program around the gateway, whose parent a `traceparent` names. */
export async function sendSpan(
  { name: service, collector }: Pick<TracedServerOptions, "name" | "collector">,
  name: string,
  traceparent: string | undefined,
  kind: 2 | 3 = 2,
): Promise<void> {
  const [, traceId, parentSpanId, flags] = traceparent?.split("-") ?? [];
  if (collector === undefined || traceId === undefined || flags === "00") return;
  const now = `${Date.now()}000000`;
  const span = {
    traceId,
    spanId: crypto.randomUUID().replaceAll("-", "").slice(0, 16),
    // A client sends the span itself as the parent of what follows.
    ...(kind === 3 ? { spanId: parentSpanId } : { parentSpanId }),
    name,
    kind,
    startTimeUnixNano: now,
    endTimeUnixNano: now,
  };
  const attributes = [{ key: "service.name", value: { stringValue: service } }];
  await fetch(`${collector}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: [span] }] }],
    }),
  }).then((response) => response.body?.cancel());
}
