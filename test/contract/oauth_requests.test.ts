/**
 * Authorization requests: which errors go back to the client and which end on a page of the
 * gateway, so that it never becomes an open redirect; redirect URIs, proof keys, scopes, issuers.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  ada,
  approve,
  askAuthorization,
  base,
  challenge,
  loopback,
  type OAuthGateway,
  openOAuthGateway,
  redeem,
  register,
  waitingIdOf,
} from "../support/oauth_gateway.ts";

const testMs = 60_000;

let opened: OAuthGateway;
beforeAll(async () => {
  opened = await openOAuthGateway({
    limits: { registrationsPerAddressMax: 1_000, waitingPerAddressMax: 10 },
    settings: {
      clients: [
        { id: "own", name: "Own", redirectUris: ["https://app.example/back?x=1"] },
        { id: "machine", secret: "a-secret-of-the-machine", grants: ["client_credentials"] },
      ],
    },
  });
}, testMs);
afterAll(() => opened.close(), testMs);

const clientWith = async (...uris: string[]) =>
  String((await register(opened, { redirect_uris: uris }))["client_id"]);

/** What became of a request. */
async function outcomeOf(response: Response) {
  const location = response.headers.get("location");
  if (location === null) return { page: response.status, text: await response.text() };
  if (location.startsWith(`${base}/oauth/consent?`)) return { waits: true };
  const url = new URL(location);
  return { to: location.split(/[?&](?:error|code)=/)[0], ...Object.fromEntries(url.searchParams) };
}

describe("redirect URIs", () => {
  const matching: [string, string, boolean][] = [
    ["http://127.0.0.1/callback", "http://127.0.0.1:4711/callback", true],
    ["http://127.0.0.1/callback", "http://localhost:4711/callback", true],
    ["http://localhost:1/callback", "http://[::1]:2/callback", true],
    ["http://127.0.0.1/callback", "http://127.0.0.1:4711/other", false],
    ["http://127.0.0.1/callback", "https://127.0.0.1:4711/callback", false],
    ["http://127.0.0.1/callback", "http://127.0.0.1.evil.example/callback", false],
    ["http://127.0.0.1/callback", "http://127.0.0.1:80@evil.example/callback", false],
    ["http://127.0.0.1/callback", "http://user@127.0.0.1/callback", false],
    ["http://127.0.0.1/callback", "http://localhost.evil.example/callback", false],
    ["http://127.0.0.1/callback", "http://127.0.0.1:4711/callback#x", false],
    ["http://127.0.0.1/callback", "http://127.0.0.1:4711/callback?x=1", false],
    ["http://127.0.0.1/callback", "http://127.0.0.1:4711/callback/", false],
    ["https://a.example/cb", "https://a.example/cb", true],
    ["https://a.example/cb", "https://a.example/cb/", false],
    ["https://a.example/cb", "https://a.example:443/cb", false],
    ["https://a.example/cb", "https://A.example/cb", false],
    ["https://a.example/cb", "https://a.example/cb?x", false],
    ["https://a.example/cb", "https://a.example.evil.example/cb", false],
    ["https://a.example/cb", "https://a.example@evil.example/cb", false],
    ["https://a.example/cb", "https://evil.example/?https://a.example/cb", false],
    ["https://a.example/cb", "https://a.example\\@evil.example/cb", false],
    ["https://a.example/cb", "//a.example/cb", false],
    ["https://a.example/cb", "javascript:alert(1)", false],
    [
      "cursor://anysphere.cursor-mcp/oauth/callback",
      "cursor://anysphere.cursor-mcp/oauth/callback",
      true,
    ],
    [
      "cursor://anysphere.cursor-mcp/oauth/callback",
      "cursor://anysphere.cursor-mcp/oauth/other",
      false,
    ],
  ];
  for (const [own, asked, isMatch] of matching) {
    test(`${asked} ${isMatch ? "is" : "is not"} ${own}`, async () => {
      const client = await clientWith(own);
      const response = await askAuthorization(opened, client, { redirect_uri: asked });
      const outcome = await outcomeOf(response);
      if (isMatch) return expect(outcome).toEqual({ waits: true });
      expect(outcome).toMatchObject({ page: 400 });
    });
  }

  test("three of one program's registration all work, its own scheme included", async () => {
    const uris = [
      "http://localhost:8787/callback",
      "https://www.cursor.com/agents/mcp/oauth/callback",
      "cursor://anysphere.cursor-mcp/oauth/callback",
    ];
    const client = await clientWith(...uris);
    for (const uri of uris) {
      const response = await askAuthorization(opened, client, { redirect_uri: uri });
      const redirect = await approve(opened, response);
      expect(redirect.href.startsWith(uri)).toBe(true);
      const code = redirect.searchParams.get("code") ?? "";
      expect((await redeem(opened, client, code, { redirect_uri: uri })).status).toBe(200);
    }
  });

  test("that the client has only one of need not be named", async () => {
    const redirect = await approve(
      opened,
      await askAuthorization(opened, "own", { redirect_uri: "" }),
    );
    expect(redirect.href.startsWith("https://app.example/back?x=1&code=")).toBe(true);
    const code = redirect.searchParams.get("code") ?? "";
    expect((await redeem(opened, "own", code, { redirect_uri: "" })).status).toBe(200);
  });
});

describe("an error", () => {
  const faults: [string, Record<string, string>, string][] = [
    ["another response type", { response_type: "token" }, "unsupported_response_type"],
    ["no response type", { response_type: "" }, "invalid_request"],
    ["no proof key", { code_challenge: "" }, "invalid_request"],
    ["a plain proof key", { code_challenge_method: "plain" }, "invalid_request"],
    ["a proof key without its method", { code_challenge_method: "" }, "invalid_request"],
    ["a malformed proof key", { code_challenge: "short" }, "invalid_request"],
    ["unknown scopes alone", { scope: "openid email" }, "invalid_scope"],
    ["a pattern of servers", { scope: "mcp:server:* mcp:server:ch*" }, "invalid_scope"],
    ["another gateway's resource", { resource: "https://other.example/mcp" }, "invalid_target"],
    ["a resource that is no endpoint", { resource: `${base}/health` }, "invalid_target"],
    ["a form as the response", { response_mode: "form_post" }, "invalid_request"],
    ["no person", { prompt: "none" }, "interaction_required"],
    ["a request object", { request: "e30.e30." }, "request_not_supported"],
    ["a request URI", { request_uri: "https://a.example/r" }, "request_uri_not_supported"],
  ];
  for (const [what, changes, error] of faults) {
    test(`about ${what} goes back to a client of the person's machine, with the issuer`, async () => {
      const client = await clientWith(loopback);
      const outcome = await outcomeOf(await askAuthorization(opened, client, changes));
      expect(outcome).toMatchObject({ to: loopback, error, state: "the-state", iss: base });
    });
  }

  test("of a client that no person ever approved stays on a page of the gateway", async () => {
    const uri = "https://stranger.example/cb";
    const client = await clientWith(uri);
    const ask = () => askAuthorization(opened, client, { redirect_uri: uri, scope: "email" });
    const before = await outcomeOf(await ask());
    expect(before).toMatchObject({ page: 400 });
    await approve(opened, await askAuthorization(opened, client, { redirect_uri: uri }));
    expect(await outcomeOf(await ask())).toMatchObject({ to: uri, error: "invalid_scope" });
  });

  test("of an unknown client is a page without links and markup of the request", async () => {
    const response = await askAuthorization(opened, "<script>alert(1)</script>");
    expect(response.status).toBe(400);
    expect(response.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    const text = await response.text();
    expect(text).toContain("The client is unknown");
    expect(text).not.toContain("<script>");
  });

  test("about a repeated parameter or a long one is a page", async () => {
    for (
      const query of ["client_id=own&client_id=own", `client_id=own&state=${"x".repeat(5_000)}`]
    ) {
      expect((await opened.fetch(`${base}/oauth/authorize?${query}`)).status).toBe(400);
    }
  });

  test("about a machine's client, which may not send people, is a page", async () => {
    expect((await askAuthorization(opened, "machine")).status).toBe(400);
  });
});

describe("a request that waits", () => {
  test("shows the person who asks for what", async () => {
    const client = String(
      (await register(opened, { client_name: "Editor", client_uri: "https://editor.example/" }))[
        "client_id"
      ],
    );
    const response = await askAuthorization(opened, client, {
      scope: "mcp:server:child offline_access email",
    });
    expect(await opened.gateway.oauth?.waiting.find(waitingIdOf(response))).toMatchObject({
      client: { id: client, kind: "registration", name: "Editor", uri: "https://editor.example/" },
      redirectUri: loopback,
      surface: "/mcp",
      scopes: ["mcp:server:child", "offline_access"],
    });
  });

  test("is answered once", async () => {
    const client = await clientWith(loopback);
    const id = waitingIdOf(await askAuthorization(opened, client));
    const waiting = opened.gateway.oauth?.waiting;
    const scopes = ["mcp", "admin"];
    const url = new URL(await waiting?.approve(id, ada, scopes) ?? "");
    expect(await waiting?.approve(id, ada, scopes)).toBeUndefined();
    expect(await waiting?.refuse(id)).toBeUndefined();
    const { body } = await redeem(opened, client, url.searchParams.get("code") ?? "");
    expect(body["scope"]).toBe("mcp");
  });

  test("that the person denies ends at the client with access_denied and the issuer", async () => {
    const client = await clientWith(loopback);
    const id = waitingIdOf(await askAuthorization(opened, client));
    const url = new URL(await opened.gateway.oauth?.waiting.refuse(id) ?? "");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      error: "access_denied",
      state: "the-state",
      iss: base,
    });
  });

  test("is over after ten minutes", async () => {
    const client = await clientWith(loopback);
    const id = waitingIdOf(await askAuthorization(opened, client));
    opened.clock.advance(600_001);
    expect(await opened.gateway.oauth?.waiting.find(id)).toBeUndefined();
  });

  test("gives way to newer ones of the same address only", async () => {
    const client = await clientWith(loopback);
    const askFrom = (remoteAddress: string) => {
      const query = new URLSearchParams({
        client_id: client,
        response_type: "code",
        redirect_uri: loopback,
        code_challenge: challenge,
        code_challenge_method: "S256",
      });
      const headers = { host: "localhost:8999" };
      const request = new Request(`${base}/oauth/authorize?${query}`, { headers });
      return opened.gateway.fetch(request, { remoteAddress });
    };
    const mine = waitingIdOf(await askFrom("192.0.2.8"));
    const first = waitingIdOf(await askFrom("192.0.2.9"));
    for (let count = 0; count < 10; count += 1) await askFrom("192.0.2.9");
    const waiting = opened.gateway.oauth?.waiting;
    expect(await waiting?.find(first)).toBeUndefined();
    expect((await waiting?.find(mine))?.id).toBe(mine);
  });
});

describe("the issuer", () => {
  test("is the one by whose URL the client came, in metadata, answers and errors alike", async () => {
    for (const origin of [base, "http://127.0.0.1:8999"]) {
      const metadata =
        await (await opened.fetch(`${origin}/.well-known/oauth-authorization-server`))
          .json() as Record<string, unknown>;
      expect(metadata["issuer"]).toBe(origin);
      expect(metadata["authorization_response_iss_parameter_supported"]).toBe(true);
      const query = new URLSearchParams({ client_id: "own", response_type: "nothing" });
      const response = await opened.fetch(`${origin}/oauth/authorize?${query}`);
      expect(new URL(response.headers.get("location") ?? "").searchParams.get("iss")).toBe(origin);
    }
  });
});
