/**
 * The grants that the configuration switches on: client credentials for machines, and identity
 * assertions (ID-JAG) of an enterprise's provider; and clients that authenticate by a signed JWT.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { JsonObject } from "../../src/model.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import {
  approve,
  askAuthorization,
  base,
  knock,
  type OAuthGateway,
  openOAuthGateway,
  postForm,
  redeem,
  register,
} from "../support/oauth_gateway.ts";

const testMs = 60_000;
const issuer = "https://idp.example";
const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const secret = "the-secret-of-a-robot-in-the-cellar";

let opened: OAuthGateway;
let keys: CryptoKeyPair;
let strangers: CryptoKeyPair;

beforeAll(async () => {
  keys = await generateKeyPair("ES256", { extractable: true });
  strangers = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...await exportJWK(keys.publicKey), kid: "1", alg: "ES256" };
  const runtime = await createTestRuntime();
  opened = await openOAuthGateway({
    runtime: {
      ...runtime,
      request: async () => ({
        status: 200,
        headers: new Headers({ "content-type": "application/json" }),
        body: new Blob([JSON.stringify({ keys: [jwk] })]).stream(),
      }),
    },
    settings: {
      clients: [
        { id: "robot", secret, grants: ["client_credentials"], roles: ["machine"] },
        {
          id: "narrow",
          secret,
          grants: ["client_credentials"],
          scopes: ["mcp:server:child"],
        },
        { id: "signer", jwks: { keys: [jwk] }, grants: ["client_credentials"] },
        { id: "office", secret, redirectUris: ["https://office.example/cb"] },
      ],
      assertionIssuers: [{ issuer, jwksUri: "https://idp.example/keys", nameClaim: "email" }],
    },
  });
}, testMs);
afterAll(() => opened.close(), testMs);

const basic = (id: string, text: string) => ({
  authorization: `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(text)}`)}`,
});
const ask = (form: Record<string, string>, headers = {}) =>
  postForm(opened, "/oauth/token", form, headers);
const now = () => Math.floor(opened.clock.wall() / 1_000);
let count = 0;

interface Signed {
  readonly claims?: JsonObject;
  readonly typ?: string;
  readonly by?: CryptoKey;
}

const sign = (own: JsonObject, { claims = {}, typ, by = keys.privateKey }: Signed) =>
  new SignJWT({ iat: now(), exp: now() + 300, jti: String(count += 1), ...own, ...claims })
    .setProtectedHeader({ alg: "ES256", kid: "1", ...(typ !== undefined && { typ }) })
    .sign(by);

describe("client credentials", () => {
  test("give a machine of the configuration a token for itself, without a refresh", async () => {
    const { status, body } = await ask(
      { grant_type: "client_credentials" },
      basic("robot", secret),
    );
    expect(status).toBe(200);
    expect(body).toMatchObject({ token_type: "Bearer", scope: "mcp offline_access" });
    expect("refresh_token" in body).toBe(false);
    expect((await knock(opened, String(body["access_token"]))).status).toBe(400);
    const checked = await opened.gateway.oauth?.check(String(body["access_token"]));
    expect(checked?.principal).toMatchObject({
      id: "client:robot",
      kind: "oauth",
      client: "robot",
      roles: ["machine"],
    });
  });

  test("are limited to the machine's scopes and to the resource", async () => {
    const form = { grant_type: "client_credentials", resource: `${base}/servers/child/mcp` };
    const { body } = await ask(form, basic("narrow", secret));
    const checked = await opened.gateway.oauth?.check(String(body["access_token"]));
    expect(checked).toMatchObject({ surface: "/servers/child", principal: { servers: ["child"] } });
    const wide = await ask({ ...form, scope: "mcp" }, basic("narrow", secret));
    expect(wide.body["error"]).toBe("invalid_scope");
  });

  const refusals: [string, Record<string, string>, Record<string, string>, number, string][] = [
    ["a wrong secret", {}, basic("robot", "wrong"), 401, "invalid_client"],
    ["no secret", { client_id: "robot" }, {}, 401, "invalid_client"],
    ["an unknown client", {}, basic("ghost", secret), 401, "invalid_client"],
    ["a malformed header", {}, { authorization: "Basic !!" }, 401, "invalid_client"],
    ["two ways at once", { client_secret: secret }, basic("robot", secret), 400, "invalid_request"],
    ["two clients", { client_id: "narrow" }, basic("robot", secret), 400, "invalid_request"],
    ["a client of people", {}, basic("office", secret), 400, "unauthorized_client"],
  ];
  for (const [what, form, headers, status, error] of refusals) {
    test(`are refused with ${what}`, async () => {
      const answer = await ask({ grant_type: "client_credentials", ...form }, headers);
      expect([answer.status, answer.body["error"]]).toEqual([status, error]);
    });
  }

  test("stay as they are when a client of the configuration is to be revoked", async () => {
    const { body } = await ask({ grant_type: "client_credentials" }, basic("robot", secret));
    const revoked = opened.gateway.access.clients.revoke("robot");
    await expect(revoked).rejects.toThrow("remove clients of mcp.json in that file");
    expect((await knock(opened, String(body["access_token"]))).status).toBe(400);
  });

  test("are advertised where a machine is configured, and only there", async () => {
    const metadata = async ({ fetch }: OAuthGateway) =>
      await (await fetch(`${base}/.well-known/oauth-authorization-server`)).json() as JsonObject;
    expect((await metadata(opened))["grant_types_supported"]).toEqual([
      "authorization_code",
      "refresh_token",
      "client_credentials",
      jwtBearer,
    ]);
    const plain = await openOAuthGateway();
    expect((await metadata(plain))["grant_types_supported"]).toEqual([
      "authorization_code",
      "refresh_token",
    ]);
    const id = String((await register(plain))["client_id"]);
    const form = { client_id: id, assertion: "a.b.c" };
    const machine = await postForm(plain, "/oauth/token", {
      ...form,
      grant_type: "client_credentials",
    });
    expect(machine.body["error"]).toBe("unauthorized_client");
    const assertion = await postForm(plain, "/oauth/token", { ...form, grant_type: jwtBearer });
    expect(assertion.body["error"]).toBe("unsupported_grant_type");
    await plain.close();
  }, testMs);
});

describe("a signed client assertion", () => {
  const own = { iss: "signer", sub: "signer", aud: base };
  const askSigned = (assertion: string) =>
    ask({
      grant_type: "client_credentials",
      client_assertion_type: assertionType,
      client_assertion: assertion,
    });

  test("authenticates its client once", async () => {
    const assertion = await sign(own, {});
    expect((await askSigned(assertion)).status).toBe(200);
    const again = await askSigned(assertion);
    expect([again.status, again.body["error"]]).toEqual([401, "invalid_client"]);
    const forToken = await sign({ ...own, aud: `${base}/oauth/token` }, {});
    expect((await askSigned(forToken)).status).toBe(200);
  });

  const faults: [string, () => Signed][] = [
    ["another's key", () => ({ by: strangers.privateKey })],
    ["another audience", () => ({ claims: { aud: "https://other.example" } })],
    ["another issuer", () => ({ claims: { iss: "robot" } })],
    ["no expiry", () => ({ claims: { exp: undefined } })],
    ["an expiry that is over", () => ({ claims: { exp: now() - 120 } })],
    ["a life of days", () => ({ claims: { exp: now() + 200_000 } })],
    ["no id of its own", () => ({ claims: { jti: undefined } })],
    ["the subject of a client without keys", () => ({ claims: { sub: "robot", iss: "robot" } })],
  ];
  for (const [what, changes] of faults) {
    test(`with ${what} is invalid_client`, async () => {
      const { status, body } = await askSigned(await sign(own, changes()));
      expect([status, body["error"]]).toEqual([401, "invalid_client"]);
    });
  }

  test("without a signature, or with a shared key, is invalid_client", async () => {
    const part = (value: object) =>
      btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const claims = part({ ...own, exp: now() + 60, jti: "none" });
    const shared = new SignJWT({ ...own, exp: now() + 60, jti: "shared" });
    const hmac = await shared.setProtectedHeader({ alg: "HS256" })
      .sign(new TextEncoder().encode(JSON.stringify(await exportJWK(keys.publicKey))));
    for (const assertion of [`${part({ alg: "none" })}.${claims}.`, hmac, "x", "a.b.c"]) {
      expect((await askSigned(assertion)).status).toBe(401);
    }
  });

  test("authenticates a registered client with keys in a log-in", async () => {
    const jwk = { ...await exportJWK(keys.publicKey), kid: "1" };
    const id = String(
      (await register(opened, {
        token_endpoint_auth_method: "private_key_jwt",
        jwks: { keys: [jwk] },
      }))["client_id"],
    );
    const code = (await approve(opened, await askAuthorization(opened, id)))
      .searchParams.get("code") ?? "";
    expect((await redeem(opened, id, code)).status).toBe(401);
    const assertion = await sign({ iss: id, sub: id, aud: base }, {});
    const proof = { client_assertion_type: assertionType, client_assertion: assertion };
    expect((await redeem(opened, id, code, proof)).status).toBe(200);
  });
});

describe("an identity assertion", () => {
  const typ = "oauth-id-jag+jwt";
  const own = () => ({
    iss: issuer,
    sub: "1234",
    email: "ada@example.com",
    aud: base,
    client_id: "office",
    resource: `${base}/mcp`,
    scope: "mcp",
  });
  const exchange = (assertion: string, client = "office") =>
    ask({ grant_type: jwtBearer, assertion }, basic(client, secret));

  test("of the enterprise's provider stands for its user", async () => {
    const assertion = await sign(own(), { typ });
    const { status, body } = await exchange(assertion);
    expect(status).toBe(200);
    expect(body).toMatchObject({ scope: "mcp" });
    expect("refresh_token" in body).toBe(false);
    const checked = await opened.gateway.oauth?.check(String(body["access_token"]));
    expect(checked).toMatchObject({
      surface: "/mcp",
      principal: { id: "user:idp.example#ada@example.com", client: "office" },
    });
    const again = await exchange(assertion);
    expect([again.status, again.body["error"]]).toEqual([400, "invalid_grant"]);
  });

  const faults: [string, () => Signed, string][] = [
    ["of another type", () => ({ typ: "JWT" }), "invalid_grant"],
    ["of another issuer", () => ({ claims: { iss: "https://evil.example" } }), "invalid_grant"],
    ["signed by another key", () => ({ by: strangers.privateKey }), "invalid_grant"],
    ["for another gateway", () => ({ claims: { aud: "https://x.example" } }), "invalid_grant"],
    ["for another client", () => ({ claims: { client_id: "robot" } }), "invalid_grant"],
    ["without a client", () => ({ claims: { client_id: undefined } }), "invalid_grant"],
    ["without a user", () => ({ claims: { email: undefined } }), "invalid_grant"],
    ["of a user with a space", () => ({ claims: { email: "ada " } }), "invalid_grant"],
    ["of a user with a line break", () => ({ claims: { email: "a\nb" } }), "invalid_grant"],
    ["that has expired", () => ({ claims: { exp: now() - 120 } }), "invalid_grant"],
    ["that is valid for days", () => ({ claims: { exp: now() + 200_000 } }), "invalid_grant"],
    [
      "for another resource",
      () => ({ claims: { resource: "https://x.example" } }),
      "invalid_target",
    ],
  ];
  for (const [what, changes, error] of faults) {
    test(`${what} is refused`, async () => {
      const { status, body } = await exchange(await sign(own(), { typ, ...changes() }));
      expect([status, body["error"]]).toEqual([400, error]);
    });
  }
});

describe("a client of the configuration", () => {
  const machine = { id: "guest", secret, grants: ["client_credentials"] };
  const form = { grant_type: "client_credentials" };

  test("has no valid token any more once it has left the configuration", async () => {
    const first = await openOAuthGateway({ settings: { clients: [machine] } });
    const { body } = await postForm(first, "/oauth/token", form, basic("guest", secret));
    const token = String(body["access_token"]);
    expect((await knock(first, token)).status).toBe(400);
    await first.close(true);
    const { directory, clock } = first;
    const again = await openOAuthGateway({ settings: { clients: [machine] }, directory, clock });
    expect((await knock(again, token)).status).toBe(400);
    await again.close(true);
    const without = await openOAuthGateway({ settings: {}, directory, clock });
    expect((await knock(without, token)).status).toBe(401);
    expect(await without.gateway.oauth?.listGrants()).toEqual([]);
    await without.close();
  }, testMs);

  test("signs for the token endpoint, wherever the issuer is", async () => {
    const jwk = { ...await exportJWK(keys.publicKey), kid: "1", alg: "ES256" };
    const signer = { id: "signer", jwks: { keys: [jwk] }, grants: ["client_credentials"] };
    const hidden = await openOAuthGateway({
      settings: { clients: [signer], discovery: { "/servers/child": false } },
    });
    const statuses: number[] = [];
    for (const aud of [`${base}/oauth/token`, `${base}/oauth`, `${base}/oauth/oauth/token`]) {
      const assertion = await sign({ iss: "signer", sub: "signer", aud }, {});
      const given = { client_assertion_type: assertionType, client_assertion: assertion };
      const { status } = await postForm(hidden, "/oauth/token", { ...form, ...given }, {});
      statuses.push(status);
    }
    expect(statuses).toEqual([200, 200, 401]);
    await hidden.close();
  }, testMs);
});
