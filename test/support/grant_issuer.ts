/**
 * A protected server and its authorization server, on this machine, with knobs for everything that a
 * broken or hostile one does. A person is played by `follow`: it goes where the browser would go, and
 * returns what comes back to the callback.
 */
import { createHash, randomUUID } from "node:crypto";
import { decodeJwt } from "jose";
import { serveFetch } from "./serve_fetch.ts";

/** What a test may change at any time. */
export interface IssuerKnobs {
  /** Members that replace those of the server's metadata (RFC 9728); null: no metadata at all. */
  resource: Record<string, unknown> | null;
  /** Members that replace those of the issuer's metadata (RFC 8414); null: no metadata at all. */
  metadata: Record<string, unknown> | null;
  /** The challenge's parameters; null: no challenge. */
  challenge: Record<string, string> | null;
  /** `iss` of the callback; null: none; undefined: the right one. */
  iss: string | null | undefined;
  /** How the person answers; undefined: yes. */
  error: string | undefined;
  registration: "yes" | "refuse";
  /** What the token endpoint does; `lose`: it works, and the connection breaks once. */
  token: "answer" | "refuse" | "hang" | "html" | "redirect" | "lose" | "fail" | "no_client";
  /** What the token endpoint decides now arrives only after this. */
  holdTokens: Promise<void> | undefined;
  /** Refresh tokens are replaced with each use, and the old one ends. */
  rotates: boolean;
  /** Refresh tokens are given. */
  refreshes: boolean;
  expiresIn: number | undefined;
  /** Tokens are bound to keys, and both servers demand these nonces in proofs. */
  nonces: { readonly issuer: string; readonly server: string } | undefined;
  /** What is granted; undefined: what is requested. */
  scope: string | undefined;
  /** The protected server speaks MCP, with the tool `read`; otherwise it only shows the token. */
  isMcp: boolean;
}

/** One request to the issuer. */
export interface IssuerRequest {
  readonly path: string;
  readonly form: URLSearchParams;
  readonly authorization: string | null;
  /** The proof (RFC 9449). */
  readonly proof: string | null;
  readonly json: Record<string, unknown> | undefined;
}

/** Both servers at work. */
export interface GrantIssuer {
  readonly knobs: IssuerKnobs;
  /** The URL of the protected server. */
  readonly url: string;
  readonly issuer: string;
  readonly requests: IssuerRequest[];
  /** The requests to one path. */
  at(path: string): readonly IssuerRequest[];
  /** Whether the protected server takes this token now. */
  takes(token: string): boolean;
  /** The protected server refuses all tokens that were given so far. */
  expire(): void;
  /** Refresh tokens that were given so far end. */
  endRefreshTokens(): void;
  /** Goes to a log-in's URL as the person's browser does; the query of the callback. */
  follow(url: string): Promise<URLSearchParams>;
  close(): Promise<void>;
}

/** Whether the proof of a request does not have the nonce that is demanded. */
function lacksNonce({ headers }: Request, nonce: string | undefined): boolean {
  if (nonce === undefined) return false;
  const proof = headers.get("dpop");
  return proof === null || decodeJwt(proof)["nonce"] !== nonce;
}

const json = (value: unknown, status = 200) =>
  new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });

/** Results of the protected server where it speaks MCP, by method. */
const results: Readonly<Record<string, unknown>> = {
  initialize: {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "far", version: "1" },
  },
  "tools/list": { tools: [{ name: "read", inputSchema: { type: "object" } }] },
  "tools/call": { content: [{ type: "text", text: "it was read" }] },
  ping: {},
};

async function speak(request: Request): Promise<Response> {
  if (request.method !== "POST") return new Response(null, { status: 405 });
  const { id, method } = await request.json() as { id?: unknown; method: string };
  if (id === undefined) return new Response(null, { status: 202 });
  const result = results[method];
  const error = { code: -32601, message: "Method not found" };
  return json({ jsonrpc: "2.0", id, ...(result === undefined ? { error } : { result }) });
}

/** Starts both. */
export async function startGrantIssuer(given: Partial<IssuerKnobs> = {}): Promise<GrantIssuer> {
  const knobs: IssuerKnobs = {
    resource: {},
    metadata: {},
    challenge: {},
    iss: undefined,
    error: undefined,
    registration: "yes",
    token: "answer",
    holdTokens: undefined,
    rotates: true,
    refreshes: true,
    expiresIn: 3_600,
    nonces: undefined,
    scope: undefined,
    isMcp: false,
    ...given,
  };
  const requests: IssuerRequest[] = [];
  const tokens = new Set<string>();
  const refreshTokens = new Set<string>();
  const codes = new Map<string, { challenge: string; scope: string | null }>();

  const issue = (scope: string | null): Response => {
    const token = `access-${randomUUID()}`;
    const refresh = `refresh-${randomUUID()}`;
    tokens.add(token);
    if (knobs.refreshes) refreshTokens.add(refresh);
    const granted = knobs.scope ?? scope;
    return json({
      access_token: token,
      token_type: knobs.nonces === undefined ? "Bearer" : "DPoP",
      ...(knobs.expiresIn === undefined ? {} : { expires_in: knobs.expiresIn }),
      ...(knobs.refreshes ? { refresh_token: refresh } : {}),
      ...(granted === null ? {} : { scope: granted }),
    });
  };
  const redeem = (form: URLSearchParams): Response => {
    const code = codes.get(form.get("code") ?? "");
    codes.delete(form.get("code") ?? "");
    const proof = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    return code?.challenge === proof ? issue(code.scope) : json({ error: "invalid_grant" }, 400);
  };
  const refresh = (form: URLSearchParams): Response => {
    const old = form.get("refresh_token") ?? "";
    if (!refreshTokens.has(old)) return json({ error: "invalid_grant" }, 400);
    if (knobs.rotates) refreshTokens.delete(old);
    return issue(null);
  };
  const token = async (form: URLSearchParams, signal: AbortSignal): Promise<Response> => {
    const isCode = form.get("grant_type") === "authorization_code";
    const work = () => isCode ? redeem(form) : refresh(form);
    switch (knobs.token) {
      case "refuse":
        return json({ error: "invalid_grant", error_description: "secret words" }, 400);
      case "no_client":
        return json({ error: "invalid_client" }, 401);
      case "fail":
        return json({ error: "server_error" }, 503);
      case "html":
        return new Response("<html>hello</html>", { headers: { "content-type": "text/html" } });
      case "redirect":
        return new Response(null, { status: 307, headers: { location: `${issuer()}/elsewhere` } });
      case "hang":
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        throw new Error("given up");
      case "lose":
        work();
        knobs.token = "answer";
        throw new Error("the connection breaks");
      case "answer": {
        const answer = work();
        await knobs.holdTokens;
        return answer;
      }
    }
  };
  const authorize = ({ searchParams }: URL): Response => {
    const back = new URL(searchParams.get("redirect_uri") ?? "");
    back.searchParams.set("state", searchParams.get("state") ?? "");
    if (knobs.iss !== null) back.searchParams.set("iss", knobs.iss ?? issuer());
    if (knobs.error === undefined) {
      const code = `code-${randomUUID()}`;
      codes.set(code, {
        challenge: searchParams.get("code_challenge") ?? "",
        scope: searchParams.get("scope"),
      });
      back.searchParams.set("code", code);
    } else {
      back.searchParams.set("error", knobs.error);
      back.searchParams.set("error_description", "words of a stranger");
    }
    return new Response(null, { status: 302, headers: { location: back.href } });
  };

  const served = await serveFetch(async (request) => {
    const url = new URL(request.url);
    const text = request.method === "POST" ? await request.text() : "";
    const isJson = request.headers.get("content-type")?.includes("json") === true;
    requests.push({
      path: url.pathname,
      form: request.method === "POST" ? new URLSearchParams(isJson ? "" : text) : url.searchParams,
      authorization: request.headers.get("authorization"),
      proof: request.headers.get("dpop"),
      json: isJson ? JSON.parse(text) as Record<string, unknown> : undefined,
    });
    if (url.pathname === "/.well-known/oauth-authorization-server" && knobs.metadata !== null) {
      return json({
        issuer: issuer(),
        authorization_endpoint: `${issuer()}/authorize`,
        token_endpoint: `${issuer()}/token`,
        registration_endpoint: `${issuer()}/register`,
        revocation_endpoint: `${issuer()}/revoke`,
        code_challenge_methods_supported: ["S256"],
        token_endpoint_auth_methods_supported: ["none"],
        authorization_response_iss_parameter_supported: true,
        ...knobs.metadata,
      });
    }
    if (url.pathname === "/register") {
      return knobs.registration === "refuse"
        ? json({ error: "invalid_redirect_uri" }, 400)
        : json({ client_id: `client-${randomUUID()}` }, 201);
    }
    if (url.pathname === "/authorize") return authorize(url);
    if (url.pathname === "/token" && lacksNonce(request, knobs.nonces?.issuer)) {
      const headers = { "dpop-nonce": knobs.nonces?.issuer ?? "" };
      return Response.json({ error: "use_dpop_nonce" }, { status: 400, headers });
    }
    if (url.pathname === "/token") return await token(new URLSearchParams(text), request.signal);
    if (url.pathname === "/revoke") {
      const revoked = new URLSearchParams(text).get("token") ?? "";
      tokens.delete(revoked);
      refreshTokens.delete(revoked);
      return new Response(null);
    }
    return new Response("no such page", { status: 404 });
  });
  const issuer = () => `http://127.0.0.1:${served.port}`;

  const resource = await serveFetch(async (request) => {
    const { pathname } = new URL(request.url);
    const own = `http://127.0.0.1:${resource.port}`;
    const place = "/.well-known/oauth-protected-resource/mcp";
    if (pathname === place && knobs.resource !== null) {
      return json({
        resource: `${own}/mcp`,
        authorization_servers: [issuer()],
        ...knobs.resource,
      });
    }
    if (pathname !== "/mcp") return new Response("no such page", { status: 404 });
    const { nonces } = knobs;
    if (request.headers.has("dpop") && lacksNonce(request, nonces?.server)) {
      const headers = {
        "dpop-nonce": nonces?.server ?? "",
        "www-authenticate": 'DPoP error="use_dpop_nonce"',
      };
      return new Response(null, { status: 401, headers });
    }
    const scheme = nonces === undefined ? "Bearer" : "DPoP";
    const bearer = new RegExp(`^${scheme} (.*)$`).exec(request.headers.get("authorization") ?? "")
      ?.[1];
    if (bearer !== undefined && tokens.has(bearer)) {
      return knobs.isMcp ? await speak(request) : json({ token: bearer });
    }
    const { challenge } = knobs;
    const params = Object.entries(challenge ?? {}).map(([name, value]) => `${name}="${value}"`);
    return new Response(null, {
      status: 401,
      headers: challenge === null ? {} : {
        "www-authenticate": `Bearer ${
          [`resource_metadata="${own}${place}"`, ...params].join(", ")
        }`,
      },
    });
  });

  return {
    knobs,
    url: `http://127.0.0.1:${resource.port}/mcp`,
    issuer: issuer(),
    requests,
    at: (path) => requests.filter((request) => request.path === path),
    takes: (bearer) => tokens.has(bearer),
    expire: () => tokens.clear(),
    endRefreshTokens: () => refreshTokens.clear(),
    async follow(url) {
      const response = await fetch(url, { redirect: "manual" });
      await response.body?.cancel();
      return new URL(response.headers.get("location") ?? "").searchParams;
    },
    async close() {
      await served.close();
      await resource.close();
    },
  };
}
