/**
 * Tokens for which an identity provider vouches (SEP-990), against real servers: token exchange
 * there, then the grant `jwt-bearer`, and what no identity provider may cause.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { EnterpriseConfig } from "../../../src/config/config.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestCredentialStore, never, useOf } from "../../support/credentials.ts";
import {
  serveTokens,
  type TokenReply,
  tokenReply,
  type TokenServer,
} from "../../support/token_server.ts";
import { openKind } from "../../support/token_kinds.ts";
import { until } from "../../support/wait.ts";

const servers: TokenServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const idJag = "urn:ietf:params:oauth:token-type:id-jag";
const vouched = (assertion: string): TokenReply => ({
  body: { access_token: assertion, issued_token_type: idJag, token_type: "N_A" },
});
const described = (issuer: string, more: object = {}): TokenReply => ({
  body: { issuer, token_endpoint: `${issuer}/token`, ...more },
});

interface Given {
  readonly config?: Partial<EnterpriseConfig>;
  /** What the identity provider answers to an exchange. */
  readonly vouch?: TokenServer["reply"];
  /** What it says about itself. */
  readonly describe?: (origin: string) => TokenReply;
  /** What the authorization server answers. */
  readonly issue?: TokenServer["reply"];
}

async function serve(reply: TokenServer["reply"], about = described): Promise<TokenServer> {
  const server: TokenServer = await serveTokens((request) =>
    request.method === "GET" ? about(server.origin) : reply(request)
  );
  servers.push(server);
  return server;
}

async function open({
  config,
  vouch = ({ count }) => vouched(`a.b.${count}`),
  describe,
  issue = ({ count }) => tokenReply(`token-${count}`, { expires_in: 600 }),
}: Given = {}) {
  const provider = await serve(vouch, describe);
  const server = await serve(issue);
  const clock = createTestClock();
  const files = new Map<string, string | undefined>([["/id", "id-token-of-ada"]]);
  const credentials: EnterpriseConfig = {
    type: "enterprise",
    issuer: server.origin,
    clientAuthentication: "basic",
    clientId: "gateway at server",
    clientSecret: "server-secret",
    identityProvider: {
      issuer: provider.origin,
      clientAuthentication: "post",
      clientId: "gateway at provider",
      clientSecret: "provider-secret",
    },
    subjectToken: { file: "/id" },
    subjectTokenType: "id_token",
    resource: "https://mcp.test/mcp",
    ...config,
  };
  const posts = (to: TokenServer) => to.requests.filter(({ method }) => method === "POST");
  return {
    ...{ provider, server, clock, files },
    exchanges: () => posts(provider),
    grants: () => posts(server),
    ...openKind({ credentials, clock, files }),
  };
}

describe("an enterprise's user", () => {
  test("gets a token by an assertion of the identity provider", async () => {
    const { server, exchanges, grants, sent, deps } = await open({ config: { scope: "read" } });
    expect(await sent()).toBe("Bearer token-2");
    expect(exchanges().map(({ form }) => form)).toEqual([{
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      requested_token_type: idJag,
      subject_token: "id-token-of-ada",
      subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
      audience: server.origin,
      resource: "https://mcp.test/mcp",
      scope: "read",
      client_id: "gateway at provider",
      client_secret: "provider-secret",
    }]);
    const [grant] = grants();
    expect(grant?.form).toEqual({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      assertion: "a.b.2",
      scope: "read",
    });
    expect(grant?.headers["authorization"])
      .toBe(`Basic ${btoa("gateway+at+server:server-secret")}`);
    // Neither server gets what is meant for the other.
    expect(JSON.stringify(exchanges())).not.toContain("server-secret");
    expect(JSON.stringify(grants())).not.toContain("provider-secret");
    expect(JSON.stringify(grants())).not.toContain("id-token-of-ada");
    for (const secret of ["a.b.2", "id-token-of-ada", "server-secret", "provider-secret"]) {
      expect([secret, deps.hidden.has(secret)]).toEqual([secret, true]);
    }
    expect(JSON.stringify(deps.store.saved)).not.toContain("a.b.2");
  });

  test("gets each token by a new assertion", async () => {
    const { grants, clock, sent } = await open();
    await sent();
    clock.advance(600_000);
    await sent();
    expect(new Set(grants().map(({ form }) => form["assertion"])).size).toBe(2);
  });

  test("can be known by a refresh token or a SAML assertion", async () => {
    for (const subjectTokenType of ["refresh_token", "saml2"] as const) {
      const { exchanges, sent } = await open({ config: { subjectTokenType } });
      await sent();
      expect(exchanges()[0]?.form["subject_token_type"])
        .toBe(`urn:ietf:params:oauth:token-type:${subjectTokenType}`);
    }
  });

  test("causes one exchange for 200 calls", async () => {
    const { exchanges, grants, authorization } = await open();
    const all = await Promise.all(
      Array.from({ length: 200 }, () => authorization.get(useOf(), never)),
    );
    expect(all.every(({ state }) => state === "ready")).toBe(true);
    expect([exchanges().length, grants().length]).toEqual([1, 1]);
  });

  test("of another name gets a token of their own", async () => {
    const { files, sent } = await open();
    expect(await sent()).toBe("Bearer token-2");
    files.set("/id", "id-token-of-bob");
    expect(await sent()).toBe("Bearer token-3");
  });
});

describe("an identity provider that does not vouch", () => {
  const rows: readonly (readonly [string, Given, string])[] = [
    [
      "because the user's token is too old",
      { vouch: () => ({ status: 400, body: { error: "invalid_grant", why: "hunter2" } }) },
      "its identity provider refuses the user's token (invalid_grant); the user has to log in",
    ],
    [
      "for this server",
      { vouch: () => ({ status: 400, body: { error: "invalid_target" } }) },
      "its identity provider issues no assertions for this server (invalid_target)",
    ],
    [
      "for this client",
      { vouch: () => ({ status: 401, body: { error: "invalid_client" } }) },
      "refuses to issue a token (invalid_client); correct credentials.identityProvider",
    ],
    [
      "but redirects",
      { vouch: () => ({ status: 307, headers: { location: "/hunter2" } }) },
      "redirects, which secrets do not follow; correct credentials.identityProvider.tokenUrl",
    ],
    [
      "but answers with a page",
      { vouch: () => ({ body: "<p>hunter2" }) },
      "its identity provider answers with an unreadable body",
    ],
    [
      "but gives an access token",
      { vouch: () => tokenReply("hunter2") },
      "its identity provider answers without an identity assertion (ID-JAG)",
    ],
    [
      "but gives something else",
      { vouch: () => vouched("hunter2&a=b") },
      "its identity provider answers without an identity assertion (ID-JAG)",
    ],
    [
      "and is another one",
      { describe: () => described("https://other.test") },
      "its identity provider names another issuer; correct credentials.identityProvider.issuer",
    ],
    [
      "and names an address inside",
      { describe: (origin) => described(origin, { token_endpoint: "https://10.1.2.3/token" }) },
      "its identity provider leads to a private address that is not in the configuration",
    ],
    [
      "and names no encrypted place",
      { describe: (origin) => described(origin, { token_endpoint: "http://id.test/token" }) },
      "its identity provider names no https: URL for tokens",
    ],
    ["and is broken", { vouch: () => ({ status: 502 }) }, "answers with status 502"],
  ];
  for (const [what, given, words] of rows) {
    test(`${what}, is reported in the gateway's words`, async () => {
      const { problem, grants, deps } = await open(given);
      const told = await problem();
      expect(told).toContain(words);
      await problem();
      const shown = `${told} ${JSON.stringify(deps.records)}`;
      for (const secret of ["hunter2", "id-token-of-ada", "provider-secret", "server-secret"]) {
        expect(shown).not.toContain(secret);
      }
      expect(grants()).toEqual([]);
    });
  }

  test("but hangs, fails the calls at their time limit", async () => {
    const { authorization, provider, clock, deps } = await open({ vouch: () => "hang" });
    const credential = authorization.get(useOf(), never);
    await until("the exchange", () => provider.requests.length === 2);
    clock.advance(deps.limits.credentialMs);
    expect(await credential).toMatchObject({
      problem: "has no credentials: its identity provider cannot be reached",
    });
  });
});

describe("an authorization server that gets an assertion", () => {
  test("and refuses it, as it does with an expired one, is not asked again at once", async () => {
    const refused = (): TokenReply => ({ status: 400, body: { error: "invalid_grant" } });
    const { problem, sent, exchanges, grants, server, clock, deps } = await open({
      issue: refused,
    });
    expect(await problem())
      .toContain("its authorization server refuses the assertion of the identity provider");
    await problem();
    expect([exchanges().length, grants().length]).toEqual([1, 1]);
    clock.advance(deps.limits.credentialRefusedMs);
    server.reply = () => tokenReply("token");
    // The next try has a new assertion.
    expect(await sent()).toBe("Bearer token");
    expect(new Set(grants().map(({ form }) => form["assertion"])).size).toBe(2);
  });
});

describe("an authorization server that the MCP server names", () => {
  const discovered = async (url = "http://127.0.0.1:1/mcp") => {
    const server = await serve(({ count }) => tokenReply(`token-${count}`, { expires_in: 600 }));
    const asked: (string | undefined)[] = [];
    const remote = {
      url,
      issuer: server.origin,
      find(challenge: string | undefined) {
        asked.push(challenge);
        return Promise.resolve({
          issuer: remote.issuer,
          tokenUrl: server.tokenUrl,
          metadata: {},
          resource: url,
          scopes: ["read", "write"],
        });
      },
    };
    const store = createTestCredentialStore();
    const clock = createTestClock();
    const credentials = {
      type: "oauth2",
      grant: "client_credentials",
      clientAuthentication: "basic",
      clientId: "me",
      clientSecret: "client-secret",
    } as const;
    const make = () => openKind({ credentials, clock, remote, store });
    return { server, remote, asked, clock, make, ...make() };
  };

  test("issues a token for this resource and the scopes that the server names", async () => {
    const { server, remote, sent } = await discovered();
    expect(await sent()).toBe("Bearer token-1");
    expect(server.requests[0]?.form).toEqual({
      grant_type: "client_credentials",
      scope: "read write",
      resource: remote.url,
    });
  });

  test("gets no secret when it is another one than before, even after a restart", async () => {
    const { server, remote, sent, clock, make } = await discovered();
    await sent();
    remote.issuer = "https://thief.test";
    clock.advance(3_700_000);
    expect(await make().problem()).toContain(
      "its authorization server is another one than before, according to the server; if that is " +
        "right, set credentials.issuer",
    );
    expect(server.requests.length).toBe(1);
  });

  test("must be at a public address when the server is not on this machine", async () => {
    const { server, problem } = await discovered("https://mcp.test/mcp");
    expect(await problem()).toContain(
      "its authorization server leads to a private address that is not in the configuration",
    );
    expect(server.requests.length).toBe(0);
  });

  test("is looked for again after a token was refused", async () => {
    const { asked, authorization, context } = await discovered();
    const refused = await context();
    expect(asked).toEqual([undefined]);
    const refusal = { status: 401, challenge: 'Bearer scope="a"', nonce: undefined };
    expect(await authorization.renew(refused, useOf(), never, refusal)).toBe(true);
    expect(asked).toEqual([undefined, refusal.challenge]);
  });
});
