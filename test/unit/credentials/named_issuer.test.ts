/**
 * Credentials at an authorization server that the MCP server names itself (RFC 9728), from real
 * servers on this machine: how it is found, and what a server cannot cause by naming one.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { createIssuerFinder } from "../../../src/grants/discovery.ts";
import { createTestClock } from "../../support/clock.ts";
import { createCredentialDeps } from "../../support/credentials.ts";
import { createTestRuntime } from "../../support/fake_runtime.ts";
import {
  serveTokens,
  type TokenReply,
  tokenReply,
  type TokenServer,
} from "../../support/token_server.ts";
import { openKind } from "../../support/token_kinds.ts";

const runtime = await createTestRuntime();
const servers: TokenServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const usual = "/.well-known/oauth-protected-resource/mcp";

interface Given {
  /** Where the server's metadata is; any other place than the usual one is in the challenge. */
  readonly place?: string;
  /** What the metadata of the server and of the authorization server say in addition. */
  readonly resource?: object;
  readonly issuer?: object;
}

async function open({ place = usual, resource = {}, issuer: described = {} }: Given = {}) {
  const issuer: TokenServer = await serveTokens(({ method, path }) => {
    if (method === "POST") return tokenReply("token-1");
    if (path !== "/.well-known/oauth-authorization-server") return { status: 404 };
    return {
      body: {
        issuer: issuer.origin,
        token_endpoint: issuer.tokenUrl,
        authorization_endpoint: `${issuer.origin}/authorize`,
        response_types_supported: ["code"],
        ...described,
      },
    };
  });
  const server: TokenServer = await serveTokens(({ path }): TokenReply => {
    const url = `${server.origin}/mcp`;
    if (path === place) {
      return { body: { resource: url, authorization_servers: [issuer.origin], ...resource } };
    }
    if (path !== "/mcp" || place === usual) return { status: 404 };
    const challenge = `Bearer resource_metadata="${server.origin}${place}", scope="a b"`;
    return { status: 401, headers: { "www-authenticate": challenge } };
  });
  servers.push(issuer, server);
  const url = `${server.origin}/mcp`;
  const clock = createTestClock();
  const deps = createCredentialDeps({ runtime, clock, limits: { httpRetriesMax: 0 } });
  const find = createIssuerFinder({ name: "far", url }, deps);
  const credentials = {
    type: "workload",
    assertion: "header.claims.signature",
  } as const;
  const kind = openKind({ credentials, clock, remote: { url, find } });
  const posts = () => issuer.requests.filter(({ method }) => method === "POST");
  return { issuer, server, url, posts, ...kind };
}

describe("an MCP server that names its authorization server", () => {
  test("at the usual place gets a token of it", async () => {
    const { posts, url, sent, server } = await open({ resource: { scopes_supported: ["read"] } });
    expect(await sent()).toBe("Bearer token-1");
    expect(posts().map(({ form }) => [form["resource"], form["scope"]])).toEqual([[url, "read"]]);
    expect(server.requests.map(({ method, path }) => [method, path]))
      .toEqual([["GET", "/mcp"], ["GET", usual]]);
    // Nothing that grants anything was sent before the server was known.
    expect(JSON.stringify(server.requests)).not.toContain("header.claims");
  });

  test("in its challenge alone gets a token of it, for the scopes of the challenge", async () => {
    const { posts, sent } = await open({ place: "/elsewhere" });
    expect(await sent()).toBe("Bearer token-1");
    expect(posts()[0]?.form["scope"]).toBe("a b");
  });

  const rows: readonly (readonly [string, Given])[] = [
    ["that says it is another one", { issuer: { issuer: "https://other.test" } }],
    ["inside", { resource: { authorization_servers: ["https://10.1.2.3"] } }],
    ["in plain text", { resource: { authorization_servers: ["http://id.test"] } }],
    ["for another server", { resource: { resource: "https://other.test/mcp" } }],
    ["whose tokens come from inside", { issuer: { token_endpoint: "https://10.1.2.3/token" } }],
    ["whose tokens come in plain text", { issuer: { token_endpoint: "http://id.test/token" } }],
  ];
  for (const [what, given] of rows) {
    test(`${what}, gets no token, and the JWT stays here`, async () => {
      const { posts, problem, deps } = await open(given);
      const told = await problem();
      expect(told).not.toContain("header.claims");
      expect(JSON.stringify(deps.records)).not.toContain("header.claims");
      expect(posts()).toEqual([]);
    });
  }
});
