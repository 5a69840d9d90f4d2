/** Where a server's authorization server is, and what no server and no issuer may cause. */
import { describe, expect, test } from "bun:test";
import { readChallenge } from "../../../src/grants/challenge.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { callback, patient, startGrantGateway } from "../../support/grant_gateway.ts";
import type { IssuerKnobs } from "../../support/grant_issuer.ts";
import { createScriptedRuntime } from "../../support/http_caller.ts";
import { createTestLog } from "../../support/log.ts";
import { createTestGrants } from "../../support/test_grants.ts";

const json = (body: unknown, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });

describe("a challenge", () => {
  const rows: readonly [string, unknown][] = [
    [
      'Bearer resource_metadata="https://a.example/x", scope="a b"',
      { resourceMetadata: "https://a.example/x", scopes: ["a", "b"], error: undefined },
    ],
    [
      'Basic realm="x", DPoP algs="ES256", Bearer error="insufficient_scope", scope="a"',
      { resourceMetadata: undefined, scopes: ["a"], error: "insufficient_scope" },
    ],
    ["Bearer", { resourceMetadata: undefined, scopes: undefined, error: undefined }],
    ["bearer realm=x,scope=a", { resourceMetadata: undefined, scopes: ["a"], error: undefined }],
    ['Negotiate abc==, Bearer scope="a"', expect.objectContaining({ scopes: ["a"] })],
    ['Bearer scope="a\\"b \x01 c"', expect.objectContaining({ scopes: ["c"] })],
    ['Bearer scope="a", scope="b"', expect.objectContaining({ scopes: ["a"] })],
    ['Bearer scope="unclosed', expect.objectContaining({ scopes: undefined })],
    ['Basic realm="Bearer scope=a"', undefined],
    ["", undefined],
    [`Bearer scope="${"a".repeat(10_000)}"`, undefined],
  ];
  for (const [header, read] of rows) {
    test(`${header.slice(0, 60) || "that is empty"} is read`, () => {
      expect(readChallenge(header, defaultLimits)).toEqual(read as never);
    });
  }
});

/** Begins a log-in after the server's challenge. */
async function beginAt(knobs: Partial<IssuerKnobs>, options = {}) {
  const gateway = await startGrantGateway({ knobs, ...options });
  await gateway.call("user:ada");
  const outcome = await gateway.begin("user:ada").then(
    ({ url }) => ({ url: new URL(url), message: "" }),
    (thrown: Error) => ({ url: undefined, message: thrown.message }),
  );
  const { far } = gateway;
  return { ...gateway, ...outcome, far };
}

describe("a server's authorization server", () => {
  const refused: readonly [string, Partial<IssuerKnobs>, string][] = [
    [
      "metadata about another resource",
      { resource: { resource: "https://evil.example/mcp" } },
      "another resource",
    ],
    [
      "metadata about another port",
      { resource: { resource: "http://127.0.0.1:1/mcp/more" } },
      "another resource",
    ],
    ["metadata without a resource", { resource: { resource: undefined } }, "another resource"],
    [
      "metadata without an issuer",
      { resource: { authorization_servers: [] } },
      "no authorization server",
    ],
    [
      "an issuer at a private address",
      { resource: { authorization_servers: ["https://10.0.0.1"] } },
      "private address",
    ],
    [
      "an issuer without TLS",
      { resource: { authorization_servers: ["http://as.example"] } },
      "no authorization server that may be used",
    ],
    [
      "an issuer with a login in its URL",
      { resource: { authorization_servers: ["https://me:pw@as.example"] } },
      "no authorization server that may be used",
    ],
    [
      "issuer metadata of another issuer",
      { metadata: { issuer: "https://evil.example" } },
      "another issuer",
    ],
    [
      "issuer metadata without PKCE",
      { metadata: { code_challenge_methods_supported: undefined } },
      "PKCE",
    ],
    [
      "issuer metadata with plain PKCE only",
      { metadata: { code_challenge_methods_supported: ["plain"] } },
      "PKCE",
    ],
    [
      "a token endpoint without TLS",
      { metadata: { token_endpoint: "http://as.example/t" } },
      "no usable URL",
    ],
    [
      "an authorization endpoint that is a script",
      { metadata: { authorization_endpoint: "javascript:alert(1)" } },
      "no usable URL",
    ],
    ["an issuer without metadata", { metadata: null }, "has no metadata"],
    [
      "no registration",
      { metadata: { registration_endpoint: undefined } },
      "set oauth.clientId",
    ],
  ];
  for (const [name, knobs, says] of refused) {
    test(`is not used with ${name}`, async () => {
      const { message, far, close } = await beginAt(knobs);
      expect(message).toContain('Server "far"');
      expect(message).toContain(says);
      expect(far.at("/register").length + far.at("/token").length).toBe(0);
      await close();
    });
  }

  const steps: readonly [string, Partial<IssuerKnobs>, RegExp][] = [
    [
      "its metadata is about another resource",
      { resource: { resource: "https://evil.example/mcp" } },
      /another resource than the server's URL; check the "url" in mcp\.json; if it is right, ask/,
    ],
    [
      "its issuer has no metadata",
      { metadata: null },
      /has no metadata; check the "url" in mcp\.json; if it is right, ask the operator/,
    ],
    [
      "its issuer is at a private address",
      { resource: { authorization_servers: ["https://10.0.0.1"] } },
      /a private address that is not in the configuration; see the gateway's log, or begin/,
    ],
  ];
  for (const [name, knobs, says] of steps) {
    test(`says what to do if ${name}`, async () => {
      const { message, close } = await beginAt(knobs);
      expect(message).toMatch(says);
      await close();
    });
  }

  test("is to be looked at from the gateway's machine if it does not answer", async () => {
    const grants = createTestGrants({
      runtime: {
        ...createScriptedRuntime(() => json({}, 503)),
        readText: () => Promise.resolve(undefined),
        sha256: (text: string) => text,
        nextTurn: (run: () => void) => void setTimeout(run, 0),
      },
      log: createTestLog(),
    });
    const url = "https://down.example/mcp?key=secret";
    grants.authorizationOf({ name: "down", url, oauth: { grant: "shared", connectTool: true } });
    const request = { server: "down", principal: "", redirectUri: callback, browser: "b" };
    const thrown = await grants.begin(request, patient).catch(({ message }: Error) => message);
    expect(thrown).toContain("its metadata answers with status 503; check that down.example");
    expect(thrown).not.toContain("secret");
    grants.close();
  });

  test("is not looked for at a place that leads inside", async () => {
    const challenge = { resource_metadata: "http://169.254.169.254/latest/meta-data" };
    const gateway = await startGrantGateway({ knobs: { resource: null } });
    const { authorization, useOf } = gateway;
    const context = { headers: {}, query: {}, cookies: {} };
    const header = `Bearer resource_metadata="${challenge.resource_metadata}"`;
    const { signal } = new AbortController();
    const refusal = { status: 401, challenge: header, nonce: undefined };
    expect(await authorization.renew(context, useOf("user:ada"), signal, refusal)).toBe(true);
    await expect(gateway.begin("user:ada")).rejects.toThrow("does not request");
    await gateway.close();
  });

  for (const isDescribed of [true, false]) {
    const name = isDescribed ? "at the places of its metadata" : "at fixed places";
    test(`is the server itself if it has no metadata of its own, ${name}`, async () => {
      const asked: string[] = [];
      const runtime = createScriptedRuntime(({ url, method }) => {
        asked.push(`${method} ${url}`);
        if (method === "POST") return json({ client_id: "client-1" }, 201);
        const isMetadata = url === "https://old.example/.well-known/oauth-authorization-server";
        return isDescribed && isMetadata
          ? json({
            issuer: "https://old.example",
            authorization_endpoint: "https://old.example/own/authorize",
            token_endpoint: "https://old.example/own/token",
            registration_endpoint: "https://old.example/own/register",
            code_challenge_methods_supported: ["S256"],
          })
          : new Response("no such page", { status: 404 });
      });
      const readText = () => Promise.resolve(undefined);
      const sha256 = (text: string) => text;
      const grants = createTestGrants({
        runtime: { ...runtime, readText, sha256, nextTurn: queueMicrotask },
        log: createTestLog(),
      });
      grants.authorizationOf({
        name: "old",
        url: "https://old.example/v1/mcp",
        oauth: { grant: "shared", connectTool: true },
      });
      const request = { server: "old", principal: "", redirectUri: callback, browser: "b" };
      const url = new URL((await grants.begin(request, patient)).url);
      const base = isDescribed ? "https://old.example/own" : "https://old.example";
      expect(`${url.origin}${url.pathname}`).toBe(`${base}/authorize`);
      expect(url.searchParams.get("resource")).toBe("https://old.example/v1/mcp");
      expect(asked.at(-1)).toBe(`POST ${base}/register`);
      grants.close();
    });
  }

  const scopes: readonly [string, Partial<IssuerKnobs>, object, string | null][] = [
    ["the challenge", { challenge: { scope: "a b" } }, {}, "a b"],
    ["the server's metadata", { resource: { scopes_supported: ["c", "d"] } }, {}, "c d"],
    ["the configuration", { challenge: { scope: "a b" } }, { scopes: ["e"] }, "e"],
    ["nowhere", {}, {}, null],
    [
      "the challenge, and offline_access that the issuer lists",
      { challenge: { scope: "a" }, metadata: { scopes_supported: ["offline_access"] } },
      {},
      "a offline_access",
    ],
    [
      "the challenge without offline_access that the issuer does not list",
      { challenge: { scope: "a offline_access" } },
      {},
      "a",
    ],
  ];
  for (const [name, knobs, oauth, scope] of scopes) {
    test(`is asked for scopes of ${name}`, async () => {
      const { url, close } = await beginAt(knobs, { oauth });
      expect(url?.searchParams.get("scope")).toBe(scope as never);
      await close();
    });
  }

  test("gets the gateway's document where it takes documents", async () => {
    const knobs = { metadata: { client_id_metadata_document_supported: true } };
    const clientMetadataUrl = "https://gateway.example/client.json";
    const { url, far, close } = await beginAt(knobs, { oauth: { clientMetadataUrl } });
    expect(url?.searchParams.get("client_id")).toBe(clientMetadataUrl);
    expect(far.at("/register")).toEqual([]);
    await close();
  });

  test("gets a client by hand before all others, with its secret in the right place", async () => {
    const methods = {
      client_secret_basic: ["client_secret_basic"],
      client_secret_post: ["client_secret_post"],
    };
    for (const [method, supported] of Object.entries(methods)) {
      const gateway = await startGrantGateway({
        knobs: { metadata: { token_endpoint_auth_methods_supported: supported } },
        oauth: {
          clientId: "by-hand_1.0*",
          clientSecret: "s3 cret:%",
          redirectUri: `${callback}/own`,
        },
      });
      await gateway.call("user:ada");
      await gateway.logIn("user:ada");
      const [request] = gateway.far.at("/token");
      expect(request?.form.get("client_secret")).toBe(
        method === "client_secret_post" ? "s3 cret:%" : null,
      );
      // Form-encoded, without an escape for what forms leave alone.
      expect(request?.authorization).toBe(
        method === "client_secret_basic" ? `Basic ${btoa("by-hand_1.0*:s3+cret%3A%25")}` : null,
      );
      expect(request?.form.get("redirect_uri")).toBe(`${callback}/own`);
      await gateway.close();
    }
  });
});

describe("many refused calls at once", () => {
  test("look for the authorization server once, also if it cannot be found", async () => {
    const gateway = await startGrantGateway({ knobs: { challenge: null } });
    const { far, call } = gateway;
    const place = "/.well-known/oauth-authorization-server";
    const states = await Promise.all(Array.from({ length: 30 }, () => call("user:ada")));
    expect(states.every((one) => typeof one === "object" && one.state === "needs_person"))
      .toBe(true);
    expect(far.at(place)).toHaveLength(1);
    await gateway.close();

    const broken = { challenge: null, metadata: { issuer: "https://other.example" } };
    const lost = await startGrantGateway({ knobs: broken });
    for (let calls = 0; calls < 5; calls += 1) expect(await lost.call("user:ada")).toBe(401);
    expect(lost.far.at(place)).toHaveLength(1);
    lost.far.knobs.metadata = {};
    lost.clock.advance(60_000);
    expect(await lost.call("user:ada")).toMatchObject({ state: "needs_person" });
    await lost.close();
  });
});

test("an issuer whose name could write on the operator's screen is not used", async () => {
  const hidden = ["https://a.example/\u001b[2J", " https://a.example", "https://a.example/\n"];
  const gateway = await startGrantGateway({
    knobs: { resource: { authorization_servers: hidden } },
  });
  await expect(gateway.begin("user:ada")).rejects.toThrow("names no authorization server");
  await gateway.close();
});
