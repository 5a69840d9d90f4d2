/**
 * A server that issues credentials as a test says: an authorization server's token endpoint and
 * metadata, or an API's log-in request. It records every request, and can be slow, silent or gone.
 */
import { type FaultServer, serveFaults } from "./fault_server.ts";

/** One request as it came. */
export interface TokenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** The members of a form; empty for other bodies. */
  readonly form: Readonly<Record<string, string>>;
  /** From 1. */
  readonly count: number;
}

/** An answer: JSON unless it is text; `hang` never comes, `break` cuts the connection. */
export type TokenReply = "hang" | "break" | {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

/** A running server. */
export interface TokenServer extends Pick<FaultServer, "origin" | "port" | "close"> {
  readonly tokenUrl: string;
  readonly requests: readonly TokenRequest[];
  /** What it answers from now on. */
  reply: (request: TokenRequest) => TokenReply | Promise<TokenReply>;
}

/** Serves `reply`, which a test may change. */
export async function serveTokens(reply: TokenServer["reply"]): Promise<TokenServer> {
  const requests: TokenRequest[] = [];
  const server = await serveFaults(async (incoming, response) => {
    const { method, url, headers, body } = seenOf(server, requests.length);
    const isForm = headers["content-type"] === "application/x-www-form-urlencoded";
    const form = isForm ? Object.fromEntries(new URLSearchParams(body)) : {};
    const request = { method, path: url, headers, body, form, count: requests.length + 1 };
    requests.push(request);
    const answer = await tokens.reply(request);
    if (answer === "hang") return;
    if (answer === "break") return void incoming.socket.destroy();
    const { status = 200, body: value = {}, headers: more = {} } = answer;
    response.writeHead(status, { "content-type": "application/json", ...more });
    response.end(typeof value === "string" ? value : JSON.stringify(value));
  });
  const tokens: TokenServer = {
    origin: server.origin,
    port: server.port,
    close: server.close,
    tokenUrl: `${server.origin}/token`,
    requests,
    reply,
  };
  return tokens;
}

function seenOf(server: FaultServer, index: number) {
  const seen = server.seen[index];
  if (seen === undefined) throw new Error(`Cannot find request ${index}`);
  return seen;
}

/** The answer with a token. */
export function tokenReply(token: string, more: Readonly<Record<string, unknown>> = {}) {
  return { body: { access_token: token, token_type: "Bearer", ...more } };
}
