/**
 * A remote MCP server whose every answer a test may write by hand: rules by JSON-RPC method (or by
 * HTTP method, for what has no message), over a real socket. What no rule is about is answered as a
 * well-behaved server of its kind does. It remembers all that came.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { JsonObject } from "../../src/model.ts";
import { type FaultServer, serveFaults } from "../support/fault_server.ts";

/** One request of the gateway, and the ways to answer it. */
export interface Visit {
  /** `GET`, `POST` or `DELETE`. */
  readonly verb: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  /** The message of a POST; empty otherwise. */
  readonly message: JsonObject;
  /** Its method; "" of an answer. */
  readonly method: string;
  readonly params: JsonObject;
  readonly session: string | undefined;
  /** Resolves when the gateway has let go of it, or all was sent. */
  readonly gone: Promise<void>;
  /** When it came, by the server's clock. */
  readonly at: number;
  json(value: unknown, status?: number, headers?: Record<string, string>): void;
  /** The JSON-RPC result of the message, as one body. */
  result(value: JsonObject, headers?: Record<string, string>): void;
  /** A JSON-RPC error with the message's id, unless another is given. */
  error(status: number, error: JsonObject, id?: unknown): void;
  status(code: number, headers?: Record<string, string>, body?: string): void;
  /** Breaks the connection without a word. */
  cut(): void;
  /** Begins an event stream, or another body that comes in pieces. */
  stream(headers?: Record<string, string>, status?: number): EventStream;
}

/** An answer in events. */
export interface EventStream {
  /** One frame; data that is no text is written as JSON. */
  event(frame: { event?: string; id?: string; retry?: number; data?: unknown }): void;
  /** Bytes as they are. */
  raw(text: string): void;
  /** The result of the message whose stream it is, or of another. */
  result(value: JsonObject, id?: unknown): void;
  end(): void;
  /** Breaks the connection, once what was written had time to leave. */
  cut(): void;
}

/** Answers one visit. */
export type Rule = (visit: Visit) => unknown;

/** Rules by method, or by HTTP method where there is no message, or `answer`. */
export type Rules = Record<string, Rule>;

/** A running server. */
export interface HostileUpstream
  extends Pick<FaultServer, "port" | "origin" | "connections" | "peak"> {
  readonly url: string;
  readonly visits: readonly Visit[];
  /** Those of one rule. */
  of(name: string): Visit[];
  /** May be changed at any time. */
  readonly rules: Rules;
  close(): Promise<void>;
}

const textResult = (text: string): JsonObject => ({ content: [{ type: "text", text }] });
/** The result that says what was called with what. */
export const echo = (visit: Visit): JsonObject =>
  textResult(JSON.stringify(visit.params["arguments"] ?? {}));

const description = {
  capabilities: { tools: {}, logging: {}, resources: { subscribe: true } },
  serverInfo: { name: "hostile", version: "1" },
};
const tools = [{ name: "work", inputSchema: { type: "object" } }];

/** A server of the handshake's era, with sessions `s1`, `s2` …, and no stream of its own. */
export function sessionRules(): Rules {
  let sessions = 0;
  return {
    initialize: (visit) =>
      visit.result({ protocolVersion: visit.params["protocolVersion"], ...description }, {
        "mcp-session-id": `s${++sessions}`,
      }),
    "tools/list": (visit) => visit.result({ tools }),
    "tools/call": (visit) => visit.result(echo(visit)),
    "logging/setLevel": (visit) => visit.result({}),
    "resources/subscribe": (visit) => visit.result({}),
    "resources/list": (visit) => visit.result({ resources: [] }),
    "resources/templates/list": (visit) => visit.result({ resourceTemplates: [] }),
    notification: (visit) => visit.status(202),
    answer: (visit) => visit.status(202),
    GET: (visit) => visit.status(405),
    DELETE: (visit) => visit.status(200),
    other: (visit) => visit.error(200, { code: -32601, message: "Method not found" }),
  };
}

/** A server of 2026-07-28, without anything to listen to. */
export function statelessRules(listed: JsonObject[] = tools): Rules {
  const hints = { resultType: "complete", ttlMs: 0, cacheScope: "private" };
  const unknown: Rule = (visit) => visit.error(404, { code: -32601, message: "Method not found" });
  return {
    "server/discover": (visit) =>
      visit.result({
        supportedVersions: ["2026-07-28"],
        capabilities: { tools: {} },
        ...hints,
      }),
    "tools/list": (visit) => visit.result({ tools: listed, ...hints }),
    "tools/call": (visit) => visit.result({ ...echo(visit), resultType: "complete" }),
    notification: (visit) => visit.status(202),
    answer: (visit) => visit.status(400),
    GET: (visit) => visit.status(405),
    DELETE: (visit) => visit.status(405),
    other: unknown,
  };
}

/** A server of the oldest transport: all it says comes on the newest stream. */
export function lineRules(): Rules & { readonly line: () => EventStream } {
  let line: EventStream | undefined;
  const later = (value: (visit: Visit) => JsonObject): Rule => (visit) => {
    visit.status(202);
    line?.result(value(visit), visit.message["id"]);
  };
  const rules = {
    GET(visit: Visit) {
      line = visit.stream();
      line.event({ event: "endpoint", data: "/messages?key=1" });
    },
    initialize: later(({ params }) => ({
      protocolVersion: params["protocolVersion"],
      ...description,
    })),
    "tools/list": later(() => ({ tools })),
    "tools/call": later(echo),
    notification: (visit: Visit) => visit.status(202),
    answer: (visit: Visit) => visit.status(202),
    other: later(() => ({})),
  };
  const current = () => {
    if (line === undefined) throw new Error("No stream was opened yet");
    return line;
  };
  return Object.defineProperty(rules, "line", { value: current }) as
    & typeof rules
    & { readonly line: typeof current };
}

/** Serves `rules` at `/mcp` of its origin. */
export async function serveUpstream(rules: Rules): Promise<HostileUpstream> {
  const visits: Visit[] = [];
  const server = await serveFaults((request, response) => {
    const visit = toVisit(request, response, server.seen.at(-1)?.body ?? "");
    visits.push(visit);
    ruleOf(rules, visit)?.(visit);
  });
  const { port, origin, connections, peak, close } = server;
  const ruleOf = (all: Rules, visit: Visit): Rule | undefined => all[nameOf(visit, all)];
  return {
    port,
    origin,
    connections,
    peak,
    close,
    rules,
    visits,
    url: `${origin}/mcp`,
    of: (name) => visits.filter((visit) => nameOf(visit) === name || nameOf(visit, rules) === name),
  };
}

/** The name of a visit, or of the rule that is about it. */
function nameOf({ verb, method, message }: Visit, rules?: Rules): string {
  if (verb !== "POST") return verb;
  if (method === "") return "answer";
  if (rules === undefined || method in rules) return method;
  return "id" in message ? "other" : "notification";
}

function toVisit(request: IncomingMessage, response: ServerResponse, body: string): Visit {
  const message = body === "" ? {} : JSON.parse(body) as JsonObject;
  const { method = "", params = {}, id } = message as {
    method?: string;
    params?: JsonObject;
    id?: unknown;
  };
  const json: Visit["json"] = (value, status = 200, headers = {}) =>
    void response.writeHead(status, { "content-type": "application/json", ...headers })
      .end(JSON.stringify(value));
  const session = request.headers["mcp-session-id"];
  return {
    verb: request.method ?? "",
    path: request.url ?? "",
    headers: request.headers,
    message,
    method,
    params,
    session: Array.isArray(session) ? session[0] : session,
    at: performance.now(),
    gone: new Promise((resolve) => response.once("close", resolve)),
    json,
    result: (value, headers) => json({ jsonrpc: "2.0", id, result: value }, 200, headers),
    error: (status, error, other = id) => json({ jsonrpc: "2.0", id: other, error }, status),
    status: (code, headers = {}, text = "") => void response.writeHead(code, headers).end(text),
    cut: () => void response.destroy(),
    stream(headers = {}, code = 200) {
      response.writeHead(code, { "content-type": "text/event-stream", ...headers });
      return toStream(response, id);
    },
  };
}

function toStream(
  response: ServerResponse,
  own: unknown,
): EventStream {
  response.flushHeaders();
  const raw = (text: string): void => void response.write(text);
  const event: EventStream["event"] = ({ event, id, retry, data = "" }) => {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    raw(
      (event === undefined ? "" : `event: ${event}\n`) + (id === undefined ? "" : `id: ${id}\n`) +
        (retry === undefined ? "" : `retry: ${retry}\n`) + `data: ${text}\n\n`,
    );
  };
  return {
    event,
    raw,
    result: (result, id = own) => event({ data: { jsonrpc: "2.0", id, result } }),
    end: () => void response.end(),
    cut: () => void setTimeout(() => response.destroy(), 20),
  };
}
