/**
 * Discovery: the challenge of the door, the metadata of resources and of the authorization server
 * at every path where clients look, and surfaces whose clients must not find it.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import {
  base,
  knock,
  logIn,
  type OAuthGateway,
  openOAuthGateway,
} from "../support/oauth_gateway.ts";

const testMs = 60_000;
const wellKnown = "/.well-known/oauth-protected-resource";

let open: OAuthGateway;
let hiding: OAuthGateway;
beforeAll(async () => {
  open = await openOAuthGateway();
  hiding = await openOAuthGateway({ settings: { discovery: { "/servers/child": false } } });
}, testMs);
afterAll(async () => {
  await open.close();
  await hiding.close();
}, testMs);

async function read(url: string, { fetch }: OAuthGateway = open): Promise<JsonObject> {
  const response = await fetch(url.startsWith("/") ? `${base}${url}` : url);
  const { status } = response;
  return { status, ...await response.json() as JsonObject };
}

describe("H11 the metadata of a resource", () => {
  const paths = [
    "/mcp",
    "/sse",
    "/servers/child/mcp",
    "/servers/child/streamable",
    "/servers/child/sse",
    "/servers/no%20such/mcp",
  ];
  for (const path of paths) {
    test(`of ${path} names the URL that a person typed`, async () => {
      expect(await read(`${wellKnown}${path}`)).toEqual({
        status: 200,
        resource: `${base}${path}`,
        authorization_servers: [base],
        scopes_supported: ["mcp", "offline_access"],
        bearer_methods_supported: ["header"],
        resource_name: "mcp-wrapper",
      });
      expect(await read(`${path}${wellKnown}`)).toMatchObject({ resource: `${base}${path}` });
    });
  }

  test("at the root is that of the whole gateway", async () => {
    expect(await read(wellKnown)).toMatchObject({ resource: base, authorization_servers: [base] });
  });

  test("is the same for a server that exists and one that does not", async () => {
    const [one, other] = await Promise.all([
      read(`${wellKnown}/servers/child/mcp`),
      read(`${wellKnown}/servers/ghost/mcp`),
    ]);
    expect(JSON.stringify(other).replace("ghost", "child")).toBe(JSON.stringify(one));
  });

  test("is nowhere else", async () => {
    for (const path of ["/health", "/servers/mcp", "/servers/a/b/mcp", "/mcp/x", "//mcp"]) {
      expect((await open.fetch(`${base}${wellKnown}${path}`)).status).toBe(404);
    }
  });

  test("is what the challenge of each endpoint points to", async () => {
    for (const path of [...paths, "/messages"]) {
      const response = await open.fetch(`${base}${path}`, { method: "GET" });
      await response.text();
      expect(response.status).toBe(401);
      const header = response.headers.get("www-authenticate") ?? "";
      const [, url = ""] = /resource_metadata="([^"]+)"/.exec(header) ?? [];
      expect(header).toContain('scope="mcp offline_access"');
      expect(await read(url)).toMatchObject({ status: 200 });
    }
  });
});

describe("the metadata of the authorization server", () => {
  const names = ["oauth-authorization-server", "openid-configuration"];
  const places = names.flatMap((name) => [
    `/.well-known/${name}`,
    `/.well-known/${name}/mcp`,
    `/mcp/.well-known/${name}`,
    `/.well-known/${name}/servers/child/mcp`,
    `/servers/child/mcp/.well-known/${name}`,
  ]);
  for (const place of places) {
    test(`is at ${place}`, async () => {
      expect(await read(place)).toMatchObject({
        status: 200,
        issuer: base,
        authorization_endpoint: `${base}/oauth/authorize`,
        token_endpoint: `${base}/oauth/token`,
        registration_endpoint: `${base}/oauth/register`,
        revocation_endpoint: `${base}/oauth/revoke`,
        response_types_supported: ["code"],
        grant_types_supported: ["authorization_code", "refresh_token"],
        code_challenge_methods_supported: ["S256"],
        token_endpoint_auth_methods_supported: expect.arrayContaining(["none", "private_key_jwt"]),
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: true,
      });
    });
  }

  test("names a key set that is empty, since no ID tokens are issued", async () => {
    const { jwks_uri: url } = await read("/.well-known/openid-configuration");
    expect(await read(String(url))).toEqual({ status: 200, keys: [] });
  });

  test("does not name a registration that is switched off", async () => {
    const closed = await openOAuthGateway({ settings: { registration: "off" } });
    const metadata = await read("/.well-known/oauth-authorization-server", closed);
    expect("registration_endpoint" in metadata).toBe(false);
    const response = await closed.fetch(`${base}/oauth/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ redirect_uris: ["https://a.example/cb"] }),
    });
    expect(response.status).toBe(403);
    await closed.close();
  }, testMs);

  test("has the public URL in it, and is where its path says", async () => {
    const url = "https://mcp.example.com/gateway";
    const behind = await openOAuthGateway({
      env: { MCP_PUBLIC_URL: url, MCP_ALLOWED_HOSTS: "mcp.example.com" },
    });
    const own = `https://mcp.example.com/.well-known/oauth-authorization-server/gateway`;
    expect(await read(own, behind)).toMatchObject({ issuer: url });
    const resource = `https://mcp.example.com${wellKnown}/gateway/mcp`;
    expect(await read(resource, behind)).toMatchObject({
      resource: `${url}/mcp`,
      authorization_servers: [url],
    });
    await behind.close();
  }, testMs);
});

describe("browsers", () => {
  test(
    "may use discovery and the endpoints from the origins that may use the gateway",
    async () => {
      const origin = "http://localhost:6274";
      const listed = await openOAuthGateway({ env: { MCP_ALLOWED_ORIGINS: origin } });
      for (const path of [wellKnown, "/.well-known/oauth-authorization-server", "/oauth/token"]) {
        const preflight = await listed.fetch(`${base}${path}`, {
          method: "OPTIONS",
          headers: { origin, "access-control-request-method": "GET" },
        });
        expect(preflight.status).toBe(204);
        expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
        const other = await listed.fetch(`${base}${path}`, {
          headers: { origin: "https://evil.example" },
        });
        expect(other.status).toBe(403);
      }
      await listed.close();
    },
    testMs,
  );
});

describe("a surface whose clients only send headers", () => {
  test("has no metadata, and its challenge points to none", async () => {
    expect((await hiding.fetch(`${base}${wellKnown}/servers/child/mcp`)).status).toBe(404);
    const header = (await knock(hiding, undefined, "/servers/child/mcp")).headers.get(
      "www-authenticate",
    );
    expect(header).toBe('Bearer realm="mcp-wrapper"');
  });

  test("leaves nothing at the root, where such clients look next", async () => {
    for (
      const path of [
        wellKnown,
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/servers/child/mcp",
        "/servers/child/mcp/.well-known/openid-configuration",
      ]
    ) expect((await hiding.fetch(`${base}${path}`)).status).toBe(404);
  });

  test("leaves the other surfaces with an issuer that has a path of its own", async () => {
    const { authorization_servers: [issuer] = [] } = await read(`${wellKnown}/mcp`, hiding) as {
      authorization_servers?: string[];
    };
    expect(issuer).toBe(`${base}/oauth`);
    const metadata = await read("/.well-known/oauth-authorization-server/oauth", hiding);
    expect(metadata).toMatchObject({ issuer, token_endpoint: `${base}/oauth/token` });
    const { access } = await logIn(hiding);
    expect((await knock(hiding, access)).status).toBe(400);
  });
});
