/**
 * The authorization server by the official SDK's own client of OAuth: discovery, registration, code
 * with proof key, refresh, and calls with the token. The gateway is real and has no socket.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { type OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type {
  OAuthClientInformationMixed,
  OAuthTokens,
} from "@modelcontextprotocol/sdk/shared/auth.js";
import {
  ada,
  base,
  loopback,
  type OAuthGateway,
  openOAuthGateway,
} from "../support/oauth_gateway.ts";

const testMs = 60_000;

let opened: OAuthGateway;
afterEach(() => opened.close(), testMs);

/** What a client program keeps, and where it sends its person. */
interface Kept {
  information?: OAuthClientInformationMixed;
  tokens?: OAuthTokens;
  verifier: string;
  sentTo?: URL;
}

function createProvider(kept: Kept): OAuthClientProvider {
  return {
    redirectUrl: loopback,
    clientMetadata: {
      client_name: "An SDK client",
      redirect_uris: [loopback],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    },
    state: () => "a-state",
    clientInformation: () => kept.information,
    saveClientInformation: (information) => void (kept.information = information),
    tokens: () => kept.tokens,
    saveTokens: (tokens) => void (kept.tokens = tokens),
    redirectToAuthorization: (url) => void (kept.sentTo = url),
    saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
    codeVerifier: () => kept.verifier,
  };
}

function createTransport(kept: Kept, path = "/mcp"): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(new URL(`${base}${path}`), {
    authProvider: createProvider(kept),
    fetch: (url, init) => opened.fetch(url, init),
  });
}

/** The person opens the link, approves, and the browser goes back to the client. */
async function follow(kept: Kept): Promise<URL> {
  if (kept.sentTo === undefined) throw new Error("The person was sent nowhere");
  const response = await opened.fetch(kept.sentTo);
  expect(response.status).toBe(302);
  const id = new URL(response.headers.get("location") ?? "").searchParams.get("request") ?? "";
  const waiting = opened.gateway.oauth?.waiting;
  const scopes = (await waiting?.find(id))?.scopes ?? [];
  return new URL(await waiting?.approve(id, ada, scopes) ?? "about:blank");
}

async function connect(kept: Kept, path: string): Promise<Client> {
  const first = createTransport(kept, path);
  const client = new Client({ name: "test", version: "1" });
  await expect(client.connect(first)).rejects.toThrow("Unauthorized");
  const redirect = await follow(kept);
  expect(redirect.searchParams.get("iss")).toBe(base);
  expect(redirect.searchParams.get("state")).toBe("a-state");
  await first.finishAuth(redirect.searchParams.get("code") ?? "");
  const again = new Client({ name: "test", version: "1" });
  await again.connect(createTransport(kept, path));
  return again;
}

describe("the SDK's client", () => {
  for (const path of ["/mcp", "/servers/child/mcp", "/servers/child/streamable"]) {
    test(
      `logs in at ${path}, lists tools, and refreshes its token when it has expired`,
      async () => {
        opened = await openOAuthGateway();
        const kept: Kept = { verifier: "" };
        const client = await connect(kept, path);
        const { tools } = await client.listTools();
        expect(tools.length).toBeGreaterThan(0);
        const before = kept.tokens;
        opened.clock.advance(25 * 3_600_000);
        const later = new Client({ name: "test", version: "1" });
        await later.connect(createTransport(kept, path));
        expect((await later.listTools()).tools).toEqual(tools);
        expect(kept.tokens?.access_token).not.toBe(before?.access_token);
        expect(kept.tokens?.refresh_token).not.toBe(before?.refresh_token);
        await Promise.all([client.close(), later.close()]);
      },
      testMs,
    );
  }
});
