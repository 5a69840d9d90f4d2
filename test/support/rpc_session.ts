/**
 * A session spoken by hand over a real socket: JSON-RPC in `fetch`, with ids that the test chooses.
 * For what SDK clients never do: equal ids in many sessions, malformed requests, no retries.
 */

type Json = Record<string, unknown>;

/** The answer to one request. */
export interface RpcAnswer {
  readonly status: number;
  readonly result?: Json;
  readonly error?: { code: number; message: string; data?: Json };
}

/** One session of a gateway. */
export interface RpcSession {
  readonly id: string;
  request(id: string | number, method: string, params?: Json): Promise<RpcAnswer>;
  /** A tool's answer as text; rejects when there is none. */
  callTool(id: string | number, name: string, args?: Json): Promise<string>;
  /** Sends a notification; resolves when it was taken or refused. */
  notify(method: string, params?: Json): Promise<void>;
  end(): Promise<void>;
}

/** The last JSON-RPC response in a body, be it JSON or a stream of events. */
function responseIn(body: string, type: string): Json {
  if (!type.includes("text/event-stream")) return body === "" ? {} : JSON.parse(body) as Json;
  const messages = body.split("\n").filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice("data: ".length)) as Json);
  return messages.findLast((message) => "result" in message || "error" in message) ?? {};
}

async function post(url: string, body: Json, headers: Record<string, string>) {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "Accept": "application/json, text/event-stream",
      ...headers,
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const message = responseIn(text, response.headers.get("Content-Type") ?? "");
  return { response, message };
}

/** Shakes hands at `url` (with its path) as revision 2025-11-25. */
export async function openRpcSession(url: string): Promise<RpcSession> {
  const revision = "2025-11-25";
  const hello = await post(url, {
    jsonrpc: "2.0",
    id: 0,
    method: "initialize",
    params: {
      protocolVersion: revision,
      capabilities: {},
      clientInfo: { name: "by-hand", version: "1" },
    },
  }, {});
  const id = hello.response.headers.get("Mcp-Session-Id");
  if (id === null) throw new Error(`Cannot initialize: ${JSON.stringify(hello.message)}`);
  return resumeRpcSession(url, id, revision);
}

/** A session that exists already, by its id. */
export function resumeRpcSession(
  url: string,
  sessionId: string,
  revision = "2025-11-25",
): RpcSession {
  const headers = { "Mcp-Session-Id": sessionId, "MCP-Protocol-Version": revision };
  const request = async (id: string | number, method: string, params: Json = {}) => {
    const { response, message } = await post(
      url,
      { jsonrpc: "2.0", id, method, params },
      headers,
    );
    if (message["id"] !== undefined && message["id"] !== id) {
      throw new Error(`Asked with id ${id}, answered with ${JSON.stringify(message["id"])}`);
    }
    return { ...message, status: response.status } as RpcAnswer;
  };
  return {
    id: sessionId,
    request,
    async callTool(id, name, args = {}) {
      const answer = await request(id, "tools/call", { name, arguments: args });
      const content = answer.result?.["content"] as { text?: string }[] | undefined;
      const text = content?.[0]?.text;
      if (text === undefined) throw new Error(`No text in ${JSON.stringify(answer)}`);
      return text;
    },
    async notify(method, params = {}) {
      await post(url, { jsonrpc: "2.0", method, params }, headers);
    },
    async end() {
      const response = await fetch(url, { method: "DELETE", headers });
      await response.body?.cancel();
    },
  };
}
