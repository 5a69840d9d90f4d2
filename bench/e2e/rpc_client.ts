/**
 * The load generator's MCP client: as little as it can do per request, but every answer is compared
 * with what its own request must get, so that a fast wrong answer is never measured.
 */

import { openSseLine, type SseLine } from "./sse_line.ts";

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** Where a target is reached, and how. */
export interface Endpoint {
  readonly url: string;
  /** `sse` is HTTP+SSE, the transport of 2024-11-05. */
  readonly transport: "http" | "sse";
  /** What stands before the name of each tool. */
  readonly toolPrefix: string;
  /** What every request carries, such as a credential. Absent: nothing. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A session of the handshake revisions, or what stands in for one: where its requests go. */
export interface Connection {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly toolPrefix: string;
  /** Where answers come, if not as answers to the POST. */
  readonly line?: SseLine;
}

/** The handshake revision that the sessions speak. */
export const revision = "2025-11-25";

const excerptChars = 300;
const baseHeaders = {
  "content-type": "application/json",
  "accept": "application/json, text/event-stream",
};

/** A connection without a session. */
export const connectionTo = (
  { url, toolPrefix, headers: own = {} }: Pick<Endpoint, "url" | "toolPrefix" | "headers">,
  headers: Record<string, string> = {},
): Connection => ({ url, toolPrefix, headers: { ...baseHeaders, ...own, ...headers } });

function messagesIn(body: string, type: string): Json[] {
  if (!type.includes("text/event-stream")) return body === "" ? [] : [JSON.parse(body) as Json];
  return body.split("\n").filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice("data: ".length)) as Json);
}

/** Sends one message; resolves with all messages of the answer's body and its session. */
export async function send(
  { url, headers, line }: Connection,
  message: Json,
): Promise<{ messages: Json[]; session: string | null }> {
  const answer = message["id"] === undefined ? undefined : line?.answerTo(message["id"]);
  // Its rejection is seen below, unless the POST fails first.
  answer?.catch(() => {});
  const response = await fetch(url, {
    method: "POST",
    headers,
    body: JSON.stringify({ jsonrpc: "2.0", ...message }),
  });
  const body = await response.text();
  if (!response.ok) {
    throw new Error(`HTTP ${response.status} to ${message["method"]}: ${excerpt(body)}`);
  }
  if (line !== undefined) {
    return { messages: answer === undefined ? [] : [await answer], session: null };
  }
  return {
    messages: messagesIn(body, response.headers.get("content-type") ?? ""),
    session: response.headers.get("mcp-session-id"),
  };
}

const excerpt = (value: unknown): string =>
  (typeof value === "string" ? value : JSON.stringify(value) ?? "nothing").slice(0, excerptChars);

/** Whether two JSON values are the same. */
export function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) {
    return one === other;
  }
  const entries = Object.entries(one);
  return entries.length === Object.keys(other).length &&
    entries.every(([name, value]) => isSame(value, (other as Json)[name]));
}

/** Throws unless the message answers the request `id` with these members in its result. */
export function assertAnswer(message: Json | undefined, id: unknown, members: Json): void {
  const result = message?.["result"] as Json | undefined;
  const isRight = message?.["id"] === id && result !== undefined &&
    Object.entries(members).every(([name, value]) => isSame(value, result[name]));
  if (isRight) return;
  throw new Error(
    `Wrong answer to request ${id}: got ${excerpt(message)}, expected ${excerpt(members)}`,
  );
}

/** The handshake: `initialize`, then `notifications/initialized`. */
export async function openSession(endpoint: Endpoint, id: number): Promise<Connection> {
  const { toolPrefix, transport, headers } = endpoint;
  const line = transport === "sse" ? await openSseLine(endpoint.url) : undefined;
  const target = { url: line?.posts ?? endpoint.url, toolPrefix, ...(headers && { headers }) };
  const opening = { ...connectionTo(target), ...(line && { line }) };
  const { messages, session } = await send(opening, {
    id,
    method: "initialize",
    params: {
      protocolVersion: revision,
      capabilities: {},
      clientInfo: { name: "bench", version: "1" },
    },
  });
  assertAnswer(messages.at(-1), id, {});
  const { protocolVersion } = messages.at(-1)?.["result"] as Json;
  const connection = connectionTo(target, {
    "mcp-protocol-version": String(protocolVersion),
    // The bare proxy has no sessions; its requests are as long as the others.
    "mcp-session-id": session ?? "00000000-0000-4000-8000-000000000000",
  });
  const opened = { ...connection, ...(line && { line }) };
  await send(opened, { method: "notifications/initialized" });
  return opened;
}

/** Ends a session; a proxy without sessions refuses that. */
export async function endSession({ url, headers, line }: Connection): Promise<void> {
  if (line !== undefined) return line.close();
  const response = await fetch(url, { method: "DELETE", headers });
  await response.body?.cancel();
}
