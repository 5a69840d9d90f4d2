/**
 * A gateway that takes keys, access tokens and the JWTs of another issuer at once, with one valid
 * credential of each kind, and everything else that a client may hold and show by mistake, as rows:
 * what was valid once, what is valid elsewhere, and what is no access token at all.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultLimits } from "../../src/limits.ts";
import type { JsonObject } from "../../src/model.ts";
import { createTestClock } from "./clock.ts";
import { createIssuerKey, type IssuerKey, startJwtIssuer } from "./jwt_issuer.ts";
import { usualClaims } from "./jwt_gateway.ts";
import type { Forge } from "./jwt_mutations.ts";
import {
  approve,
  askAuthorization,
  base,
  knock,
  logIn,
  type OAuthGateway,
  openOAuthGateway,
  postForm,
  redeem,
  register,
} from "./oauth_gateway.ts";
import { openBrowser } from "./oauth_person.ts";
import type { SentToken } from "./token_mutations.ts";

/** What a client sends in the place of a valid token. */
export interface SentCredential extends SentToken {
  readonly body?: { readonly type: string; readonly text: string };
}

/** One row: a name, and what is sent. */
export interface WrongCredential {
  readonly name: string;
  readonly sent: SentCredential;
}

/** The gateway. */
export interface ResourceGateway {
  readonly opened: OAuthGateway;
  readonly forge: Forge;
  /** One of each kind, valid at every surface but for the JWT, which is for `/mcp`. */
  readonly valid: Readonly<Record<"key" | "opaque" | "jwt", string>>;
  /** Held by clients, and no valid access token. */
  readonly wrong: readonly WrongCredential[];
  close(): Promise<void>;
}

/** The surface that some of the tokens are for; no test knocks there. */
const elsewhere = `${base}/servers/elsewhere/mcp`;
const password = "correct horse battery";

const bearer = (token: string): SentCredential => ({
  headers: { authorization: `Bearer ${token}` },
});
const basic = (name: string, secret: string): SentCredential => ({
  headers: { authorization: `Basic ${btoa(`${name}:${secret}`)}` },
});

/** Opens it. */
export async function openResourceGateway(): Promise<ResourceGateway> {
  const [main, rsa, disallowed, stranger] = await Promise.all([
    createIssuerKey("main"),
    createIssuerKey("rsa", "RS256"),
    createIssuerKey("other", "ES384"),
    createIssuerKey("stranger"),
  ]);
  const issuer = await startJwtIssuer([main, rsa, disallowed]);
  const clock = createTestClock();
  const opened = await openOAuthGateway({
    clock,
    kinds: ["key", "oauth", "jwt"],
    auth: { jwt: { issuers: [{ issuer: issuer.issuer, algorithms: ["ES256", "RS256"] }] } },
    limits: { passwordMemoryKib: 64 },
  });
  const claims = usualClaims(issuer, clock);
  const old = await credentialsOfThePast(opened, issuer.sign({ ...claims, exp: soonOf(claims) }));
  const valid = {
    key: (await opened.gateway.access.keys.add({ name: "valid" })).key,
    opaque: (await logIn(opened, { resource: "" })).access,
    jwt: await issuer.sign(usualClaims(issuer, clock)),
  };
  return {
    opened,
    forge: { issuer, claims: usualClaims(issuer, clock), stranger, rsa, disallowed },
    valid,
    wrong: [...old, ...await credentialsOfOtherUses(opened), ...await mixed(valid, main)],
    async close() {
      await opened.close();
      await issuer.close();
    },
  };
}

const soonOf = (claims: JsonObject): number => Number(claims["iat"]) + 60;

/** Tokens and keys that were valid; each is seen to be refused only because of what happened. */
async function credentialsOfThePast(
  opened: OAuthGateway,
  shortJwt: Promise<string>,
): Promise<WrongCredential[]> {
  const { gateway, clock } = opened;
  const { keys, users, grants, clients } = gateway.access;
  await users.add("gone", { roles: [], groups: [], password });
  await users.add("renewed", { roles: [], groups: [], password });
  const person = (name: string) => ({ name, roles: [], groups: [] });
  const expired = await logIn(opened, { resource: "" });
  const expiresAt = new Date(clock.wall() + 60_000).toISOString();
  const shortKey = await keys.add({ name: "short", expiresAt });
  const jwt = await shortJwt;
  await assertTaken(opened, [expired.access, shortKey.key, jwt]);
  clock.advance(defaultLimits.accessTokenMs + 1);
  const ofGone = await logIn(opened, { resource: "" }, person("gone"));
  const ofRenewed = await logIn(opened, { resource: "" }, person("renewed"));
  const ungranted = await logIn(opened, { resource: "" }, person("ungranted"));
  const ofClient = await logIn(opened, { resource: "" });
  const given = await logIn(opened, { resource: "" }, person("given"));
  const replayed = await logIn(opened, { resource: "" }, person("replayed"));
  const lost = await keys.add({ name: "lost" });
  const pairs = [ofGone, ofRenewed, ungranted, ofClient, given, replayed];
  await assertTaken(opened, [...pairs.map(({ access }) => access), lost.key]);
  await users.remove("gone");
  await users.setPassword("renewed", "another long password");
  for (const grant of await grants.list()) {
    if (grant.principal === "user:ungranted") await grants.revoke(grant.id);
  }
  await clients.revoke(ofClient.client);
  await postForm(opened, "/oauth/revoke", { client_id: given.client, token: given.access });
  await redeem(opened, replayed.client, replayed.code);
  await keys.revoke("lost");
  return [
    { name: "an access token that expired", sent: bearer(expired.access) },
    { name: "a key that expired", sent: bearer(shortKey.key) },
    { name: "a JWT that expired", sent: bearer(jwt) },
    { name: "a token of a removed user", sent: bearer(ofGone.access) },
    { name: "a token from before a new password", sent: bearer(ofRenewed.access) },
    { name: "a token whose grant was revoked", sent: bearer(ungranted.access) },
    { name: "a token whose client was revoked", sent: bearer(ofClient.access) },
    { name: "a token that its client revoked", sent: bearer(given.access) },
    { name: "a token whose code was used twice", sent: bearer(replayed.access) },
    { name: "a revoked key", sent: bearer(lost.key) },
  ];
}

/** Uses credentials, which the gateway remembers from then on. */
async function assertTaken(opened: OAuthGateway, tokens: readonly string[]): Promise<void> {
  for (const token of tokens) {
    const { status } = await knock(opened, token);
    if (status !== 400) throw new Error(`Cannot use ${token}: ${status}`);
  }
}

/** What is valid, but for another use or another surface. */
async function credentialsOfOtherUses(opened: OAuthGateway): Promise<WrongCredential[]> {
  const { gateway } = opened;
  const there = await logIn(opened, { resource: elsewhere });
  const narrow = await logIn(opened, { resource: "", scope: "mcp:server:child" });
  const registered = await register(opened, { token_endpoint_auth_method: "client_secret_post" });
  const [client, secret] = [registered["client_id"], registered["client_secret"]].map(String);
  const asked = await askAuthorization(opened, client ?? "");
  const redirect = await approve(opened, asked);
  const code = redirect.searchParams.get("code") ?? "";
  const waiting = new URL(
    (await askAuthorization(opened, client ?? "")).headers.get("location") ??
      "",
  ).searchParams.get("request") ?? "";
  await gateway.access.users.add("ann", { roles: [], groups: [], password });
  const link = await gateway.access.users.makeLink("ann");
  const browser = openBrowser((request) => gateway.fetch(request, { remoteAddress: "192.0.2.7" }));
  const page = await browser.open(`${base}/oauth/login`);
  await browser.submit(page, { name: "ann", password });
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const [session = ""] = browser.cookies.values();
  const tokenOf = (role: string) =>
    readFileSync(join(opened.directory, `${role}.token`), "utf8").trim();
  return [
    { name: "the owner's token of the admin API", sent: bearer(tokenOf("owner")) },
    { name: "the operator's token of the admin API", sent: bearer(tokenOf("operator")) },
    { name: "a token for another surface", sent: bearer(there.access) },
    { name: "a refresh token", sent: bearer(narrow.refresh) },
    { name: "a code that was not redeemed", sent: bearer(code) },
    { name: "a code that was redeemed", sent: bearer(narrow.code) },
    { name: "a code as an access token", sent: bearer(code.replace("mcpc_", "mcpa_")) },
    { name: "a refresh token as an access token", sent: bearer(`mcpa_${narrow.refresh.slice(5)}`) },
    { name: "an access token as a key", sent: bearer(`mcpk_${narrow.access.slice(5)}`) },
    { name: "the secret of a client", sent: bearer(secret ?? "") },
    { name: "the id of a client", sent: bearer(client ?? "") },
    { name: "id and secret of a client", sent: basic(client ?? "", secret ?? "") },
    { name: "name and password of a user", sent: basic("ann", password) },
    { name: "the id of a waiting request", sent: bearer(waiting) },
    { name: "a log-in link", sent: bearer(new URLSearchParams(link.path).get("token") ?? "") },
    { name: "the cookie of a person who is logged in", sent: { headers: { cookie } } },
    { name: "the value of this cookie as a token", sent: bearer(session) },
  ];
}

/** Valid credentials at wrong places, and two of them at once. */
async function mixed(
  { key, opaque, jwt }: ResourceGateway["valid"],
  main: IssuerKey,
): Promise<WrongCredential[]> {
  const escaped = (text: string) =>
    [...text].map((one) => `%${one.charCodeAt(0).toString(16)}`).join("");
  const all = Object.entries({ key, opaque, jwt });
  const places = all.flatMap(([kind, token]): WrongCredential[] => [
    {
      name: `${kind} in a form`,
      sent: {
        body: { type: "application/x-www-form-urlencoded", text: `access_token=${token}` },
      },
    },
    {
      name: `${kind} in a message`,
      sent: {
        body: {
          type: "application/json",
          text: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping", access_token: token }),
        },
      },
    },
    { name: `${kind}, each character escaped`, sent: bearer(escaped(token)) },
    { name: `${kind} with an escaped blank`, sent: bearer(`${token}%20`) },
    { name: `${kind} with a comma`, sent: bearer(`${token},`) },
    { name: `${kind} with a parameter`, sent: bearer(`token="${token}"`) },
    { name: `${kind} after a tab`, sent: { headers: { authorization: `Bearer\t${token}` } } },
    { name: `${kind} after a colon`, sent: { headers: { authorization: `Bearer: ${token}` } } },
    { name: `${kind} as a password`, sent: basic("ada", token) },
    { name: `${kind} as a user's name`, sent: basic(token, "") },
    { name: `${kind} as DPoP`, sent: { headers: { authorization: `DPoP ${token}` } } },
    {
      name: `${kind} for a proxy`,
      sent: { headers: { "proxy-authorization": `Bearer ${token}` } },
    },
    { name: `${kind} in x-api-key`, sent: { headers: { "x-api-key": token } } },
    {
      name: `${kind} for a protocol of sockets`,
      sent: { headers: { "sec-websocket-protocol": `bearer, ${token}` } },
    },
    { name: `${kind} as another parameter`, sent: { query: `ACCESS_TOKEN=${token}` } },
  ]);
  return [
    ...places,
    { name: "two valid tokens", sent: bearer(`${key}, Bearer ${opaque}`) },
    { name: "two valid tokens without a blank", sent: bearer(`${key},${opaque}`) },
    { name: "a JWT as a key", sent: bearer(`mcpk_${jwt}`) },
    { name: "a JWT as an access token", sent: bearer(`mcpa_${jwt}`) },
    { name: "a key with the parts of a JWT", sent: bearer(`${key}.${key}.${key}`) },
    { name: "the key id of the issuer", sent: bearer(main.kid) },
    { name: "the public key of the issuer", sent: bearer(btoa(JSON.stringify(main.publicJwk))) },
  ];
}
