/**
 * Codes, tokens and grants at the token endpoint and at the door: what is used twice, expired,
 * another's, for another URL, or revoked. A clock that the test steers; the gateway has no socket.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  ada,
  approve,
  askAuthorization,
  base,
  knock,
  logIn,
  type OAuthGateway,
  openOAuthGateway,
  postForm,
  redeem,
  refresh,
  register,
} from "../support/oauth_gateway.ts";

const testMs = 60_000;
const minute = 60_000;
const hour = 60 * minute;

/** The clients of all cases come from one address. */
const limits = { registrationsPerAddressMax: 1_000 };

let opened: OAuthGateway;
beforeAll(async () => {
  opened = await openOAuthGateway({ limits });
}, testMs);
afterAll(() => opened.close(), testMs);

/** Whether the door lets a token in. */
async function takes(token: string | undefined, path?: string): Promise<boolean> {
  const { status } = await knock(opened, token, path);
  expect([400, 401]).toContain(status);
  return status === 400;
}

/** A code that was not redeemed yet. */
async function freshCode(changes: Record<string, string> = {}) {
  const client = String((await register(opened))["client_id"]);
  const redirect = await approve(opened, await askAuthorization(opened, client, changes));
  return { client, code: redirect.searchParams.get("code") ?? "" };
}

describe("a code", () => {
  test("gives an access token for a day and a refresh token without being asked", async () => {
    const { body, access } = await logIn(opened);
    expect(body).toEqual({
      access_token: expect.stringMatching(/^mcpa_[\w-]{43,}$/),
      token_type: "Bearer",
      expires_in: 86_400,
      refresh_token: expect.stringMatching(/^mcpr_[\w-]{43,}$/),
      scope: "mcp offline_access",
    });
    expect(await takes(access)).toBe(true);
  });

  test("is answered with headers that keep tokens out of caches", async () => {
    const { client, code } = await freshCode();
    const { headers } = await redeem(opened, client, code);
    expect(headers.get("cache-control")).toBe("no-store");
  });

  test("that is used twice revokes what the first use gave", async () => {
    const { client, code, access, refresh: token } = await logIn(opened);
    expect(await takes(access)).toBe(true);
    const replayed = await redeem(opened, client, code);
    expect([replayed.status, replayed.body["error"]]).toEqual([400, "invalid_grant"]);
    expect(await takes(access)).toBe(false);
    expect((await refresh(opened, client, token)).body["error"]).toBe("invalid_grant");
  });

  test("that two requests redeem at the same time leaves no grant behind", async () => {
    const { client, code } = await freshCode();
    const answers = await Promise.all([1, 2, 3].map(() => redeem(opened, client, code)));
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    expect(await opened.gateway.oauth?.listGrants({ client })).toEqual([]);
  });

  const refusals: [string, Record<string, string>, string][] = [
    ["with another proof key", { code_verifier: "w".repeat(43) }, "invalid_grant"],
    ["with a proof key that is too short", { code_verifier: "short" }, "invalid_grant"],
    ["without a proof key", { code_verifier: "" }, "invalid_request"],
    ["with another redirect URI", { redirect_uri: "http://127.0.0.1:1/x" }, "invalid_grant"],
    ["for another resource", { resource: `${base}/servers/child/mcp` }, "invalid_target"],
    ["for another gateway", { resource: "https://other.example/mcp" }, "invalid_target"],
    ["with a wider scope", { scope: "mcp admin" }, "invalid_scope"],
    ["with a pattern of servers", { scope: "mcp:server:*" }, "invalid_scope"],
    ["as another grant", { grant_type: "password" }, "unsupported_grant_type"],
    ["as no grant", { grant_type: "" }, "invalid_request"],
    ["as an unknown code", { code: `mcpc_${"a".repeat(43)}` }, "invalid_grant"],
    ["as a text of any form", { code: "guess" }, "invalid_grant"],
  ];
  for (const [what, changes, error] of refusals) {
    test(`is not redeemed ${what}, and can still be redeemed by its owner`, async () => {
      const { client, code } = await freshCode();
      const { status, body } = await redeem(opened, client, code, changes);
      expect([status, body["error"]]).toEqual([400, error]);
      expect((await redeem(opened, client, code)).status).toBe(200);
    });
  }

  test("is redeemed without the redirect URI, as OAuth 2.1 does it", async () => {
    const { client, code } = await freshCode();
    expect((await redeem(opened, client, code, { redirect_uri: "" })).status).toBe(200);
  });

  test("of another client is unknown", async () => {
    const { client, code } = await freshCode();
    const other = String((await register(opened))["client_id"]);
    expect((await redeem(opened, other, code)).body["error"]).toBe("invalid_grant");
    expect((await redeem(opened, client, code)).status).toBe(200);
  });

  test("expires", async () => {
    const { client, code } = await freshCode();
    opened.clock.advance(121_000);
    expect((await redeem(opened, client, code)).body["error"]).toBe("invalid_grant");
  });

  test("of an unknown client is invalid_client with 401, so that the client registers", async () => {
    const { code } = await freshCode();
    const { status, body } = await redeem(opened, "no-such-client", code);
    expect([status, body["error"]]).toEqual([401, "invalid_client"]);
  });

  test("is refused when a parameter is repeated", async () => {
    const { client, code } = await freshCode();
    const form = new URLSearchParams([
      ["grant_type", "authorization_code"],
      ["client_id", client],
      ["code", code],
      ["code", code],
    ]);
    expect((await postForm(opened, "/oauth/token", form)).body["error"]).toBe("invalid_request");
  });

  test("shows the operator which client never redeems its codes", async () => {
    const { client } = await freshCode();
    expect(opened.events).toContainEqual(
      expect.objectContaining({ type: "oauth_step", step: "code_issued", client }),
    );
    const counts = opened.gateway.counts();
    expect(counts["oauth_step.code_issued"]).toBeGreaterThan(
      counts["oauth_step.code_redeemed"] ?? 0,
    );
  });
});

describe("a refresh token", () => {
  test("gives a new pair, and the same pair again for an hour", async () => {
    const { client, refresh: first } = await logIn(opened);
    const second = await refresh(opened, client, first);
    expect(second.status).toBe(200);
    expect(second.body["refresh_token"]).not.toBe(first);
    opened.clock.advance(59 * minute);
    const again = await refresh(opened, client, first);
    expect(again.body["refresh_token"]).toBe(second.body["refresh_token"]);
    expect(again.body["access_token"]).toBe(second.body["access_token"]);
    expect(again.body["expires_in"]).toBe(86_400 - 59 * 60);
    expect(await takes(String(again.body["access_token"]))).toBe(true);
  });

  test("that sessions share leads all of them to the newest pair of the family", async () => {
    const { client, refresh: first } = await logIn(opened);
    const second = String((await refresh(opened, client, first)).body["refresh_token"]);
    opened.clock.advance(30 * minute);
    const third = await refresh(opened, client, second);
    opened.clock.advance(29 * minute);
    expect((await refresh(opened, client, first)).body).toEqual({
      ...third.body,
      expires_in: 86_400 - 29 * 60,
    });
  });

  test("gives many requests at the same time one pair", async () => {
    const { client, refresh: first } = await logIn(opened);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => refresh(opened, client, first)),
    );
    expect(new Set(answers.map(({ body }) => body["refresh_token"])).size).toBe(1);
    expect(answers.every(({ status }) => status === 200)).toBe(true);
  });

  test("of an older generation revokes the family after the hour", async () => {
    const { client, refresh: first } = await logIn(opened);
    const second = (await refresh(opened, client, first)).body;
    opened.clock.advance(66 * minute);
    const stolen = await refresh(opened, client, first);
    expect([stolen.status, stolen.body["error"]]).toEqual([400, "invalid_grant"]);
    expect(await takes(String(second["access_token"]))).toBe(false);
    const rest = await refresh(opened, client, String(second["refresh_token"]));
    expect(rest.body["error"]).toBe("invalid_grant");
  });

  test("with short access tokens gives a live pair when it comes again", async () => {
    await opened.close();
    opened = await openOAuthGateway({ limits, settings: { accessTokenSeconds: 300 } });
    const { client, refresh: first } = await logIn(opened);
    await refresh(opened, client, first);
    opened.clock.advance(59 * minute);
    const { status, body } = await refresh(opened, client, first);
    expect(status).toBe(200);
    expect(await takes(String(body["access_token"]))).toBe(true);
    await opened.close();
    opened = await openOAuthGateway({ limits });
  });

  test("lives 90 days from its last use", async () => {
    const { client, refresh: first } = await logIn(opened);
    opened.clock.jump(89 * 24 * hour);
    const { status, body } = await refresh(opened, client, first);
    expect(status).toBe(200);
    opened.clock.jump(91 * 24 * hour);
    const late = await refresh(opened, client, String(body["refresh_token"]));
    expect(late.body["error"]).toBe("invalid_grant");
  });

  const refusals: [string, Record<string, string>, string][] = [
    ["a wider scope", { scope: "mcp admin" }, "invalid_scope"],
    ["another resource", { resource: `${base}/servers/child/mcp` }, "invalid_target"],
    ["another token's text", { refresh_token: `mcpr_${"a".repeat(43)}` }, "invalid_grant"],
    ["no token", { refresh_token: "" }, "invalid_request"],
  ];
  for (const [what, changes, error] of refusals) {
    test(`is refused for ${what} and stays good`, async () => {
      const { client, refresh: first } = await logIn(opened);
      expect((await refresh(opened, client, first, changes)).body["error"]).toBe(error);
      expect((await refresh(opened, client, first)).status).toBe(200);
    });
  }

  test("of another client is unknown", async () => {
    const { refresh: first } = await logIn(opened);
    const other = String((await register(opened))["client_id"]);
    expect((await refresh(opened, other, first)).body["error"]).toBe("invalid_grant");
  });

  test("is no access token, and the other way round", async () => {
    const { client, access, refresh: first } = await logIn(opened);
    expect(await takes(first)).toBe(false);
    expect((await refresh(opened, client, access)).body["error"]).toBe("invalid_grant");
  });
});

describe("an access token", () => {
  test("expires after a day", async () => {
    const { access } = await logIn(opened);
    opened.clock.jump(24 * hour - 1);
    expect(await takes(access)).toBe(true);
    opened.clock.jump(2);
    expect(await takes(access)).toBe(false);
  });

  test("is good at the URL that it was issued for, and at no other", async () => {
    const { access } = await logIn(opened, { resource: `${base}/servers/child/mcp` });
    expect(await takes(access, "/servers/child/mcp")).toBe(true);
    expect(await takes(access, "/servers/child/streamable")).toBe(true);
    expect(await takes(access, "/mcp")).toBe(false);
    expect(await takes(access, "/servers/other/mcp")).toBe(false);
  });

  test("is good by each name of this machine", async () => {
    const { access } = await logIn(opened, { resource: "http://127.0.0.1:8999/mcp" });
    expect(await takes(access)).toBe(true);
  });

  test("without a resource is good at every URL of the gateway", async () => {
    const { access } = await logIn(opened, { resource: "" });
    expect(await takes(access)).toBe(true);
    expect(await takes(access, "/servers/child/mcp")).toBe(true);
  });

  test("is refused in a URL", async () => {
    const { access } = await logIn(opened);
    expect(await takes(undefined, `/mcp?access_token=${access}`)).toBe(false);
    expect(await takes(access, `/mcp?access_token=${access}`)).toBe(false);
    expect(await takes(access)).toBe(true);
  });

  test("is refused with one character changed, and the answer tells nothing more", async () => {
    const { access } = await logIn(opened);
    const last = access.endsWith("A") ? "B" : "A";
    const response = await knock(opened, `${access.slice(0, -1)}${last}`);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe(
      `Bearer error="invalid_token", ` +
        `resource_metadata="${base}/.well-known/oauth-protected-resource/mcp", ` +
        `scope="mcp offline_access"`,
    );
  });
});

describe("a revocation", () => {
  test("of the refresh token by its client ends the grant", async () => {
    const { client, access, refresh: token } = await logIn(opened);
    const { status } = await postForm(opened, "/oauth/revoke", { client_id: client, token });
    expect(status).toBe(200);
    expect(await takes(access)).toBe(false);
    expect((await refresh(opened, client, token)).body["error"]).toBe("invalid_grant");
  });

  test("of the access token ends that token alone", async () => {
    const { client, access, refresh: token } = await logIn(opened);
    expect(await takes(access)).toBe(true);
    await postForm(opened, "/oauth/revoke", { client_id: client, token: access });
    expect(await takes(access)).toBe(false);
    expect((await refresh(opened, client, token)).status).toBe(200);
  });

  test("of another client's or an unknown token answers 200 and changes nothing", async () => {
    const { access } = await logIn(opened);
    const other = String((await register(opened))["client_id"]);
    for (const token of [access, "anything"]) {
      const { status } = await postForm(opened, "/oauth/revoke", { client_id: other, token });
      expect(status).toBe(200);
    }
    expect(await takes(access)).toBe(true);
  });

  test("by the operator ends a grant, a client or a person at once", async () => {
    const steering = opened.gateway.oauth;
    const one = await logIn(opened);
    const [grant] = await steering?.listGrants({ client: one.client }) ?? [];
    expect(grant).toMatchObject({ client: one.client, principal: "user:ada", surface: "/mcp" });
    expect(await steering?.revokeGrant(grant?.id ?? "")).toBe(true);
    expect(await steering?.revokeGrant(grant?.id ?? "")).toBe(false);
    expect(await takes(one.access)).toBe(false);
    const two = await logIn(opened);
    expect(await steering?.revokeClient(two.client)).toBe(true);
    expect(await takes(two.access)).toBe(false);
    expect((await refresh(opened, two.client, two.refresh)).status).toBe(401);
    const three = await logIn(opened, {}, { ...ada, name: "bob" });
    expect(await steering?.revokePrincipal("user:bob", "Removed")).toBe(1);
    expect(await takes(three.access)).toBe(false);
  });
});

describe("a restart", () => {
  test("loses no client, grant or code", async () => {
    const { client, access, refresh: token } = await logIn(opened);
    const waiting = await freshCode();
    const { directory, clock } = opened;
    await opened.close(true);
    opened = await openOAuthGateway({ limits, directory, clock });
    expect(await takes(access)).toBe(true);
    const rotated = await refresh(opened, client, token);
    expect(rotated.status).toBe(200);
    expect((await redeem(opened, waiting.client, waiting.code)).status).toBe(200);
    await opened.close(true);
    opened = await openOAuthGateway({ limits, directory, clock });
    expect((await refresh(opened, client, token)).body).toEqual(rotated.body);
  }, testMs);
});
